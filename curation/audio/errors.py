"""Why a recording is refused: one exception with a reason code that programs count and a detail that people read.

Reason codes
------------
not_found, unreadable, not_a_file, empty_file
    The file cannot be opened, is a folder, pipe or device, or has no bytes.
unsupported_container, unsupported_encoding, wrong_extension, inconsistent_header, unknown_length
    The file is not WAV, FLAC, Ogg Vorbis or Ogg Opus, or its header cannot be believed.
zero_channels, too_many_channels, sample_rate_out_of_range, no_samples, too_long
    The header is sound and declares something no dataset takes.
truncated, undecodable, not_finite
    The samples are not what the header declares.
decoding_timeout, out_of_memory, decoder_crashed
    The decoder's child process hit a limit or died.
changed_while_read
    The file was written to between its check and the end of its copy.
"""

from __future__ import annotations


class AudioRefusedError(ValueError):
    """A file that is not taken.

    Parameters
    ----------
    reason : str
        A code in snake case (see the module).
    detail : str
        What was found, and what to do about it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[AudioRefusedError], tuple[str, str]]:
        """Survive the way back from a worker process; plain exceptions lose keyword state."""
        return type(self), (self.reason, self.detail)
