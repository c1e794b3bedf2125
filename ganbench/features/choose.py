"""Which extractor an evaluation uses, and why."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.errors import UnknownNameError, WeightsError
from ganbench.types import ExtractorInfo

OFFLINE_DEFAULT = "efficientnet-lite0"


def choose_extractor(name: str, infos: Sequence[ExtractorInfo]) -> tuple[ExtractorInfo, str]:
    """The extractor called `name` and the reason in words.

    `auto` takes the canonical one where its weights (at least those for its features) are present, else
    efficientnet-lite0, and the reason is what the canonical one lacks, with the command that gets it. Raises
    UnknownNameError for an unknown name, and WeightsError with the remedy for one whose weights are missing.
    """
    known = {info.name: info for info in infos}
    if name != "auto":
        if name not in known:
            raise UnknownNameError("extractor", name, [*known, "auto"])
        return _usable(known[name]), f"{name}: asked for"
    canonical = next((info for info in infos if info.canonical), None)
    lack = "there is no canonical extractor" if canonical is None else canonical.missing()
    if canonical is not None and lack is None:
        no_logits = canonical.logits_missing()
        addition = f"; {no_logits}" if no_logits else ""
        return canonical, f"{canonical.name}: canonical, and its weights are present{addition}"
    if OFFLINE_DEFAULT not in known:
        raise UnknownNameError("extractor", OFFLINE_DEFAULT, known)
    return _usable(known[OFFLINE_DEFAULT]), f"{OFFLINE_DEFAULT}, since {lack}"


def _usable(info: ExtractorInfo) -> ExtractorInfo:
    lack = info.missing()
    if lack is not None:
        raise WeightsError(f"extractor '{info.name}' cannot be used: {lack}")
    return info
