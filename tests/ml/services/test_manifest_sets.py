"""Sets of every shape that a manifest may describe, judged from end to end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ml.services import manifest_run
from tests.factories.audio import noise, tone, write_audio
from tests.factories.verification import Row, make_dataset, manifest_rows, write_recordings, write_rows
from tests.ml.services.small_manifest_run import judged, verify


def test_a_manifest_is_judged_without_a_query(tmp_path: Path) -> None:
    # pytest-django refuses any query of a test that did not ask for the database.
    _, _, rows = make_dataset(tmp_path, test_groups=1)

    judged(tmp_path, rows)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio", "manifest.csv", "p.csv", "p.csv.work"]


def changed(rows: list[Row], change: Callable[[int, Row], dict[str, str]]) -> list[Row]:
    return [{**row, **change(number, row)} for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(manifest_rows(n_groups=3, verified_groups=2), id="one group is judged"),
        pytest.param(
            changed(manifest_rows(n_groups=3), lambda number, _: {"verified": str(number % 2)}),
            id="all groups have verified and other clips",
        ),
        pytest.param(
            changed(manifest_rows(n_groups=3), lambda n, _: {"verified": "0" if n in (0, 4, 6) else "1"}),
            id="three labels in two groups are judged",
        ),
        pytest.param(
            changed(manifest_rows(), lambda n, _: {"candidate": "new, “class”"} if n in (20, 23) else {}),
            id="nobody verified a clip of one class",
        ),
        pytest.param(
            changed(manifest_rows(), lambda n, _: {"candidate": "alone"} if n == 2 else {}),
            id="one verified clip of a class",
        ),
        pytest.param(
            changed(manifest_rows(), lambda n, _: {"group": f"group {n}"}), id="each clip is a group of its own"
        ),
        pytest.param(manifest_rows(n_classes=2, n_groups=2, verified_groups=1, each=1), id="as few clips as can be"),
    ],
)
def test_sets_of_any_shape_are_judged(tmp_path: Path, rows: list[Row]) -> None:
    write_recordings(tmp_path / "audio", rows)

    judged(tmp_path, rows)


def test_too_few_clips_of_other_groups_are_told(tmp_path: Path) -> None:
    rows = changed(
        manifest_rows(n_groups=2, verified_groups=2),
        lambda n, _: {"group": "anna" if n < 11 else "ben", "verified": "0" if n < 6 else "1"},
    )
    write_recordings(tmp_path / "audio", rows)

    with pytest.raises(ValueError, match=r"expected at least 2\. Add clips of other participants or sources"):
        verify(write_rows(tmp_path / "manifest.csv", rows), tmp_path / "audio")

    assert not (tmp_path / "p.csv").exists()


def test_odd_recordings_among_others_are_judged(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    _, _, rows = make_dataset(tmp_path)
    write_audio(audio / "stereo.flac", noise(9_600, 2), 48_000)
    write_audio(audio / "small.ogg", tone(500, 0.3, rate_hz=8_000), 8_000)
    write_audio(audio / "moment.wav", noise(80), 8_000)  # 10 ms
    write_audio(audio / "sample.wav", np.array([9], dtype=np.int16), 8_000)
    write_audio(audio / "silent.wav", np.zeros(1_600, dtype=np.int16), 8_000)
    write_audio(audio / "minute.wav", tone(500, 60, rate_hz=8_000), 8_000)
    shutil.copyfile(audio / rows[0]["clip"], audio / "copy.wav")
    names = ("stereo.flac", "small.ogg", "moment.wav", "sample.wav", "silent.wav", "minute.wav", "copy.wav")
    odd = [{**rows[-1 - n], "clip": name} for n, name in enumerate(names)]
    more = [{**rows[0], "clip": "again.wav", "split": "test", "candidate": ""}]
    shutil.copyfile(audio / "silent.wav", audio / "again.wav")

    judged(tmp_path, [*rows, *odd, *more])


def test_hundreds_of_classes_with_two_clips_each_are_judged(tmp_path: Path) -> None:
    rows = manifest_rows(n_classes=120, n_groups=2, each=1, verified_groups=1)
    write_recordings(tmp_path / "audio", rows, seconds=0.03)

    found = judged(tmp_path, rows)

    assert len(found) == 240


def test_wrong_labels_are_found_where_sounds_are_told_apart_with_ease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_run, "seconds_needed", lambda *_, **__: 120.0)
    rows = manifest_rows(each=4)
    write_recordings(tmp_path / "audio", rows)
    wrong = {27: "class 1", 33: "class 0", 40: "class 2"}  # they are of the classes 0, 2 and 1
    rows = changed(rows, lambda n, _: {"candidate": wrong[n]} if n in wrong else {})

    # All epochs: after half of them the order hung on how a processor rounds.
    found = judged(tmp_path, rows, budget_minutes=2.0)

    open_clips = [n for n in range(48) if rows[n]["verified"] == "0"]
    chances = {n: float(found[n]["p_label_correct"]) for n in open_clips}
    first = sorted(open_clips, key=lambda n: -float(found[n]["priority"]))[:3]
    assert set(first) == set(wrong)
    assert max(chances[n] for n in wrong) < min(chances[n] for n in open_clips if n not in wrong)
    assert not any(found[n]["auto_accept"] == "1" for n in wrong)
