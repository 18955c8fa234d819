from __future__ import annotations

from dataclasses import replace

import pytest

from ml.features.configurations import CONFIGURATIONS, FeatureConfig

NAMES = (
    *("cochlscene", "fsdkaggle2018", "nguyen", "nguyen-background", "dorfer-1", "dorfer-2", "iqbal-a", "iqbal-b"),
    *("jeong-16k", "jeong-32k", "jeong-44k", "kong", "dcase2020-1a", "dcase2020-1b", "icme2024"),
    *("vgg16-log-frequency", "earmark"),
)


def test_each_paper_has_its_configurations_by_name() -> None:
    assert tuple(CONFIGURATIONS) == NAMES
    assert all(config.name == name and config.source for name, config in CONFIGURATIONS.items())


def test_digests_tell_configurations_apart() -> None:
    assert len({config.digest() for config in CONFIGURATIONS.values()}) == len(NAMES)


def test_name_and_source_are_no_part_of_the_digest() -> None:
    earmark = CONFIGURATIONS["earmark"]
    assert replace(earmark, name="other", source="other").digest() == earmark.digest()
    assert replace(earmark, top_db=79.0).digest() != earmark.digest()


def test_another_extraction_has_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = CONFIGURATIONS["earmark"].digest()
    monkeypatch.setattr("ml.features.config.EXTRACTION_VERSION", 10_000)
    assert CONFIGURATIONS["earmark"].digest() != before


@pytest.mark.parametrize(
    ("name", "seconds", "frames", "channels", "bands"),
    [
        ("cochlscene", 10.0, 499, 1, 128),  # table II
        ("dcase2020-1a", 10.0, 423, 3, 128),  # section 5.1
        ("dcase2020-1b", 10.0, 461, 3, 128),  # section 5.1, three of the six channels
        ("icme2024", 10.0, 500, 1, 64),  # section 3.3
        ("jeong-16k", 4.0, 500, 1, 64),  # 64,000 samples, shift 128
        ("dorfer-1", 18.0, 3001, 1, 128),  # 3,000 frames of 192 samples are 18 s
    ],
)
def test_shapes_are_those_of_the_papers(name: str, seconds: float, frames: int, channels: int, bands: int) -> None:
    config = CONFIGURATIONS[name]
    assert config.n_frames(round(seconds * config.sample_rate_hz)) == frames
    assert (config.n_channels, config.n_bands) == (channels, bands)


def test_another_rate_keeps_the_seconds() -> None:
    earmark = CONFIGURATIONS["earmark"]
    low = earmark.at_rate(16_000)
    assert (low.n_fft, low.win_length, low.hop_length, low.fmax_hz) == (512, 400, 160, 8000.0)
    high = earmark.at_rate(44_100)  # 25 ms are 1102.5 samples, 32 ms are 1411.2; 1440 = 2^5 * 3^2 * 5
    assert (high.n_fft, high.win_length, high.hop_length, high.fmax_hz) == (1440, 1102, 441, 16_000.0)
    assert earmark.at_rate(32_000) is earmark


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_has_other_rates(name: str) -> None:
    given = CONFIGURATIONS[name]
    for rate in (8000, 22_050, 96_000):
        config = given.at_rate(rate)
        assert config.sample_rate_hz == rate
        assert config.hop_length / rate == pytest.approx(given.hop_length / given.sample_rate_hz, rel=0.02)


def test_a_rate_below_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"earmark: fmin_hz = 50.0: expected 0 to fmax_hz = 40.0"):
        CONFIGURATIONS["earmark"].at_rate(80)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sample_rate_hz", 0),
        ("hop_length", -1),
        ("win_length", 2000),
        ("fmin_hz", -1.0),
        ("fmin_hz", 17_000.0),
        ("fmax_hz", 16_001.0),
        ("scale", "bark"),
        ("framing", "mirrored"),
        ("exponent", 3),
        ("level", "bel"),
        ("reference", "loudest"),
        ("mel_norm", "area"),
        ("deltas", "yes"),
        ("top_db", 0.0),
        ("trim_db", -60.0),
        ("peak_dbfs", 0.1),
        ("drop_quiet_percentile", 100.0),
        ("perceptual", True),
        ("bands_per_octave", 12),
    ],
)
def test_impossible_fields_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"earmark: {field} = {value!r}: expected"):
        replace(CONFIGURATIONS["earmark"], **{field: value})


def test_the_number_of_distinct_bands_must_fit() -> None:
    with pytest.raises(ValueError, match="n_bands = 127: expected the 128 distinct bands"):
        replace(CONFIGURATIONS["dorfer-2"], n_bands=127)


def test_one_band_is_no_progression() -> None:
    with pytest.raises(ValueError, match="n_bands = 1: expected at least 2"):
        replace(CONFIGURATIONS["vgg16-log-frequency"], n_bands=1)


def test_names_are_fit_for_folders() -> None:
    with pytest.raises(ValueError, match=r"name = '\.\./earmark': expected letters, digits and dashes"):
        replace(CONFIGURATIONS["earmark"], name="../earmark")


def test_deltas_need_all_frames() -> None:
    with pytest.raises(ValueError, match="deltas = 'padded': expected None where quiet frames are removed"):
        replace(CONFIGURATIONS["nguyen"], deltas="padded")


def test_configurations_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CONFIGURATIONS["earmark"] = CONFIGURATIONS["kong"]
    with pytest.raises(AttributeError):
        CONFIGURATIONS["earmark"].n_bands = 3
    assert isinstance(CONFIGURATIONS["earmark"], FeatureConfig)
