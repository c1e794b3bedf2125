"""Pretrained weights by name: the table, where its files lie on this machine, and their tensors.

`ganbench.features.weight_fetch` downloads files and `ganbench.features.weight_import` takes in copies from elsewhere.
"""

from __future__ import annotations

from ganbench.features.weight_places import (
    damaged_weights,
    file_sha256,
    find_weights,
    locate_weights,
    missing_weights,
    require_weights,
    weights_folder,
)
from ganbench.features.weight_table import WEIGHTS, Form, IndexArchive, WeightFile, get_weight
from ganbench.features.weight_tensors import ConvolutionTensors, load_inception_trunk, load_lpips_trunk

__all__ = [
    "WEIGHTS",
    "ConvolutionTensors",
    "Form",
    "IndexArchive",
    "WeightFile",
    "damaged_weights",
    "file_sha256",
    "find_weights",
    "get_weight",
    "load_inception_trunk",
    "load_lpips_trunk",
    "locate_weights",
    "missing_weights",
    "require_weights",
    "weights_folder",
]
