from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.domain.shares import Shares
from curation.services import manifest_blocks, manifest_clips
from curation.services.manifest_blocks import COLUMNS, read_blocks
from curation.services.row_import import UnusableFileError, read_rows
from curation.services.split_manifest import ManifestSplit, split_manifest

PAPER = Shares.parse("0.8", "0.1")
names = st.text(st.sampled_from('ab ,"\n\r\téß\u3000\u2028'), max_size=4)
rows = st.lists(st.tuples(st.integers(0, 8).map("clip {}".format), st.sampled_from("xyz"), st.sampled_from("pqrs")))


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def table(rows_of_cells: Sequence[tuple[str, ...]], header: str = "clip,category,participant") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows_of_cells)
    return f"{header}\n{text.getvalue()}"


def split(folder: Path, text: str, shares: Shares = PAPER) -> ManifestSplit:
    return split_manifest(manifest=written(folder / "m.csv", text), out=folder / "s.csv", shares=shares)


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_clips_are_written_once_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    text = table(
        [(f"{number:02d}.wav", "Bus", f"user{number // 2}") for number in reversed(range(20))]
        + [("07.wav", "Car", "user3")]
    )
    result = split(tmp_path, text)
    lines = cells(tmp_path / "s.csv")
    assert lines[0] == ["clip", "split"]
    assert [clip for clip, _ in lines[1:]] == [f"{number:02d}.wav" for number in reversed(range(20))]
    assert result.clips == 20
    assert result.table == {"Bus": {"train": 16, "val": 2, "test": 2}, "Car": {"train": 0, "val": 0, "test": 1}}
    assert result.participants == {"train": 8, "val": 1, "test": 1}
    assert {part for clip, part in lines if clip in {"06.wav", "07.wav"}} == {"test"}


@pytest.mark.parametrize("block_bytes", [8, 64, 4 << 20])
@settings(max_examples=60, deadline=None)
@given(given_rows=rows, cuts=st.tuples(st.integers(0, 100), st.integers(0, 100)))
def test_nobody_is_in_two_parts_and_no_class_over_its_share(
    block_bytes: int, given_rows: list[tuple[str, str, str]], cuts: tuple[int, int]
) -> None:
    shares = Shares.parse(str(min(cuts) / 100), str((max(cuts) - min(cuts)) / 100))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_blocks, "BLOCK_BYTES", block_bytes)
        patch.setattr(manifest_clips, "FILE_BYTES", 32)
        path = Path(folder)
        owner: dict[str, str] = {}
        good, bad = set(), Counter[str]()
        for clip, category, participant in given_rows:
            if owner.setdefault(clip, participant) != participant:
                bad["other_participant"] += 1
            elif (clip, category) in good:
                bad["duplicate_row"] += 1
            else:
                good.add((clip, category))
        if not given_rows:
            with pytest.raises(UnusableFileError, match="no row"):
                split(path, table(given_rows), shares)
            return
        result = split(path, table(given_rows), shares)
        lines = cells(path / "s.csv")[1:]
    assert result.refusals_by_reason == bad
    assert [clip for clip, _ in lines] == list(owner)
    part = dict(lines)
    parts_of = defaultdict(set)
    for clip, participant in owner.items():
        parts_of[participant].add(part[clip])
    assert all(len(found) == 1 for found in parts_of.values())
    totals = Counter(category for _, category in good)
    held = Counter((category, part[clip]) for clip, category in good)
    for category, total in totals.items():
        assert held[category, "train"] <= shares.train * total
        assert held[category, "val"] <= shares.val * total
        assert result.table[category] == {name: held[category, name] for name in ("train", "val", "test")}


