from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch._inductor import config as inductor

from ml.training.batches import Batch, BatchSource, epoch
from ml.training.config import TrainingConfig
from ml.training.losses import LossConfig
from ml.training.seeds import Purpose, generator
from ml.training.steps import Stepper
from tests.ml.training.small_training import SmallNetwork, small_clips, small_config

CPU = torch.device("cpu")


def batch_of(config: TrainingConfig) -> Batch:
    source = BatchSource.of(small_clips(), config)
    return next(epoch(source, generator=generator(0, Purpose.BATCHES, 1), rows=slice(None), device=CPU))


class Cramped(nn.Module):
    """A network on a device with room for a few excerpts."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.inner = SmallNetwork(plain=True)
        self.room = room
        self.seen: list[int] = []

    def forward(self, x_BCTM: Tensor) -> Tensor:
        if len(x_BCTM) > self.room:
            raise torch.OutOfMemoryError
        self.seen.append(len(x_BCTM))
        scores: Tensor = self.inner(x_BCTM)
        return scores


def weights_of(network: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def test_a_batch_that_does_not_fit_is_halved_and_steps_the_same(caplog: pytest.LogCaptureFixture) -> None:
    config = small_config(batch_size=8, optimiser="sgd", learning_rate=0.1)
    batch = batch_of(config)
    whole, cramped = SmallNetwork(plain=True), Cramped(room=3)
    Stepper(whole, config, CPU).step(batch, rate=0.1)
    stepper = Stepper(cramped, config, CPU)

    stepper.step(batch, rate=0.1)

    torch.testing.assert_close(weights_of(cramped), weights_of(whole))
    assert stepper.part == 2
    assert cramped.seen == [2, 2, 2, 2]
    assert stepper.notes == [
        "Device memory did not suffice for 8 examples at once; batches are computed in parts of 4.",
        "Device memory did not suffice for 4 examples at once; batches are computed in parts of 2.",
    ]
    assert caplog.messages == stepper.notes


def test_parts_stay_small_once_halved() -> None:
    config = small_config(batch_size=8)
    network = Cramped(room=4)
    stepper = Stepper(network, config, CPU)
    stepper.step(batch_of(config), rate=0.1)

    stepper.step(batch_of(config), rate=0.1)

    assert network.seen == [4, 4, 4, 4]
    assert len(stepper.notes) == 1


def test_an_example_that_does_not_fit_alone_is_an_error() -> None:
    config = small_config(batch_size=8)

    with pytest.raises(torch.OutOfMemoryError):
        Stepper(Cramped(room=0), config, CPU).step(batch_of(config), rate=0.1)


def test_the_loss_is_the_weighted_mean_over_the_whole_batch() -> None:
    config = small_config(batch_size=4)
    network = SmallNetwork(plain=True)
    batch = batch_of(config)._replace(weight_B=torch.tensor([1.0, 0.0, 0.5, 1.0]))
    with torch.no_grad():
        loss_B = -(batch.target_BK * network(batch.x_BCTM).log_softmax(dim=1)).sum(dim=1)
    stepper = Stepper(network, config, CPU)

    stepper.step(batch, rate=1e-3)

    assert stepper.mean_loss() == pytest.approx(float(loss_B[0] + 0.5 * loss_B[2] + loss_B[3]) / 4)


def test_masked_clips_do_not_move_the_weights() -> None:
    config = small_config(batch_size=2, optimiser="sgd", learning_rate=1.0, loss=LossConfig(masking_alpha=0.8))
    network = SmallNetwork(plain=True)
    nn.init.zeros_(network.head.weight)
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([3.0, 0.0, 0.0]))
    # The scores are (3, 0, 0) for any sound: the loss of class 0 is small, that of class 1 is the largest.
    target_BK = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])
    batch = batch_of(config)._replace(
        target_BK=target_BK, weight_B=torch.ones(2), verified_B=torch.tensor([False, False])
    )

    Stepper(network, config, CPU).step(batch, rate=1.0)

    # Only the first counts: the bias moves by (target - softmax) / 2.
    p = torch.tensor([3.0, 0, 0]).softmax(0)
    torch.testing.assert_close(network.head.bias.detach(), torch.tensor([3.0, 0, 0]) + (target_BK[0] - p) / 2)


def test_the_moving_average_follows_the_weights() -> None:
    config = small_config(batch_size=4, ema_decay=0.75)
    network = SmallNetwork()
    stepper = Stepper(network, config, CPU)
    stepper.step(batch_of(config), rate=0.1)
    first = weights_of(network)  # the average begins with them

    stepper.step(batch_of(config), rate=0.1)

    assert stepper.evaluated is not network
    torch.testing.assert_close(weights_of(stepper.evaluated), 0.75 * first + 0.25 * weights_of(network))


def test_half_precision_gives_nearly_the_same_loss() -> None:
    losses = []
    for precision in ("fp32", "bf16"):
        config = small_config(batch_size=8, precision=precision)
        stepper = Stepper(SmallNetwork(plain=True), config, CPU)
        stepper.step(batch_of(config), rate=1e-3)
        losses.append(stepper.mean_loss())

    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)


def test_momentum_and_weight_decay_reach_the_optimiser() -> None:
    config = small_config(optimiser="sgd", momentum=0.9, weight_decay=1e-4)

    (group,) = Stepper(SmallNetwork(), config, CPU).optimiser.param_groups

    assert (group["momentum"], group["weight_decay"]) == (0.9, 1e-4)


# What torch's compiler imports warns of itself.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_a_compiled_network_steps_the_same() -> None:
    losses, weights = [], []
    for compiled in (False, True):
        config = small_config(batch_size=8, optimiser="sgd", learning_rate=0.1, compiled=compiled)
        network = SmallNetwork(plain=True)
        stepper = Stepper(network, config, CPU)
        stepper.step(batch_of(config), rate=0.1)
        losses.append(stepper.mean_loss())
        weights.append(weights_of(network))
        assert stepper.notes == []

    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    torch.testing.assert_close(weights[1], weights[0])


@pytest.fixture
def _no_compiler() -> Iterator[None]:
    torch.compiler.reset()
    with inductor.patch({"cpp.cxx": ("no-such-compiler",), "fx_graph_cache": False}):
        yield


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("_no_compiler")
def test_a_network_that_cannot_be_compiled_is_trained_without(caplog: pytest.LogCaptureFixture) -> None:
    plain, compiled = (
        small_config(batch_size=8, optimiser="sgd", learning_rate=0.1, compiled=each) for each in (False, True)
    )
    expected, found = SmallNetwork(plain=True), SmallNetwork(plain=True)
    Stepper(expected, plain, CPU).step(batch_of(plain), rate=0.1)
    stepper = Stepper(found, compiled, CPU)

    stepper.step(batch_of(compiled), rate=0.1)

    assert torch.equal(weights_of(found), weights_of(expected))
    (note,) = stepper.notes
    assert note.startswith("The network could not be compiled (")
    assert note.endswith("); the training goes on without.")
    assert note in caplog.messages
    stepper.step(batch_of(compiled), rate=0.1)
    assert stepper.notes == [note]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("_no_compiler")
def test_one_of_several_processes_that_cannot_compile_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(batch_size=8, compiled=True)
    stepper = Stepper(SmallNetwork(plain=True), config, CPU)
    monkeypatch.setattr(stepper, "_ranks", 2)

    with pytest.raises(Exception, match="no-such-compiler") as caught:
        stepper.step(batch_of(config), rate=0.1)

    assert "train with compiled = False" in caught.value.__notes__[0]


def test_an_error_of_the_network_itself_is_an_error() -> None:
    config = small_config(batch_size=8)
    stepper = Stepper(SmallNetwork(channels=3), config, CPU)

    with pytest.raises(RuntimeError, match="to have 3 channels, but got 1"):
        stepper.step(batch_of(config), rate=0.1)

    assert stepper.notes == []
