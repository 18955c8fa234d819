import pytest
import torch

from ml.networks.cochlscene import CochlSceneConfig, CochlSceneNetwork
from ml.networks.parameter_count import count_parameters


def test_the_baseline_has_the_papers_116821_trainable_parameters() -> None:
    with torch.device("meta"):
        network = CochlSceneNetwork(CochlSceneConfig(n_classes=13))
    assert count_parameters(network).trainable == 116_821


def test_768_numbers_reach_the_first_linear_layer_as_in_table_2() -> None:
    assert CochlSceneConfig(n_classes=13).flattened == 768


def test_the_texts_40_bands_would_miss_the_count() -> None:
    with torch.device("meta"):
        network = CochlSceneNetwork(CochlSceneConfig(n_classes=13, n_bands=40))
    # 40 / 5 / 4 = 2 bands and 4 frames of 32 channels: 256·100 + 100 + 1,313 + 38,480 + 128
    assert count_parameters(network).trainable == 65_621


def test_the_shapes_before_the_flattening_are_those_of_table_2() -> None:
    with torch.device("meta"):
        network = CochlSceneNetwork(CochlSceneConfig(n_classes=13)).eval()
        x_BCTM = torch.zeros(1, 1, 499, 128)
        shapes = {}
        for index, layer in enumerate(network.layers[:7]):
            x_BCTM = layer(x_BCTM)
            shapes[index] = tuple(x_BCTM.shape[1:])
    assert shapes[1] == (16, 499, 128)
    assert shapes[2] == (16, 99, 25)
    assert shapes[4] == (32, 99, 25)
    assert shapes[5] == (32, 4, 6)


def test_inputs_of_another_length_are_refused() -> None:
    with torch.device("meta"):
        network = CochlSceneNetwork(CochlSceneConfig(n_classes=13))
        with pytest.raises(ValueError, match="499 frames, 128 bands"):
            network(torch.zeros(1, 1, 498, 128))


def test_too_few_frames_for_the_poolings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n_frames = 99: expected at least 100"):
        CochlSceneConfig(n_classes=13, n_frames=99)