@pytest.mark.parametrize("block_bytes", [1, 7, 4 << 20])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@settings(max_examples=80, deadline=None)
@given(given_rows=st.lists(st.lists(names, min_size=2, max_size=5), max_size=6))
def test_blocks_read_what_rows_read(block_bytes: int, ending: str, given_rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ending)
    writer.writerow(["extra", "participant", "clip", "category"])
    writer.writerows(given_rows)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_blocks, "BLOCK_BYTES", block_bytes)
        path = written(Path(folder) / "m.csv", text.getvalue())
        blocks = list(read_blocks(path))
        expected_good, expected_bad = [], []
        for item in read_rows(path, required=COLUMNS, optional=()):
            if isinstance(item, tuple):
                expected_bad.append((item[0].line, "field_count"))
            elif all(item.values.values()):
                expected_good.append((item.line, *(item[column] for column in COLUMNS)))
            else:
                expected_bad.append((item.line, "empty_field"))
    good = [
        row
        for block in blocks
        for row in zip(block.lines, block.clips, block.categories, block.participants, strict=True)
    ]
    bad = [(row.line, refused.reason) for block in blocks for row, refused in block.refused]
    assert (good, bad) == (expected_good, expected_bad)


LONG = "x" * 65_537


@pytest.mark.parametrize("block_bytes", [7, 4 << 20])
@pytest.mark.parametrize(
    ("row", "is_good"),
    [
        (f"b,{LONG},q", False),
        (f"{LONG},x,q", False),
        (f"b,x,{LONG}", False),
        (f'"b","{LONG}\n",q', False),
        (f"{LONG},x", False),
        ("b,x," + " " * 65_537, False),
        ("é" * 65_537 + ",x,q", False),
        ("x" * (2 << 20) + ",x,q", False),
        (f"{LONG[1:]},x,q", True),
        ("é" * 65_536 + ",x,q", True),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_blocks_and_rows_agree_on_long_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, place: int, block_bytes: int, *, is_good: bool
) -> None:
    monkeypatch.setattr(manifest_blocks, "BLOCK_BYTES", block_bytes)
    lines = ["a,x,p", "c,x,p"]
    lines.insert(place, row)
    path = written(tmp_path / "m.csv", "\n".join(["clip,category,participant", *lines]) + "\n")
    good, bad = [], []
    for item in read_rows(path, required=COLUMNS, optional=()):
        if isinstance(item, tuple):
            bad.append((item[0], item[1]))
        else:
            good.append((item.line, item["clip"]))
    blocks = list(read_blocks(path))
    assert [pair for block in blocks for pair in zip(block.lines, block.clips, strict=True)] == good
    assert [pair for block in blocks for pair in block.refused] == bad
    assert (len(good), len(bad)) == (2 + is_good, 1 - is_good)
    assert all(len(value) < 2_000 for listed, _ in bad for value in listed.values.values())


@pytest.mark.parametrize("block_bytes", [5, 4 << 20])
def test_refused_rows_are_listed_with_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    monkeypatch.setattr(manifest_blocks, "BLOCK_BYTES", block_bytes)
    text = (
        "\ufeffclip,category,participant,note\r\n"
        "a.wav,Bus,ann,\r\n"
        '"b, long\n.wav",Bus,ben,"two\r\nlines"\r\n'
        "a.wav,Bus,ann,again\r\n"
        "\r\n"
        "a.wav,Car,ben,\r\n"
        ",Bus,ann,\r\n"
        "c.wav,Bus\r\n"
        " a.wav ,Car,ann,spaces are no difference\r\n"
    )
    result = split(tmp_path, text)
    assert result.refused_path == tmp_path / "m.refused.csv"
    assert [(row[0], row[1]) for row in cells(result.refused_path)[1:]] == [
        ("6", "duplicate_row"),
        ("8", "other_participant"),
        ("9", "empty_field"),
        ("10", "field_count"),
    ]
    assert cells(result.refused_path)[0] == ["line", "reason", "detail", "clip", "category", "participant"]
    assert cells(result.refused_path)[2][2:] == [
        "Line 2 gives the clip 'a.wav' to another participant; the first counts.", "a.wav", "Car", "ben",
    ]  # fmt: skip
    assert [row[0] for row in cells(tmp_path / "s.csv")] == ["clip", "a.wav", "b, long\n.wav"]


def test_a_second_run_changes_nothing_and_a_mended_manifest_removes_the_list(tmp_path: Path) -> None:
    bad = table([("a", "x", "p"), ("b", "x", "q"), ("a", "x", "p")])
    split(tmp_path, bad)
    before = (tmp_path / "s.csv").read_bytes(), (tmp_path / "m.refused.csv").read_bytes()
    split(tmp_path, bad)
    assert ((tmp_path / "s.csv").read_bytes(), (tmp_path / "m.refused.csv").read_bytes()) == before
    split(tmp_path, table([("a", "x", "p"), ("b", "x", "q")]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.csv", "s.csv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"clip,category\na,x\n", "'participant' is missing"),
        (b"clip,category,participant,clip\na,x,p,b\n", "'clip' stands there twice"),
        (b"clip,category,participant,n,n\na,x,p,1,2\n", "'n' stands there twice"),
        (b"clip,category,participant\na,x,p\n\xff,x,q\n", "line 3 is not UTF-8"),
        (b"clip,category,participant\na,x,p\nb\0,x,q\n", "line 3 has a zero byte"),
        (b'clip,category,participant\na,x,p\n"b,x,q\n', "line 3"),
        (b'clip,category,participant\n"a"b,x,p\n', "line 2"),
        (b"clip,category,participant\n", "no row can be used: it has none"),
        (b"clip,category,participant\n,x,p\n", "no row can be used: all 1 are refused"),
        (b"clip,category,participant\n" + b"a" * (16 << 20), "no line ends"),
    ],
)
def test_an_unusable_manifest_leaves_the_output_as_it_was(tmp_path: Path, content: bytes, message: str) -> None:
    manifest, out = tmp_path / "m.csv", written(tmp_path / "s.csv", "kept")
    manifest.write_bytes(content)
    with pytest.raises(UnusableFileError, match=message):
        split_manifest(manifest=manifest, out=out, shares=PAPER)
    assert out.read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} <= {"m.csv", "s.csv", "m.refused.csv"}


