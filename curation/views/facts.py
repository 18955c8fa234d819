"""What is known of a sound, as pages list it: label, value, unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from curation.models import Clip, Submission

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of the list; an empty unit where the value says all, a link where the value leads somewhere."""

    label: StrOrPromise
    value: StrOrPromise
    unit: str = ""
    link: str = ""


def clip_facts(clip: Clip) -> list[Fact]:
    """Return a clip's measures, units included, and where an imported clip came from."""
    facts = [
        Fact(label=_("Length"), value=number_format(clip.duration_s, 3), unit="s"),
        Fact(
            label=_("Format"),
            value=_("mono, 16 bit, %(rate)s") % {"rate": number_format(clip.sample_rate_hz, force_grouping=True)},
            unit="Hz",
        ),
        _level(_("Loudness"), clip.loudness_lufs, "LUFS", _("too short or too quiet to measure")),
        _level(_("True peak"), clip.true_peak_dbtp, "dBTP", _("digital silence")),
        _share(_("Clipped"), clip.clipped_share),
        _share(_("Silent"), clip.silent_share),
        Fact(label=_("Title"), value=clip.title),
        Fact(label=_("Tags"), value=", ".join(clip.tags)),
        Fact(label=_("Uploader"), value=clip.uploader),
        Fact(label=_("Licence"), value=clip.licence),
        Fact(label=_("Source"), value=clip.source_url, link=_safe(clip.source_url)),
    ]
    return [fact for fact in facts if fact.value]


def submission_facts(submission: Submission) -> list[Fact]:
    """Return what is known of a recording; not its file name, which its sender chose."""
    channels = _("%(channels)d channels") % {"channels": submission.channels} if submission.channels > 1 else _("mono")
    facts = [
        Fact(label=_("Length"), value=number_format(submission.duration_s, 3), unit="s"),
        Fact(label=_("Format"), value=f"{submission.container} {submission.encoding}, {channels}"),
        Fact(label=_("Sample rate"), value=number_format(submission.sample_rate_hz, force_grouping=True), unit="Hz"),
        Fact(label=_("Size"), value=number_format(submission.original_bytes / 1_000_000, 2), unit="MB"),
        Fact(label=_("Title"), value=submission.title),
        Fact(label=_("Device"), value=submission.device),
        Fact(label=_("City"), value=submission.city),
        Fact(label=_("Licence"), value=submission.licence),
        Fact(label=_("Source"), value=submission.source_url, link=_safe(submission.source_url)),
    ]
    return [fact for fact in facts if fact.value]


def _level(label: str, value: float | None, unit: str, missing: str) -> Fact:
    if value is None:
        return Fact(label=label, value=missing)
    return Fact(label=label, value=number_format(value, 1).replace("-", MINUS), unit=unit)


def _share(label: str, share: float | None) -> Fact:
    return Fact(label=label, value="" if share is None else number_format(100 * share, 2), unit="%")


def _safe(address: str) -> str:
    """Return an address from a manifest if it is one to follow, else nothing (``javascript:`` is none)."""
    return address if urlsplit(address).scheme in {"http", "https"} else ""
