"""Measuring protocols: every choice that changes a number, under one name. Numbers of different protocols never rank
beside each other.

A protocol's name ends in its version; a change of any setting makes a new version, never a new meaning of the old one.
One small file a protocol; `record` says what a protocol is and `page` writes its page of the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ganbench.errors import UnknownNameError
from ganbench.protocols.deviations import (
    Measured,
    check_metrics,
    deviations,
    reference_deviations,
    setting_deviations,
)
from ganbench.protocols.ganbench_v1 import GANBENCH_V1
from ganbench.protocols.mimicry import MIMICRY_CIFAR10_V1
from ganbench.protocols.record import Protocol, PublishedRow, Reference
from ganbench.protocols.studiogan import STUDIOGAN_CIFAR10_V1
from ganbench.protocols.vtgan import VTGAN_2019

__all__ = [
    "PROTOCOLS",
    "Measured",
    "Protocol",
    "PublishedRow",
    "Reference",
    "check_metrics",
    "deviations",
    "get_protocol",
    "reference_deviations",
    "setting_deviations",
]

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {protocol.name: protocol for protocol in (GANBENCH_V1, MIMICRY_CIFAR10_V1, STUDIOGAN_CIFAR10_V1, VTGAN_2019)}
)


def get_protocol(name: str) -> Protocol:
    """The protocol called `name`. Raises UnknownNameError that lists the known ones."""
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
