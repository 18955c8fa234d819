from __future__ import annotations

from pathlib import Path

import pytest

from curation.domain.pipeline_config import PipelineConfigError, SectionRules, read_pipeline_config

RULES = {
    "recordings": SectionRules(paths=("manifest", "audio_root"), keys=("accepted",), required=("manifest",)),
    "export": SectionRules(paths=("out",), keys=("release",), required=("out",)),
}


def _write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "recordings.csv").write_text("path\n")
    path = tmp_path / "pipeline.toml"
    path.write_text(text)
    return path


def _faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(PipelineConfigError) as caught:
        read_pipeline_config(_write(tmp_path, text), RULES)
    return caught.value.faults


def test_a_good_configuration_gives_absolute_paths(tmp_path: Path) -> None:
    text = """
[dataset]
slug = "scenes"
title = "Scenes"
[dataset.policy]
segment_s = 5
[recordings]
manifest = "recordings.csv"
accepted = true
[export]
out = "scenes.zip"
"""
    config = read_pipeline_config(_write(tmp_path, text), RULES)
    assert (config.slug, config.title) == ("scenes", "Scenes")
    assert config.policy is not None
    assert config.policy.segment_s == 5.0
    assert config.sections["recordings"] == {"manifest": tmp_path / "recordings.csv", "accepted": True}
    assert config.sections["export"] == {"out": tmp_path / "scenes.zip"}


def test_an_absent_policy_leaves_the_one_in_force(tmp_path: Path) -> None:
    assert read_pipeline_config(_write(tmp_path, '[dataset]\nslug = "s"\n'), RULES).policy is None


def test_every_fault_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """[dataset]
slug = "scenes"
titel = "Scenes"

[recording]
manifest = "recordings.csv"

[export]
oot = 1
"""
    faults = _faults(tmp_path, text)
    assert faults == [
        "line 5: unknown section 'recording'. Did you mean 'recordings'? Known: dataset, export, recordings.",
        "line 3: [dataset] unknown key 'titel'. Did you mean 'title'? Known: description, policy, slug, title.",
        "line 9: [export] unknown key 'oot'. Did you mean 'out'? Known: out, release.",
        "line 8: [export] out is missing.",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "[dataset] is missing."),
        ("slug = 1", "line 1: unknown section 'slug'."),
        ("[dataset]", "line 1: [dataset] slug is missing"),
        ('[dataset]\nslug = "a b"', "line 2: [dataset] slug 'a b' must be"),
        ("[dataset]\nslug = 3", "line 2: [dataset] slug must be text in quotes."),
        ('[dataset]\nslug = "s"\npolicy = 1', "line 3: [dataset] policy must be a section"),
        ('[dataset]\nslug = "s"\n[dataset.policy]\nvotes_min = 9', "line 4: [dataset.policy] policy.votes_min = 9"),
        ('[dataset]\nslug = "s"\n[dataset.policy]\nvotes = 9', "line 4: [dataset.policy] policy.votes is unknown"),
        ('[dataset]\nslug = "s"\n[recordings]\nmanifest = "absent.csv"', "line 4: [recordings] manifest: "),
        ('[dataset]\nslug = "s"\n[recordings]\nmanifest = 7', "line 4: [recordings] manifest must be a path"),
        ('[dataset]\nslug = "s"\n[export]\nout = "no/where.zip"', "line 4: [export] out: the folder "),
        ('export = 1\n[dataset]\nslug = "s"', "line 1: export must be a section: write [export]"),
        ('[dataset]\nslug = "s', "not TOML: "),
    ],
)
def test_a_fault_names_its_place_and_the_remedy(tmp_path: Path, text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in _faults(tmp_path, text))


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(PipelineConfigError, match=r"No such file or directory\. Mend the path"):
        read_pipeline_config(tmp_path / "absent.toml", RULES)
    (tmp_path / "latin.toml").write_bytes(b"[dataset]\ntitle = '\xe9'")
    with pytest.raises(PipelineConfigError, match="byte 19 is not UTF-8"):
        read_pipeline_config(tmp_path / "latin.toml", RULES)


def test_every_fault_of_a_policy_is_told_at_once(tmp_path: Path) -> None:
    policy = 'segment_s = "ten"\nvotes_min = -1\ntrain_shre = 0.8\ndither = "loud"\nval_share = 0.2'
    faults = _faults(tmp_path, f'[dataset]\nslug = "s"\n[dataset.policy]\n{policy}')
    assert sorted(fault.split(":")[0] for fault in faults) == ["line 4", "line 5", "line 6", "line 7"]
