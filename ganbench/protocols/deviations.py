"""Whether what is measured keeps to a protocol: its reference, number of samples, metrics and extractor.

A number is called a protocol's only where nothing deviates. `ganbench run` and `ganbench evaluate` share this check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ganbench.errors import UsageError
from ganbench.protocols.record import Protocol


@dataclass(frozen=True)
class Measured:
    """What is measured, with what. None and empty: not known yet, so not compared.

    `dataset` is the name of the dataset that the reference comes from, and empty for images from anywhere else: such
    images are not taken for the protocol's reference, whatever their folder is called.
    """

    dataset: str = ""
    split: str = ""  # "train" or "test"
    num_reference: int | None = None
    resolution: int | None = None  # of the reference images, in pixels
    num_samples: int | None = None
    metrics: Sequence[str] = ()
    extractor: str = ""


def deviations(protocol: Protocol, measured: Measured) -> list[str]:
    """A sentence for each setting in which `measured` breaks the protocol; empty where it keeps to it."""
    return [*reference_deviations(protocol, measured), *setting_deviations(protocol, measured)]


def setting_deviations(protocol: Protocol, measured: Measured) -> list[str]:
    """In what the number of samples, the metrics and the extractor are not the protocol's."""
    found = []
    wanted, got = protocol.num_samples, measured.num_samples
    if wanted is not None and got is not None and got != wanted:
        found.append(f"{protocol.name} measures {wanted:,} samples; these are {got:,}.")
    if outside := _outside(protocol, measured.metrics):
        found.append(f"{protocol.name} measures {', '.join(protocol.metrics)}; it does not say how {outside} is made.")
    if measured.extractor and protocol.extractor not in ("auto", measured.extractor):
        found.append(f"{protocol.name} measures with {protocol.extractor}, not with {measured.extractor}.")
    return found


def reference_deviations(protocol: Protocol, measured: Measured) -> list[str]:
    """In what the real images are not the protocol's: the dataset; within the same one the split, count and size."""
    wanted = protocol.reference
    if wanted is None:
        return []
    head = f"{protocol.name} compares with {wanted}"
    if measured.dataset != wanted.dataset:
        got = f"the dataset '{measured.dataset}'" if measured.dataset else "no dataset known by name"
        return [f"{head} (dataset '{wanted.dataset}'); this reference is {got}."]
    found = []
    if measured.split != wanted.split:
        found.append(f"{head}; this reference is the {measured.split or 'unknown'} split.")
    if measured.num_reference is not None and measured.num_reference != wanted.num:
        found.append(f"{head}; this reference holds {measured.num_reference:,}.")
    if measured.resolution is not None and measured.resolution != wanted.resolution:
        found.append(
            f"{head} of {wanted.resolution} x {wanted.resolution} pixels; these have {measured.resolution} a side."
        )
    return found


def check_metrics(protocol: Protocol, metrics: Sequence[str]) -> None:
    """Refuse metrics that the protocol says nothing of. Raises UsageError that lists those it has."""
    if outside := _outside(protocol, metrics):
        raise UsageError(
            f"protocol '{protocol.name}' measures {', '.join(protocol.metrics)} only, not {outside}: choose among "
            "these, or the protocol ganbench-v1, which takes any."
        )


def _outside(protocol: Protocol, metrics: Sequence[str]) -> str:
    return ", ".join(name for name in metrics if name not in protocol.metrics) if protocol.metrics else ""
