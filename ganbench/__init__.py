"""ganbench trains GAN variants under one protocol, measures them and writes leaderboards.

What a plugin imports is offered here, and `evaluate`, which measures images from anywhere; each name is loaded on first
use, so `import ganbench` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.hookspecs import hookimpl
    from ganbench.models import GAN, adam, mlp
    from ganbench.run.evaluation import evaluate
    from ganbench.types import (
        Batch,
        Dataset,
        DatasetInfo,
        DataSpec,
        ExecutorInfo,
        ExtractorInfo,
        ImageSet,
        ImageSource,
        MetricInfo,
        MetricResult,
        MetricUnavailableError,
        Mixture,
        ModelInfo,
        PointDataset,
        PointSet,
        ReportSection,
    )

__version__ = "0.1.0"

_HOME = {
    "hookimpl": "ganbench.hookspecs",
    "evaluate": "ganbench.run.evaluation",
    **dict.fromkeys(("GAN", "adam", "mlp"), "ganbench.models"),
    **dict.fromkeys(
        (
            "Batch",
            "DataSpec",
            "Dataset",
            "DatasetInfo",
            "ExecutorInfo",
            "ExtractorInfo",
            "ImageSet",
            "ImageSource",
            "MetricInfo",
            "MetricResult",
            "MetricUnavailableError",
            "Mixture",
            "ModelInfo",
            "PointDataset",
            "PointSet",
            "ReportSection",
        ),
        "ganbench.types",
    ),
}

__all__ = [
    "GAN",
    "Batch",
    "DataSpec",
    "Dataset",
    "DatasetInfo",
    "ExecutorInfo",
    "ExtractorInfo",
    "ImageSet",
    "ImageSource",
    "MetricInfo",
    "MetricResult",
    "MetricUnavailableError",
    "Mixture",
    "ModelInfo",
    "PointDataset",
    "PointSet",
    "ReportSection",
    "adam",
    "evaluate",
    "hookimpl",
    "mlp",
]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganbench' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOME[name]), name)
