from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.services.csv_rows import UnusableFileError
from ml.services.manifest import (
    TOLD_FAULTS,
    ManifestClip,
    candidate_set,
    common_rate_hz,
    read_manifest,
    unusable_rows,
)
from tests.factories.audio import noise, write_audio
from tests.factories.verification import Row, write_rows

HEADER = "clip,split,verified,group,candidate\n"


@pytest.fixture
def audio_root(tmp_path: Path) -> Path:
    root = tmp_path / "audio"
    for name in ("a.wav", "b.wav", "deep/c.wav"):
        write_audio(root / name, noise(800), 8_000)
    return root


def row(**values: str) -> Row:
    return {"clip": "a.wav", "split": "train", "verified": "1", "group": "anna", "candidate": "Bus", **values}


def read(audio_root: Path, *rows: Row) -> list[ManifestClip]:
    return read_manifest(write_rows(audio_root.parent / "m.csv", rows), audio_root=audio_root)


def read_text(audio_root: Path, text: str | bytes) -> list[ManifestClip]:
    path = audio_root.parent / "m.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(path, audio_root=audio_root)


def test_rows_become_clips_in_their_order(audio_root: Path) -> None:
    clips = read(
        audio_root,
        row(clip="deep/c.wav", verified="0", candidate='Café, "loud"'),
        row(clip="b.wav", split="test", verified="", candidate="told by mistake"),
        row(),
    )

    assert [(clip.line, clip.name, clip.test, clip.verified, clip.group, clip.candidate) for clip in clips] == [
        (2, "deep/c.wav", False, False, "anna", 'Café, "loud"'),
        (3, "b.wav", True, False, "anna", ""),  # nobody learns a label of a test clip
        (4, "a.wav", False, True, "anna", "Bus"),
    ]
    assert clips[0].path == audio_root / "deep/c.wav"
    assert clips[0].info.duration_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"clip": ""}, "clip is empty; give the path"),
        ({"clip": "none.wav"}, "none.wav does not exist; check its name"),
        ({"clip": "../m.csv"}, "lies outside the audio root; give a path under it"),
        ({"clip": "deep/../../x.wav"}, "lies outside the audio root"),
        ({"clip": "/etc/hostname"}, "lies outside the audio root"),
        ({"clip": "deep"}, "is a folder, pipe, socket or device"),
        ({"clip": "a.wav/b"}, "does not exist"),
        ({"clip": "n" * 300 + ".wav"}, "cannot be opened: File name too long"),
        ({"split": "validation"}, "split is 'validation'; expected train or test"),
        ({"split": "Train"}, "split is 'Train'; expected train or test"),
        ({"split": ""}, "split is ''; expected train or test"),
        ({"verified": "yes"}, "verified is 'yes'; expected 1 or 0"),
        ({"verified": ""}, "verified is ''; expected 1 or 0"),
        ({"split": "test", "verified": "2"}, "verified is '2'; expected 1 or 0"),
        ({"candidate": " "}, "candidate is empty; a train clip needs a label"),
        ({"candidate": "Bus;Tram"}, "candidate is 'Bus;Tram'; a semicolon stands between the labels of top3"),
        ({"group": ""}, "group is empty; give the participant or the source recording"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_line(audio_root: Path, values: Row, fault: str) -> None:
    with pytest.raises(UnusableFileError, match=rf"m.csv: 1 row cannot be used.\n  line 3: .*{re.escape(fault)}"):
        read(audio_root, row(clip="b.wav"), row(**values))


def test_all_faults_are_told_at_once(audio_root: Path) -> None:
    with pytest.raises(UnusableFileError) as caught:
        read(audio_root, row(group=""), row(clip="b.wav"), row(clip="deep/c.wav", split="x"), row(clip="../x"))

    lines = str(caught.value).splitlines()
    assert "3 rows cannot be used" in lines[0]
    assert [line.split(":")[0] for line in lines[1:]] == ["  line 2", "  line 4", "  line 5"]


def test_many_faults_are_counted() -> None:
    message = str(unusable_rows(Path("m.csv"), dict.fromkeys(range(2, 2 + TOLD_FAULTS + 7), "wrong")))

    assert f"{TOLD_FAULTS + 7} rows" in message
    assert message.endswith("and 7 more")
    assert len(message.splitlines()) == TOLD_FAULTS + 2


@pytest.mark.parametrize("name", ["a.wav", "./a.wav", "deep/../a.wav", "deep//c.wav", "{root}/a.wav"])
def test_a_clip_stands_there_once_however_it_is_spelt(audio_root: Path, name: str) -> None:
    name = name.format(root=audio_root)

    with pytest.raises(UnusableFileError, match=r"line 4: clip .* stands in line [23] already; remove one of the two"):
        read(audio_root, row(clip="a.wav"), row(clip="deep/c.wav"), row(clip=name))


def test_links_that_stay_under_the_root_are_followed_and_others_refused(audio_root: Path) -> None:
    (audio_root / "same.wav").symlink_to("b.wav")
    (audio_root / "out.wav").symlink_to("/etc/hostname")
    (audio_root / "away").symlink_to("/etc")
    (audio_root / "round.wav").symlink_to("round.wav")
    (audio_root / "gone.wav").symlink_to("nothing.wav")
    assert read(audio_root, row(), row(clip="same.wav"))[1].info.frames == 800
    names = ("out.wav", "away/hostname", "round.wav", "gone.wav")

    with pytest.raises(UnusableFileError) as caught:
        read(audio_root, *(row(clip=name) for name in names))

    faults = str(caught.value).splitlines()[1:]
    assert "outside the audio root" in faults[0]
    assert "outside the audio root" in faults[1]
    assert "a link that leads back to itself" in faults[2]
    assert "does not exist" in faults[3]


def test_the_root_itself_may_be_a_link(audio_root: Path) -> None:
    (audio_root.parent / "linked").symlink_to(audio_root)

    assert len(read(audio_root.parent / "linked", row())) == 1


def test_no_root_is_told_before_any_row(audio_root: Path) -> None:
    path = write_rows(audio_root.parent / "m.csv", [row()])

    for root in (audio_root / "none", audio_root / "a.wav"):
        with pytest.raises(UnusableFileError, match="there is no such folder"):
            read_manifest(path, audio_root=root)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "0 bytes|file is empty"),
        (b"MP3? no, text\n" * 9, "its first bytes are .* neither WAV, FLAC nor Ogg. Convert it"),
        (b"RIFF", "inside its header|neither WAV"),
        (b"\xff\xfb\x90\x00" * 99, "neither WAV, FLAC nor Ogg"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_line(audio_root: Path, content: bytes, fault: str) -> None:
    (audio_root / "x.wav").write_bytes(content)

    with pytest.raises(UnusableFileError, match=rf"line 2: clip 'x.wav': .*({fault})"):
        read(audio_root, row(clip="x.wav"))


@pytest.mark.parametrize(
    ("name", "rate_hz", "channels"), [("x.flac", 48_000, 2), ("x.ogg", 8_000, 1), ("x.wav", 192_000, 1)]
)
def test_any_rate_and_number_of_channels_is_taken(audio_root: Path, name: str, rate_hz: int, channels: int) -> None:
    write_audio(audio_root / name, noise(rate_hz // 100, channels), rate_hz)

    (clip,) = read(audio_root, row(clip=name))

    assert clip.info.sample_rate_hz == rate_hz
    assert clip.info.duration_s == pytest.approx(0.01)


@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_systems_are_taken(audio_root: Path, start: bytes, end: str) -> None:
    text = HEADER + "a.wav,train,1,anna,Café\n\nb.wav,train,0,ben,Bus\n"

    clips = read_text(audio_root, start + text.replace("\n", end).encode())

    assert [(clip.line, clip.candidate) for clip in clips] == [(2, "Café"), (4, "Bus")]


def test_columns_may_stand_in_any_order_beside_others(audio_root: Path) -> None:
    (clip,) = read_text(audio_root, "note,candidate,group,verified,split,clip\nhm,Bus,anna,1,train,a.wav\n")

    assert (clip.name, clip.group, clip.candidate) == ("a.wav", "anna", "Bus")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("clip,split,verified,candidate\n", "line 1: the column 'group' is missing. Needed: clip, split"),
        ("clip,split,Verified,group,candidate\n", "There is a column 'Verified'; write 'verified'"),
        ("clip;split;verified;group;candidate\n", "fields are apart by semicolons"),
        ("clip,split,verified,group,candidate,clip\n", "the column 'clip' stands there twice"),
        (HEADER, "no rows below the header"),
        ("", "the file is empty"),
        ((HEADER + "a.wav,train,1,anna,Bus\n").encode("utf-16"), "the file is UTF-16. Save it as UTF-8"),
        ((HEADER + "a.wav,train,1,anna,Café\n").encode("latin-1"), "line 2 is not UTF-8"),
        (HEADER + "a.wav,train,1,anna\n", "line 2: 4 fields where the header has 5"),
        (HEADER + "a.wav,train,1,anna,Bus, Tram\n", "line 2: 6 fields where the header has 5; mind commas"),
        (HEADER + 'a.wav,train,1,anna,"Bus\n', "line 3.*Mend the quoting|line 2.*Mend the quoting"),
        (HEADER + "a\0.wav,train,1,anna,Bus\n", "is zero; this is no CSV"),
    ],
)
def test_a_file_that_is_no_manifest_is_told(audio_root: Path, content: str | bytes, fault: str) -> None:
    with pytest.raises(UnusableFileError, match=fault):
        read_text(audio_root, content)


@pytest.mark.parametrize("name", ["none.csv", "audio"])
def test_a_manifest_that_cannot_be_read_is_told(audio_root: Path, name: str) -> None:
    with pytest.raises(UnusableFileError, match="Mend the path, or let the file be read"):
        read_manifest(audio_root.parent / name, audio_root=audio_root)


def rows_of(*values: tuple[str, str, str, str, str]) -> list[Row]:
    return [dict(zip(("clip", "split", "verified", "group", "candidate"), row, strict=True)) for row in values]


THREE = (
    ("a.wav", "train", "1", "ben", "Tram"),
    ("b.wav", "train", "0", "anna", "Bus"),
    ("deep/c.wav", "train", "1", "ben", "Zug"),
)


def test_clips_become_the_columns_of_a_run(audio_root: Path) -> None:
    write_audio(audio_root / "d.wav", noise(1_600), 8_000)
    clips = read(audio_root, *rows_of(*THREE, ("d.wav", "test", "", "carl", "Bus")))

    found = candidate_set(clips, ["0a", "0b", "0c", "0d"])

    assert found.classes == ("Bus", "Tram", "Zug")
    assert found.key_N == ("0a", "0b", "0c", "0d")
    assert found.label_N.tolist() == [1, 0, 2, -1]
    assert found.verified_N.tolist() == [True, False, True, False]
    assert found.test_N.tolist() == [False, False, False, True]
    assert found.group_N.tolist() == [1, 0, 1, 2]
    np.testing.assert_allclose(found.duration_s_N, [0.1, 0.1, 0.1, 0.2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verified": "0"}, "Verified clips: 0, of classes: 0.*have people rate some clips"),
        ({"verified": "1"}, "No train clip has verified = 0: there is no label to judge"),
        ({"split": "test"}, "No train clip has verified = 0"),
        ({"candidate": "Bus"}, "Classes of the labels: Bus. Expected at least 2"),
        ({"group": "anna"}, "All train clips are of group 'anna'.*Give each participant"),
    ],
)
def test_clips_that_leave_nothing_to_learn_or_to_judge_are_refused(
    audio_root: Path, changes: dict[str, Any], message: str
) -> None:
    clips = read(audio_root, *({**row, **changes} for row in rows_of(*THREE)))

    with pytest.raises(ValueError, match=message):
        candidate_set(clips, ["0a", "0b", "0c"])


def test_the_common_rate_is_that_of_a_clip(audio_root: Path) -> None:
    for number, rate_hz in enumerate((8_000, 8_000, 16_000, 44_100, 44_100)):
        write_audio(audio_root / f"{number}.wav", noise(100), rate_hz)
    clips = read(audio_root, *(row(clip=f"{number}.wav") for number in range(5)))

    assert common_rate_hz(clips) == 16_000
    assert common_rate_hz(clips[:3]) == 8_000
    assert common_rate_hz(clips[1:3]) == 16_000  # and not 12,000


def answered_rows(*values: tuple[str, ...]) -> str:
    return "\n".join([HEADER.strip() + ",rejected,reviewed", *(",".join(row) for row in values)]) + "\n"


def test_what_people_said_since_rules_labels_out(audio_root: Path) -> None:
    for name in ("d.wav", "e.wav", "f.wav"):
        write_audio(audio_root / name, noise(800), 8_000)
    text = answered_rows(
        ("a.wav", "train", "1", "ben", "Tram", "", "1"),
        ("b.wav", "train", "0", "anna", "Bus", "Zug", ""),
        ("deep/c.wav", "train", "1", "ben", "Zug", "", "0"),
        ("d.wav", "train", "0", "anna", "", "Bus", ""),
        ("e.wav", "train", "0", "anna", "", " Tram ; Bus;Tram;", ""),
        ("f.wav", "test", "", "carl", "", "Bus", "1"),
    )

    found = candidate_set(read_text(audio_root, text), ["0a", "0b", "0c", "0d", "0e", "0f"])

    assert found.classes == ("Bus", "Tram", "Zug")
    assert found.label_N.tolist() == [1, 0, 2, 0, -1, -1]
    assert found.rejected_N.tolist() == [False, False, False, True, True, False]
    assert found.excluded_NK.astype(int).tolist() == [[0] * 3, [0, 0, 1], [0] * 3, [1, 0, 0], [1, 1, 0], [0] * 3]
    assert found.reviewed_N is not None
    assert np.flatnonzero(found.reviewed_N).tolist() == [0]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (("0", "", "Boat", ""), "rejected names 'Boat', which no train row has as candidate; mend the label or remove"),
        (("0", "Bus", "Boat", ""), "rejected names 'Boat', which no train row has"),
        (("1", "", "Tram", ""), "candidate is empty where verified is 1; write the label that people confirmed, or 0"),
        (("0", "", " ; ", ""), "candidate is empty; a train clip needs a label"),
        (("0", "Tram", "Bus;Tram", ""), "rejected names the candidate 'Tram'; leave candidate empty, or remove it"),
        (("0", "Tram", "", "1"), "reviewed is 1 where verified is not; write verified 1 if people confirmed"),
        (("1", "Tram", "", "yes"), "reviewed is 'yes'; expected 1 or 0, or nothing"),
    ],
)
def test_answers_that_cannot_be_used_are_told_with_their_line(
    audio_root: Path, values: tuple[str, str, str, str], fault: str
) -> None:
    verified, candidate, rejected, reviewed = values
    text = answered_rows(
        ("a.wav", "train", "1", "ben", "Tram", "", ""),
        ("b.wav", "train", verified, "anna", candidate, rejected, reviewed),
        ("deep/c.wav", "train", "0", "ben", "Bus", "", ""),
    )

    with pytest.raises(UnusableFileError, match=rf"1 row cannot be used.\n  line 3: {re.escape(fault)}"):
        read_text(audio_root, text)


