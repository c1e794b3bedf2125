"""Printed claims of the form "mean ± spread": whether two of them differ by more than the spreads that they print.

A report prints, say, an Inception Score as its mean ± standard deviation over splits of one set of samples. What that
spread says of the model is a question of assumptions:

- Divided by √splits it is the standard error of this mean: how far other samples of the same trained model would move
  it, if the splits were independent. It knows nothing of training the model again.
- As printed, it is taken here for the standard deviation of a model's score, training included. That is an assumption
  too, on the careful side for the sampling and a guess for the training, which no number in print lets one know.

Two claims are told apart where |difference| > z √(s_a² + s_b²), z by Holm's method for all pairs of a board at 5 %. A
model that was trained several times counts with the mean of its scores and the root mean square of its spreads, not
divided by the number of trainings: two scores that happen to agree do not make the spread that each prints smaller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from scipy.stats import norm

from ganbench.results.statistics import ALPHA, holm

_NUMBER = r"\d*\.?\d+"
_CLAIM = re.compile(rf"([-\N{{MINUS SIGN}}]?{_NUMBER})\s*(?:±|\+/-)\s*({_NUMBER})")


@dataclass(frozen=True)
class Claim:
    """A printed score: `mean` over the trainings that were printed, `spread` as printed, and the words."""

    mean: float
    spread: float
    words: str


def parse_claim(words: str) -> Claim | None:
    """Read `4.14 ± 0.20`, or several trainings as `4.14 ± 0.20 and 4.13 ± 0.29`; None where there is no such thing."""
    found = [(float(mean.replace("\N{MINUS SIGN}", "-")), float(spread)) for mean, spread in _CLAIM.findall(words)]
    if not found:
        return None
    return Claim(fmean(mean for mean, _ in found), math.sqrt(fmean(spread**2 for _, spread in found)), words)


def p_value(a: Claim, b: Claim) -> float | None:
    """Chance of a difference as large from spreads like these alone, two-sided; None where both spreads are 0."""
    spread = math.hypot(a.spread, b.spread)
    return 2 * float(norm.sf(abs(a.mean - b.mean) / spread)) if spread else None


def printed_ties(claims: Mapping[str, Claim]) -> list[tuple[str, str]]:
    """The pairs of names whose printed scores cannot be told apart, in the order given."""
    pairs = list(combinations(claims, 2))
    adjusted = holm([p_value(claims[a], claims[b]) for a, b in pairs])
    return [pair for pair, p in zip(pairs, adjusted, strict=True) if p is None or p >= ALPHA]


def verdict_on_printed(title: str, claims: Mapping[str, Claim]) -> str:
    """A sentence on the printed scores of two models or more: which of them cannot be told apart, and by which rule."""
    ties = printed_ties(claims)
    told = [
        f"{a}'s {title} and {b}'s cannot be told apart: {claims[a].words} against {claims[b].words}" for a, b in ties
    ]
    if len(ties) < math.comb(len(claims), 2):
        others = "the other pairs differ" if ties else f"the {title} of {', '.join(claims)} differ"
        told.append(f"{others} by more than the spreads")
    return f"As printed, {'; '.join(told)} (each ± taken as one standard deviation of a model's score)."
