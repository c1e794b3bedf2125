"""Numbers and identifiers as people read them."""

from __future__ import annotations

import math
import re

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def score_words(value: float, interval: tuple[float, float] | None) -> tuple[str, str]:
    """A value and its interval with two significant digits of the interval's half-width (none: four of the value).

    No more than five digits of the value: of a thousand modes nobody asks for ten-thousandths.
    An interval that is symmetric to a tenth of its width is given as "± half", another as "low to high" with a dash.
    """
    low, high = interval or (value, value)
    half = (high - low) / 2
    whole = half == 0 and value == int(value)
    decimals = 0 if whole else two_digits(half or abs(value) / 100)
    if abs(value) >= 10:
        decimals = min(decimals, max(0, 4 - math.floor(math.log10(abs(value)))))
    text = number(value, decimals)
    if interval is None:
        return text, ""
    if abs((high - value) - (value - low)) <= 0.1 * (high - low):
        return text, f"± {number(half, decimals)}"
    return text, f"{number(low, decimals)} {DASH} {number(high, decimals)}"


def two_digits(half: float) -> int:
    """How many decimals give two significant digits of an interval's half-width; at most four, as for none."""
    return min(4, max(0, 1 - math.floor(math.log10(half)))) if half > 0 else 4


def interval_words(interval: tuple[float, float] | None, spec: str) -> str:
    """A 95 % interval for the middle of a sentence, its ends formatted by `spec`; empty where there is none."""
    if interval is None:
        return ""
    low, high = (f"{end:{spec}}".replace("-", MINUS) for end in interval)
    return f" (95 % interval {low} to {high})"


def number(value: float, decimals: int) -> str:
    """Fixed decimals, thousands separated, a true minus sign and no negative zero."""
    text = f"{value:,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def duration(seconds: float) -> str:
    """Seconds as 0.4 s, 91 s, 12 min 5 s or 3 h 20 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def epoch_words(epoch: float) -> str:
    """How many epochs are over: whole from 10 on, two digits before."""
    return f"{epoch:,.0f}" if epoch >= 10 else f"{epoch:.2g}"


def seconds_per_1000(images_per_second: float) -> float:
    """Seconds of training for 1,000 real images; 0 where nothing was trained."""
    return 1000 / images_per_second if images_per_second > 0 else 0.0


def millions(count: int) -> str:
    """A count of parameters as 894 k or 3.58 M."""
    if count >= 1_000_000:
        return f"{count / 1e6:.2f} M"
    return f"{count / 1e3:.0f} k" if count >= 10_000 else f"{count:,}"


def short_hash(sha256: str) -> str:
    """The first twelve digits of a hash, enough for the eye."""
    return sha256[:12]


def slug(text: str) -> str:
    """Letters, digits and hyphens only: safe in an anchor, a file name and a selector."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def paper_url(paper: str) -> str:
    """The link in a paper's reference, from an address or an arXiv number; empty if there is none."""
    if match := re.search(r"https?://[^\s<>\"']+", paper):
        return match[0].rstrip(".,;)")
    if match := re.search(r"arxiv[:\s]*(\d{4}\.\d{4,5})", paper, re.IGNORECASE):
        return f"https://arxiv.org/abs/{match[1]}"
    return ""
