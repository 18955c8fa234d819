"""Numbers as pages show them: shares as percentages, lengths with their unit, parts of a bar."""

from __future__ import annotations

import math

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from curation.models import Job
from curation.selectors.words import job_error

register = template.Library()

_SLACK = 1e-9  # 0.29 is a little less in binary


@register.filter
def percent(share: float | None, digits: int = 0) -> str:
    """Write a share (0 to 1) as a number of percent; empty for None."""
    return "" if share is None else f"{100 * share:.{digits}f}"


@register.filter
def at_least(share: float, digits: int = 0) -> str:
    """Write a share (0 to 1) of which no less is promised as a number of percent, rounded down."""
    return f"{math.floor(share * 10 ** (2 + digits) + _SLACK) / 10**digits:.{digits}f}"


@register.filter
def bar_end(row: dict[str, int], names: str) -> str:
    """Return where the named parts of a row end on a bar of its clips, in percent."""
    part = sum(row[name] for name in names.split())
    return f"{100 * part / row['clips']:.2f}" if row["clips"] else "0"


@register.filter
def lufs(loudness_lufs: float) -> str:
    """Write a loudness, a loss with the typographic minus sign."""
    return f"{loudness_lufs:.1f} LUFS".replace("-", "−")  # noqa: RUF001 -- the sign is meant


@register.filter
def seconds(duration_s: float) -> str:
    """Write a length: ``9.5 s`` below a minute, ``1:05.0 min`` from there on."""
    if duration_s < 60:  # noqa: PLR2004 -- a minute
        return f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f} min"


@register.filter
def breakable(name: str) -> SafeString:
    """Let a file's name break after its underscores, where its parts end."""
    return format_html_join(SafeString("_<wbr>"), "{}", ((part,) for part in name.split("_")))


@register.filter
def job_kind(kind: str) -> str:
    """Return what a job does; a kind without a text goes by its name."""
    return {
        "segment": _("cut recordings"),
        "summarise": _("count"),
        "export": _("export"),
        "import-taxonomy": _("import categories"),
        "import-clips": _("import clips"),
        "verify-features": _("verification: hear the clips"),
        "verify-step": _("verification: train"),
        "verify-join": _("verification: join what the networks found"),
        "verify-estimate": _("verification: estimate the cost"),
        "verify-order": _("verification: put labels in order"),
        "verify-accept": _("verification: accept labels"),
    }.get(kind, kind)


@register.filter
def job_trouble(job: Job) -> str:
    """Return what went wrong with a job."""
    return job_error(job)


@register.filter
def about(duration_s: float) -> str:
    """Write a length that is known to a half only, in one unit."""
    days, hours, minutes = (round(duration_s / unit_s) for unit_s in (86_400, 3_600, 60))
    if duration_s >= 1.5 * 86_400:
        return ngettext("about %(n)d day", "about %(n)d days", days) % {"n": days}
    if duration_s >= 1.5 * 3_600:
        return ngettext("about %(n)d hour", "about %(n)d hours", hours) % {"n": hours}
    if duration_s >= 1.5 * 60:
        return ngettext("about %(n)d minute", "about %(n)d minutes", minutes) % {"n": minutes}
    return _("about a minute or less")


@register.filter
def split_method(method: str) -> str:
    """Return how a split was made; a method without a text goes by its name."""
    return {"greedy": _("greedy")}.get(method, method)
