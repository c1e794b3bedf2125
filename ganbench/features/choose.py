"""Which extractor an evaluation uses, and why."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.errors import UnknownNameError, WeightsError
from ganbench.types import ExtractorInfo

OFFLINE_DEFAULT = "efficientnet-lite0"


def choose_extractor(name: str, infos: Sequence[ExtractorInfo]) -> tuple[ExtractorInfo, str]:
    """The extractor called `name` and the reason in words.

    `auto` takes the canonical one where its weights (at least those for its features) are present, else
    efficientnet-lite0, and the reason names the command that would make canonical numbers possible. Raises
    UnknownNameError for an unknown name, and WeightsError with the remedy for one whose weights are missing.
    """
    known = {info.name: info for info in infos}
    if name != "auto":
        if name not in known:
            raise UnknownNameError("extractor", name, [*known, "auto"])
        return _usable(known[name]), f"{name}: asked for"
    canonical = next((info for info in infos if info.canonical), None)
    if canonical is not None and canonical.missing() is None:
        lack = canonical.logits_missing()
        return canonical, f"{canonical.name}: canonical, and its weights are present{f'; {lack}' if lack else ''}"
    if OFFLINE_DEFAULT not in known:
        raise UnknownNameError("extractor", OFFLINE_DEFAULT, known)
    reason = (
        f"{OFFLINE_DEFAULT}, since the weights of the canonical Inception are not here: get them with "
        "`ganbench weights fetch inception`, or for FID and KID alone `ganbench weights fetch inception-trunk`"
    )
    return _usable(known[OFFLINE_DEFAULT]), reason


def _usable(info: ExtractorInfo) -> ExtractorInfo:
    lack = info.missing()
    if lack is not None:
        raise WeightsError(f"extractor '{info.name}' cannot be used: {lack}")
    return info
