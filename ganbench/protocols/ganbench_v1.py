"""`ganbench-v1`: the settings of each metric's own paper, and of the libraries that most people measure with."""

from __future__ import annotations

from types import MappingProxyType

from ganbench.protocols.record import Protocol

GANBENCH_V1 = Protocol(
    name="ganbench-v1",
    title="ganbench's own protocol",
    description=(
        "Each metric as its paper defines it, on as many samples as the benchmark draws, against the training split. "
        "The extractor is part of every number: where it is not the canonical Inception, the number carries its name."
    ),
    source="ganbench; the settings are those of torch-fidelity 0.4 and of prdc",
    notes=MappingProxyType(
        {
            "extractor": (
                "auto takes the canonical Inception where its weights are here, else efficientnet-lite0, and says "
                "which. Rows of different extractors are not ranked together."
            ),
            "number of samples": "The benchmark says how many. Rows of different numbers are not ranked together.",
            "checkpoint": "The last state of the training is measured; none is chosen by a metric.",
            "precision and recall": "k = 3 with the surface inside, as in their paper (Kynkäänniemi et al. 2019).",
            "density and coverage": "k = 5 with the surface outside, as in the authors' package prdc.",
        }
    ),
)
