import torch

from ml.networks.band_normalisation import BandNormalisation


def test_each_band_gets_mean_zero_and_deviation_one() -> None:
    level_M = torch.tensor([0.0, 100.0, -5.0])
    spread_M = torch.tensor([1.0, 7.0, 0.1])
    x_BCTM = torch.randn(4, 2, 50, 3, generator=torch.Generator().manual_seed(0)) * spread_M + level_M
    y_BCTM = BandNormalisation(3)(x_BCTM)
    assert y_BCTM.shape == x_BCTM.shape
    torch.testing.assert_close(y_BCTM.mean(dim=(0, 1, 2)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(y_BCTM.std(dim=(0, 1, 2), correction=0), torch.ones(3), atol=1e-3, rtol=0)
