import pytest
import torch

from ml.networks.kong import KongConfig, KongNetwork
from ml.networks.parameter_count import count_parameters


@pytest.mark.parametrize(("convolutions", "count"), [(4, 4_309_450), (8, 4_691_274)])
def test_the_networks_have_the_papers_parameters_with_ten_classes(convolutions: int, count: int) -> None:
    with torch.device("meta"):
        network = KongNetwork(KongConfig(n_classes=10, convolutions=convolutions))
    assert count_parameters(network).trainable == count


def test_each_further_class_adds_513() -> None:
    with torch.device("meta"):
        network = KongNetwork(KongConfig(n_classes=41, convolutions=4))
    assert count_parameters(network).trainable == 4_309_450 + 31 * 513


def test_the_last_maps_are_a_sixteenth_of_the_input() -> None:
    with torch.device("meta"):
        network = KongNetwork(KongConfig(n_classes=10)).eval()
        assert tuple(network.layers(torch.zeros(1, 1, 320, 64)).shape) == (1, 512, 20, 4)


def test_other_depths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"convolutions = 6: expected 4"):
        KongConfig(n_classes=10, convolutions=6)
