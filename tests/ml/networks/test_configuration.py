from dataclasses import dataclass

import pytest
import torch

from ml.networks.configuration import require_at_least, require_input, require_rates


@dataclass(frozen=True)
class Sizes:
    width: int = 3
    widths: tuple[int, ...] = (4, 2)
    dropout: float = 0.5


def test_sizes_of_at_least_the_least_are_taken() -> None:
    require_at_least(Sizes(), 2, "width", "widths")


def test_a_size_below_the_least_is_named_with_what_is_expected() -> None:
    with pytest.raises(ValueError, match=r"width = 3: expected at least 4\."):
        require_at_least(Sizes(), 4, "width")


def test_the_smallest_of_several_sizes_decides() -> None:
    with pytest.raises(ValueError, match=r"widths = \(4, 2\): expected at least 3\."):
        require_at_least(Sizes(), 3, "widths")


def test_no_sizes_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match=r"widths = \(\)"):
        require_at_least(Sizes(widths=()), 1, "widths")


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rates_outside_zero_to_one_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="dropout"):
        require_rates(Sizes(dropout=rate), "dropout")


def test_rates_of_zero_and_below_one_are_taken() -> None:
    require_rates(Sizes(dropout=0.0), "dropout")
    require_rates(Sizes(dropout=0.99), "dropout")


@pytest.mark.parametrize("shape", [(2, 1, 10, 4), (2, 3, 10, 5), (2, 3, 9, 4), (3, 10, 4)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    require_input(torch.zeros(2, 3, 10, 4), channels=3, bands=4, frames=10)
    with pytest.raises(ValueError, match="expected"):
        require_input(torch.zeros(shape), channels=3, bands=4, frames=10)


def test_fully_convolutional_networks_take_any_number_of_frames_from_the_least() -> None:
    require_input(torch.zeros(2, 3, 16, 4), channels=3, bands=4, least_frames=16)
    require_input(torch.zeros(2, 3, 99, 4), channels=3, bands=4, least_frames=16)
    with pytest.raises(ValueError, match="at least 16 frames"):
        require_input(torch.zeros(2, 3, 15, 4), channels=3, bands=4, least_frames=16)
