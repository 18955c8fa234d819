import pytest
import torch

from ml.networks.nguyen import NguyenConfig, NguyenNetwork, band_statistics
from ml.networks.parameter_count import ParameterCount, count_parameters


def _count(**options: object) -> ParameterCount:
    with torch.device("meta"):
        return count_parameters(NguyenNetwork(NguyenConfig(n_classes=41, **options)))


def test_the_network_has_the_papers_548000_parameters() -> None:
    count = _count()
    # kernels: 9 (1·24 + 24·24 + 24·48 + 48·48 + 48·48 + 48·48 + 48·64 + 64·64) + 64·64 = 146,584
    # channels of the convolutions: 2·24 + 2·48 + 2·48 + 2·64 + 64 = 432
    assert count.total == 146_584 + 432 + 4 * 432 + 3072 * 128 + 128 + 4 * 128 + 128 * 41 + 41
    assert count == ParameterCount(trainable=546_769, frozen=0, statistics=1_120)
    assert f"{count.total:.2e}" == "5.48e+05"


@pytest.mark.parametrize(
    ("frames", "flattened"),
    [(128, 8 * 6 * 64), (171, 10 * 6 * 64), (257, 16 * 6 * 64)],  # halved four times, rounded down
)
def test_longer_patches_only_widen_the_first_linear_layer(frames: int, flattened: int) -> None:
    assert NguyenConfig(n_classes=41, n_frames=frames).flattened == flattened
    assert _count(n_frames=frames).total == 547_889 + (flattened - 3072) * 128


def test_the_second_input_adds_two_layers_and_ten_columns() -> None:
    added = _count(statistics=True).trainable - _count().trainable
    assert added == (2 * 96 * 64 + 64) + (64 * 10 + 10) + 10 * 41


def test_statistics_are_the_mean_and_deviation_of_each_band() -> None:
    x_BCTM = torch.tensor([[[[1.0, 10.0], [3.0, 10.0]]]])  # two frames of two bands
    assert band_statistics(x_BCTM).tolist() == [[2.0, 10.0, 1.0, 0.0]]


def test_the_second_input_changes_the_scores() -> None:
    config = NguyenConfig(n_classes=3, n_frames=16, n_bands=16, widths=(2, 2, 2, 2), hidden=4, statistics=True)
    network = NguyenNetwork(config).eval()
    x_BCTM = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    before = network(x_BCTM)
    torch.nn.init.ones_(network.statistics[2].bias)  # what would be the statistics of louder patches
    assert not torch.equal(before, network(x_BCTM))


def test_patches_shorter_than_the_poolings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n_frames = 15: expected at least 16"):
        NguyenConfig(n_classes=41, n_frames=15)
