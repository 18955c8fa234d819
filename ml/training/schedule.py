"""The learning rate as a pure function of the step.

A schedule without a memory cannot get out of step with a resumed training, and its whole course can be drawn before
anything is trained. Lengths are given in epochs and may be fractions; the rate changes with every step, not only
between epochs.

constant
    The given rate throughout.
linear_decay
    The given rate until `begin`, then along a line to zero at the last epoch (Dorfer 3.2: from epoch 100 of 500; 4.2:
    from epoch 5 of 30) [1]_.
step
    The rate times `factor` after every `every` epochs (Iqbal table 3: 0.9 every 2; Kong 4: 0.9 every 200 steps, an
    epoch there) [2]_ [3]_, or at each of `milestones` (Jeong 3.3: 0.1 after 150,000 and 250,000 of 300,000 steps) [4]_.
cosine_restarts
    Half a cosine from the given rate to `lowest`, again and again, each cycle `growth` times as long as the one before.
    Hu et al. (5.2) name 0.1 and 1e-5; the lengths (2, 4, 8 … epochs) are those of their released code [5]_.
one_cycle
    Half a cosine up to the given rate during the first `rise` of the training, then one down to nearly zero. In none of
    the papers; it gets a network far in few epochs, where only a CPU is at hand [6]_.

References
----------
.. [1] Dorfer and Widmer, DCASE 2018.
.. [2] Iqbal et al., DCASE 2018.
.. [3] Kong et al., DCASE 2018.
.. [4] Jeong and Lim, DCASE 2018.
.. [5] Hu et al., DCASE 2020 challenge.
.. [6] L. N. Smith and N. Topin, "Super-convergence: Very fast training of neural networks using large learning
   rates", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, floor, pi
from typing import Literal

from ml.training.ranges import above_zero, at_least, one_of, within

ONE_CYCLE_FIRST = 1 / 25  # of the highest rate (Smith and Topin leave it open; these are customary)
ONE_CYCLE_LAST = 1e-4


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """Course of the learning rate.

    Attributes
    ----------
    kind : {"constant", "linear_decay", "step", "cosine_restarts", "one_cycle"}
        The rule.
    begin : float
        linear_decay: epoch from which the rate falls.
    factor : float
        step: what the rate is multiplied by.
    every : float
        step: epochs between two multiplications, where there are no milestones.
    milestones : tuple of float
        step: epochs after which the rate is multiplied, ascending.
    cycle : float
        cosine_restarts: epochs of the first cycle.
    growth : float
        cosine_restarts: length of a cycle by that of the one before.
    lowest : float
        cosine_restarts: the rate at the end of a cycle.
    rise : float
        one_cycle: share of the training during which the rate rises.
    """

    kind: Literal["constant", "linear_decay", "step", "cosine_restarts", "one_cycle"] = "constant"
    begin: float = 0.0
    factor: float = 0.9
    every: float = 1.0
    milestones: tuple[float, ...] = ()
    cycle: float = 2.0
    growth: float = 2.0
    lowest: float = 1e-5
    rise: float = 0.3

    def __post_init__(self) -> None:
        one_of("kind", self.kind, ("constant", "linear_decay", "step", "cosine_restarts", "one_cycle"))
        at_least("begin", self.begin, 0)
        at_least("lowest", self.lowest, 0)
        at_least("growth", self.growth, 1)
        within("rise", self.rise, 0, 1)
        for name in ("factor", "every", "cycle"):
            above_zero(name, getattr(self, name))
        if list(self.milestones) != sorted(self.milestones):
            message = f"milestones = {self.milestones}: expected epochs in ascending order."
            raise ValueError(message)


def learning_rate(schedule: ScheduleConfig, *, rate: float, step: int, steps_per_epoch: int, epochs: int) -> float:
    """Compute the learning rate of a step.

    Parameters
    ----------
    schedule : ScheduleConfig
        Course of the rate.
    rate : float
        Initial rate; for ``one_cycle`` the highest.
    step : int
        Steps done since the beginning of the training, 0 for the first.
    steps_per_epoch, epochs : int
        Length of the training.

    Returns
    -------
    float
        The rate.
    """
    epoch = step / steps_per_epoch
    match schedule.kind:
        case "constant":
            return rate
        case "linear_decay":
            falling = max(epochs - schedule.begin, 1 / steps_per_epoch)
            return rate * min(1.0, max(0.0, 1 - (epoch - schedule.begin) / falling))
        case "step":
            return rate * schedule.factor ** _multiplications(schedule, epoch)
        case "cosine_restarts":
            return _between(rate, schedule.lowest, _cycle(schedule, epoch)[1])
        case "one_cycle":
            return _one_cycle(schedule, rate, epoch / epochs)


def ends_cycle(schedule: ScheduleConfig, epoch: int) -> bool:
    """Tell whether a cycle ended, and the rate was at its lowest, during the last of so many epochs.

    Without a validation set the last such epochs are kept: Hu et al. average the models "when learning rate hits
    around the minimum number". For all schedules but ``cosine_restarts`` every epoch is such an end.
    """
    if schedule.kind != "cosine_restarts":
        return True
    return _cycle(schedule, epoch)[0] > _cycle(schedule, epoch - 1)[0]


def _multiplications(schedule: ScheduleConfig, epoch: float) -> int:
    if schedule.milestones:
        return sum(epoch >= milestone for milestone in schedule.milestones)
    return floor(epoch / schedule.every + 1e-9)  # 0.3 / 0.1 is 2.999…96


def _one_cycle(schedule: ScheduleConfig, rate: float, done: float) -> float:
    if done < schedule.rise:
        return _between(rate * ONE_CYCLE_FIRST, rate, done / schedule.rise)
    return _between(rate, rate * ONE_CYCLE_LAST, (done - schedule.rise) / (1 - schedule.rise))


def _cycle(schedule: ScheduleConfig, epoch: float) -> tuple[int, float]:
    """Return the number of cycles that ended and the place in the current one, 0 to 1."""
    ended, length = 0, schedule.cycle
    while epoch >= length:
        epoch -= length
        length *= schedule.growth
        ended += 1
    return ended, epoch / length


def _between(first: float, last: float, done: float) -> float:
    """Go from the first to the last rate along half a cosine; `done` from 0 to 1."""
    return last + (first - last) * (1 + cos(pi * done)) / 2