def test_a_class_that_people_rejected_everywhere_is_told_with_what_its_rows_can_become(audio_root: Path) -> None:
    for name in ("d.wav", "e.wav"):
        write_audio(audio_root / name, noise(800), 8_000)
    first = (
        ("a.wav", "train", "1", "ben", "Tram", "", ""),
        ("b.wav", "train", "1", "anna", "Bus", "", ""),
        ("deep/c.wav", "train", "0", "anna", "", "Boat", ""),
        ("d.wav", "train", "0", "anna", "", "Boat;Bus", ""),
        ("e.wav", "train", "0", "carl", "Tram", "Boat", ""),
    )
    unknown = "rejected names 'Boat', which no train row has as candidate; mend the label or remove"

    with pytest.raises(UnusableFileError) as refused:
        read_text(audio_root, answered_rows(*first))
    assert str(refused.value).splitlines()[1:] == [
        f"  line 4: {unknown} the row, since nothing else is known of the clip; with split test it is predicted alone.",
        f"  line 5: {unknown} it.",
        f"  line 6: {unknown} it.",
    ]
    # As told, the rows can be used.
    second = (
        *first[:2],
        ("deep/c.wav", "test", "0", "anna", "", "Boat", ""),
        ("d.wav", "train", "0", "anna", "", "Bus", ""),
        ("e.wav", "train", "0", "carl", "Tram", "", ""),
    )
    found = candidate_set(read_text(audio_root, answered_rows(*second)), ["0a", "0b", "0c", "0d", "0e"])
    assert found.classes == ("Bus", "Tram")
    assert found.test_N.tolist() == [False, False, True, False, False]


def test_a_label_that_a_faulty_row_names_is_known(audio_root: Path) -> None:
    text = answered_rows(
        ("none.wav", "train", "1", "ben", "Tram", "", ""),
        ("b.wav", "train", "0", "anna", "", "Tram", ""),
    )

    with pytest.raises(UnusableFileError, match=r"1 row cannot be used.\n  line 2: .*none.wav does not exist"):
        read_text(audio_root, text)


def test_rejected_clips_alone_leave_nothing_to_judge(audio_root: Path) -> None:
    text = answered_rows(
        ("a.wav", "train", "1", "ben", "Tram", "", ""),
        ("b.wav", "train", "1", "anna", "Bus", "", ""),
        ("deep/c.wav", "train", "0", "carl", "", "Bus", ""),
    )

    with pytest.raises(ValueError, match="No train clip has verified = 0"):
        candidate_set(read_text(audio_root, text), ["0a", "0b", "0c"])
