"""How much louder or quieter to play, so that every clip is heard at one level.

Judging presence needs no knob: quiet clips are brought up, loud ones down, towards -23 LUFS. The gain stops where
the loudest true peak would reach the ceiling, so that nothing is ever clipped or limited and the clip keeps its
dynamics. Playback alone is changed; stored audio never is.

References
----------
EBU R 128 (2020): target level -23 LUFS, maximum true peak level -1 dBTP; ITU-R BS.1770-4.
"""

from __future__ import annotations

TARGET_LUFS = -23.0
CEILING_DBTP = -1.0


def matching_gain_db(loudness_lufs: float | None, true_peak_dbtp: float | None) -> float:
    """Return the gain that brings a clip towards the target level.

    Parameters
    ----------
    loudness_lufs : float or None
        Integrated loudness; None where it is too short or too quiet to be measured.
    true_peak_dbtp : float or None
        Loudest true peak; None for digital silence.

    Returns
    -------
    float
        Gain in dB; 0 where either measure is missing. A positive gain never lifts the true peak above -1 dBTP.
    """
    if loudness_lufs is None or true_peak_dbtp is None:
        return 0.0
    wanted = TARGET_LUFS - loudness_lufs
    return min(wanted, max(0.0, CEILING_DBTP - true_peak_dbtp))
