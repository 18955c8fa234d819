"""What a feature is: every number between the samples of a clip and the network's input.

A configuration is stored with every run. Its digest names the folder of computed features, so that features of
different configurations never mix; name and source are for people and are not part of the digest.

The steps, in this order, each left out where its field says so: peak level, trimming or splitting at silence (on
samples); power spectrogram, quiet frames, emphasis, background noise (on FFT bins); filterbank and level, in either
order; deltas; scaling to the unit range.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Literal, get_args

from ml.features.decibel import Reference
from ml.features.log_frequency import distinct_bins
from ml.features.segments import SilenceSplit
from ml.features.silence import quiet_frames
from ml.features.stft import FRAMINGS, Framing, frame_count

Scale = Literal["mel_slaney", "mel_htk", "log_frequency"]
Level = Literal["db", "ln"]
Deltas = Literal["padded", "unpadded"]

EXTRACTION_VERSION = 1  # to be raised whenever the same configuration gives other numbers
DELTA_FRAMES = 9  # librosa's width, and what two slopes over five frames take
_FAST_FACTORS = (2, 3, 5)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # part of a folder's name
_POSITIVE = (
    *("sample_rate_hz", "n_fft", "win_length", "hop_length", "n_bands", "amin", "offset"),
    *("top_db", "trim_db", "emphasis_hz", "bands_per_octave"),
)
_CHOICES: dict[str, tuple[Any, ...]] = {
    "scale": get_args(Scale),
    "framing": FRAMINGS,
    "exponent": (1, 2),
    "mel_norm": ("slaney", None),
    "level": get_args(Level),
    "level_on": ("bands", "bins"),
    "reference": get_args(Reference),
    "deltas": (*get_args(Deltas), None),
}


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """A configuration of features.

    Attributes
    ----------
    name : str
        Name of the configuration.
    source : str
        Paper and section, and what is ours because the paper does not say it.
    sample_rate_hz : int
        Rate that clips are brought to before.
    n_fft, win_length, hop_length : int
        Transform, Hann window and hop in samples.
    framing : {"centred", "uncentred", "per_hop"}
        Where frames stand, see `ml.features.stft`.
    exponent : {1, 2}
        Filterbanks sum magnitudes (1) or power (2).
    n_bands : int
        Bands of the filterbank.
    fmin_hz, fmax_hz : float
        Range of the filterbank.
    scale : {"mel_slaney", "mel_htk", "log_frequency"}
        Frequency scale.
    mel_norm : {"slaney"} or None
        Mel bands of unit area, or of unit peak.
    bands_per_octave : int, optional
        Log-frequency bands are distinct FFT bins of so many notes an octave; without, in geometric progression.
    level : {"db", "ln"}
        Decibels, or natural logarithm.
    level_on : {"bands", "bins"}
        Whether levels are taken after or before the filterbank.
    reference : {"one", "clip_maximum"}
        What 0 dB is.
    amin : float
        Least energy before decibels are taken.
    top_db : float, optional
        Floor below the clip's maximum.
    offset : float
        Added before the natural logarithm.
    perceptual : bool
        Whether the A curve is added, in dB on FFT bins.
    background_normalised : bool
        Whether each bin is divided by its background noise.
    emphasis_hz : float, optional
        Alpha of the emphasis x + x'/alpha.
    deltas : {"padded", "unpadded"}, optional
        Adds two channels, see `ml.features.deltas`.
    unit_range : bool
        Whether each channel of a clip is scaled to 0 to 1.
    peak_dbfs : float, optional
        Level that the largest sample is brought to.
    trim_db : float, optional
        Silence so far below the loudest frame is cut from both ends.
    drop_quiet_percentile : float, optional
        Frames below that percentile of energy are removed.
    split : SilenceSplit, optional
        Cuts a clip into its sounding parts.
    """

    name: str
    source: str
    sample_rate_hz: int
    n_fft: int
    win_length: int
    hop_length: int
    n_bands: int
    fmin_hz: float
    fmax_hz: float
    scale: Scale = "mel_slaney"
    framing: Framing = "centred"
    exponent: int = 2
    mel_norm: Literal["slaney"] | None = "slaney"
    bands_per_octave: int | None = None
    level: Level = "db"
    level_on: Literal["bands", "bins"] = "bands"
    reference: Reference = "one"
    amin: float = 1e-10
    top_db: float | None = None
    offset: float = 1e-8
    perceptual: bool = False
    background_normalised: bool = False
    emphasis_hz: float | None = None
    deltas: Deltas | None = None
    unit_range: bool = False
    peak_dbfs: float | None = None
    trim_db: float | None = None
    drop_quiet_percentile: float | None = None
    split: SilenceSplit | None = None

    def __post_init__(self) -> None:
        """Check that the numbers fit each other.

        Raises
        ------
        ValueError
            If a field is out of range or contradicts another.
        """
        self._check(bool(_NAME.fullmatch(self.name)), "name", "letters, digits and dashes")
        for field in _POSITIVE:
            value = getattr(self, field)
            self._check(value is None or value > 0, field, "a positive number")
        for field, allowed in _CHOICES.items():
            self._check(getattr(self, field) in allowed, field, f"one of {allowed}")
        self._check(self.win_length <= self.n_fft, "win_length", f"at most n_fft = {self.n_fft}")
        nyquist = self.sample_rate_hz / 2
        lowest_is_fine = self.fmin_hz > 0 or (self.fmin_hz == 0 and self.scale != "log_frequency")
        self._check(lowest_is_fine and self.fmin_hz < self.fmax_hz, "fmin_hz", f"0 to fmax_hz = {self.fmax_hz}")
        self._check(self.fmax_hz <= nyquist, "fmax_hz", f"at most half the sample rate, {nyquist}")
        self._check_together()

    def _check_together(self) -> None:
        percentile = self.drop_quiet_percentile
        self._check(percentile is None or 0 < percentile < 100, "drop_quiet_percentile", "0 to 100")  # noqa: PLR2004 -- percent
        self._check(self.peak_dbfs is None or self.peak_dbfs <= 0, "peak_dbfs", "at most 0 dB of full scale")
        # Deltas take so many frames that the shortest clip may have no more than those.
        self._check(self.deltas is None or percentile is None, "deltas", "None where quiet frames are removed")
        weighted = self.level == "db" and self.level_on == "bins"
        self._check(not self.perceptual or weighted, "perceptual", "False unless decibels are taken on bins")
        if self.scale == "log_frequency" and self.bands_per_octave is None:
            self._check(self.n_bands > 1, "n_bands", "at least 2 bands in geometric progression")
        if self.bands_per_octave is not None:
            self._check(self.scale == "log_frequency", "bands_per_octave", f"None for the scale {self.scale}")
            n_distinct = self._distinct_bands(self.bands_per_octave)
            self._check(self.n_bands == n_distinct, "n_bands", f"the {n_distinct} distinct bands")

    def _check(self, fine: bool, field: str, expected: str) -> None:  # noqa: FBT001 -- the first argument of a check is a truth
        if not fine:
            message = f"{self.name}: {field} = {getattr(self, field)!r}: expected {expected}."
            raise ValueError(message)

    def _distinct_bands(self, bands_per_octave: int) -> int:
        bins = distinct_bins(
            sample_rate_hz=self.sample_rate_hz,
            n_fft=self.n_fft,
            bands_per_octave=bands_per_octave,
            fmin_hz=self.fmin_hz,
            fmax_hz=self.fmax_hz,
        )
        return len(bins) - 2

    @property
    def n_channels(self) -> int:
        """Channels of the features: 3 with deltas, else 1."""
        return 3 if self.deltas else 1

    @property
    def least_samples(self) -> int:
        """Samples that shorter clips are padded to: one window, or what deltas take."""
        if not self.deltas:
            return self.n_fft
        hops = DELTA_FRAMES * self.hop_length
        if self.framing == "per_hop":
            return max(self.n_fft, hops)
        return self.n_fft + hops - self.hop_length

    def n_frames(self, n_samples: int) -> int:
        """Count the frames that extraction makes of so many prepared samples.

        Parameters
        ----------
        n_samples : int
            Length of the clip after trimming.

        Returns
        -------
        int
            Frames of the features, at least 1.
        """
        padded = max(n_samples, self.least_samples)
        frames = frame_count(padded, n_fft=self.n_fft, hop_length=self.hop_length, framing=self.framing)
        if self.drop_quiet_percentile is not None:
            frames -= quiet_frames(frames, self.drop_quiet_percentile)
        return frames - (DELTA_FRAMES - 1 if self.deltas == "unpadded" else 0)

    def at_rate(self, sample_rate_hz: int) -> FeatureConfig:
        """Give the configuration for another sample rate.

        Parameters
        ----------
        sample_rate_hz : int
            The other rate.

        Returns
        -------
        FeatureConfig
            Window and hop of the same seconds; a transform of at least the same seconds, whose length has only the
            factors 2, 3 and 5, which is fast; `fmax_hz` at most half the rate.

        Raises
        ------
        ValueError
            If nothing is left between `fmin_hz` and half the rate.
        """
        if sample_rate_hz == self.sample_rate_hz:
            return self
        ratio = sample_rate_hz / self.sample_rate_hz
        win_length = max(2, round(self.win_length * ratio))
        changed: dict[str, Any] = {
            "sample_rate_hz": sample_rate_hz,
            "win_length": win_length,
            "hop_length": max(1, round(self.hop_length * ratio)),
            "n_fft": _fast_length(max(win_length, round(self.n_fft * ratio))),
            "fmax_hz": min(self.fmax_hz, sample_rate_hz / 2),
        }
        if self.bands_per_octave is not None:
            # Checked as a whole only below: the number of distinct bins is that of the new transform.
            free = replace(self, **changed, bands_per_octave=None)
            changed["n_bands"] = free._distinct_bands(self.bands_per_octave)
        return replace(self, **changed)

    def digest(self) -> str:
        """Name the features that this configuration gives.

        Returns
        -------
        str
            16 hexadecimal digits, the same for configurations that differ in name and source only.
        """
        numbers = {key: value for key, value in asdict(self).items() if key not in {"name", "source"}}
        text = json.dumps({"extraction": EXTRACTION_VERSION, **numbers}, sort_keys=True)
        return sha256(text.encode()).hexdigest()[:16]


def _fast_length(least: int) -> int:
    """Return the least even number from `least` on that has only small factors."""
    length = least + least % 2
    while True:
        rest = length
        for factor in _FAST_FACTORS:
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 2