def test_paths_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    manifest = written(tmp_path / "m.csv", table([("a", "x", "p")]))
    for path, out, message in (
        (tmp_path / "none.csv", tmp_path / "s.csv", "no such file"),
        (tmp_path, tmp_path / "s.csv", "no such file"),
        (manifest, manifest, "Name another file"),
        (manifest, tmp_path / "m.refused.csv", "Name another file"),
        (manifest, tmp_path, "is a folder"),
        (manifest, tmp_path / "none" / "s.csv", "does not exist"),
    ):
        with pytest.raises(UnusableFileError, match=message):
            split_manifest(manifest=path, out=out, shares=PAPER)
    assert manifest.read_text() == table([("a", "x", "p")])


@pytest.mark.parametrize("passes", [1, 2])
def test_a_manifest_that_changes_meanwhile_is_refused(tmp_path: Path, passes: int) -> None:
    manifest = written(tmp_path / "m.csv", table([("a", "x", "p"), ("b", "x", "q")]))

    def change(done: int, total: int | None) -> None:
        if total and done == total * passes // 2:
            written(manifest, table([("a", "x", "p"), ("b", "x", "qq")]))

    with pytest.raises(UnusableFileError, match="changed while"):
        split_manifest(manifest=manifest, out=tmp_path / "s.csv", shares=PAPER, progress=change)
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


def test_memory_does_not_grow_with_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc  # noqa: PLC0415 -- it slows down everything that runs after it

    monkeypatch.setattr(manifest_blocks, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(manifest_clips, "FILE_BYTES", 1 << 16)
    peaks = []
    for clips in (4_000, 80_000):
        text = table([(f"{number:06d}.wav", f"c{number % 5}", f"p{number % 50}") for number in range(clips)])
        tracemalloc.start()
        split(tmp_path, text)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]
