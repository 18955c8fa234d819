from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training.schedule import ScheduleConfig, ends_cycle, learning_rate


def rates(schedule: ScheduleConfig, *, rate: float, epochs: int, steps: int = 1) -> list[float]:
    return [
        learning_rate(schedule, rate=rate, step=step, steps_per_epoch=steps, epochs=epochs)
        for step in range(epochs * steps)
    ]


def test_a_constant_rate_stays() -> None:
    assert rates(ScheduleConfig(), rate=0.5, epochs=3) == [0.5] * 3


def test_linear_decay_begins_at_its_epoch_and_reaches_zero_after_the_last() -> None:
    # From epoch 2 of 6: 1 - (epoch - 2) / 4.
    found = rates(ScheduleConfig(kind="linear_decay", begin=2), rate=1.0, epochs=6)

    assert found == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25])


def test_steps_multiply_after_every_so_many_epochs() -> None:
    found = rates(ScheduleConfig(kind="step", factor=0.5, every=1.5), rate=8.0, epochs=3, steps=2)

    assert found == pytest.approx([8, 8, 8, 4, 4, 4])


def test_a_tenth_of_an_epoch_is_not_lost_to_rounding() -> None:
    # 0.3 / 0.1 is 2.999…96 in binary.
    found = rates(ScheduleConfig(kind="step", factor=0.5, every=0.1), rate=8.0, epochs=1, steps=10)

    assert found[:4] == pytest.approx([8, 4, 2, 1])


def test_milestones_multiply_once_each() -> None:
    # Jeong: 1e-3 for 150,000 steps, 1e-4 for the next 100,000, 1e-5 for the last 50,000; an epoch is 1,000 steps.
    schedule = ScheduleConfig(kind="step", factor=0.1, milestones=(150, 250))

    def at(step: int) -> float:
        return learning_rate(schedule, rate=1e-3, step=step, steps_per_epoch=1000, epochs=300)

    assert [at(step) for step in (0, 149_999, 150_000, 249_999, 250_000, 299_999)] == pytest.approx(
        [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]
    )


def test_cosine_restarts_fall_from_the_highest_to_the_lowest_in_cycles_that_grow() -> None:
    schedule = ScheduleConfig(kind="cosine_restarts", cycle=2, growth=2, lowest=0.1)

    # Cycles of 2 and 4 epochs; a quarter of the way along half a cosine is (1 + cos 45°) / 2 = 0.8536.
    found = rates(schedule, rate=1.1, epochs=6)

    assert found == pytest.approx([1.1, 0.6, 1.1, 0.1 + 0.853553, 0.6, 0.1 + 0.146447], abs=1e-6)


def test_cycles_end_where_the_next_begins() -> None:
    schedule = ScheduleConfig(kind="cosine_restarts", cycle=2, growth=2)

    assert [epoch for epoch in range(1, 255) if ends_cycle(schedule, epoch)] == [2, 6, 14, 30, 62, 126, 254]
    assert all(ends_cycle(ScheduleConfig(), epoch) for epoch in range(1, 5))


def test_a_cycle_that_ends_within_an_epoch_ends_with_it() -> None:
    schedule = ScheduleConfig(kind="cosine_restarts", cycle=1.5, growth=1)

    assert [epoch for epoch in range(1, 7) if ends_cycle(schedule, epoch)] == [2, 3, 5, 6]  # 1.5, 3, 4.5, 6


def test_one_cycle_rises_to_the_rate_and_falls_to_nearly_nothing() -> None:
    found = rates(ScheduleConfig(kind="one_cycle", rise=0.25), rate=1.0, epochs=8, steps=1)

    assert found[0] == pytest.approx(1 / 25)
    assert found[2] == pytest.approx(1.0)
    assert found[:3] == sorted(found[:3])
    assert found[2:] == sorted(found[2:], reverse=True)
    assert found[5] == pytest.approx((1 + 1e-4) / 2)


@given(
    kind=st.sampled_from(["constant", "linear_decay", "step", "cosine_restarts", "one_cycle"]),
    step=st.integers(0, 99),
    begin=st.floats(0, 20),
    rise=st.floats(0, 1),
    cycle=st.floats(0.5, 20),
)
def test_the_rate_never_leaves_its_range(kind: str, step: int, begin: float, rise: float, cycle: float) -> None:
    schedule = ScheduleConfig(kind=kind, begin=begin, rise=rise, cycle=cycle, lowest=1e-5)  # type: ignore[arg-type]  # drawn

    assert 0 <= learning_rate(schedule, rate=0.1, step=step, steps_per_epoch=10, epochs=10) <= 0.1 + 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "wavy"}, "kind = 'wavy': expected one of constant"),
        ({"begin": -1}, "begin = -1: expected at least 0"),
        ({"factor": 0}, "factor = 0: expected a number above 0"),
        ({"every": 0}, "every = 0: expected a number above 0"),
        ({"cycle": 0}, "cycle = 0: expected a number above 0"),
        ({"growth": 0.5}, "growth = 0.5: expected at least 1"),
        ({"lowest": -1e-5}, "lowest = -1e-05: expected at least 0"),
        ({"rise": 1.5}, "rise = 1.5: expected 0 to 1"),
        ({"milestones": (3, 2)}, r"milestones = \(3, 2\): expected epochs in ascending order"),
    ],
)
def test_fields_out_of_range_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScheduleConfig(**changes)  # type: ignore[arg-type]  # wrong on purpose
