"""Where weight files lie on this machine. Nothing is downloaded here, and no file counts before its hash was checked.

Each form of a file is looked for in ganbench's own folder ($GANBENCH_WEIGHTS, else the user's cache folder), in the
Python package that ships it, in torch hub's checkpoints folder, and where another program keeps its copy.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from ganbench.errors import WeightsError
from ganbench.features.weight_table import Form, WeightFile, get_weight


@dataclass(frozen=True)
class Found:
    """A checked file: which form it has and where it lies."""

    form: Form
    path: Path


def weights_folder() -> Path:
    """Where `ganbench weights fetch` and `import` put files: $GANBENCH_WEIGHTS, else the user's cache folder."""
    chosen = os.environ.get("GANBENCH_WEIGHTS")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("ganbench")) / "weights"


def search_folders(form: Form) -> list[Path]:
    """The folders in which a form is sought, first to last."""
    folders = [weights_folder()]
    spec = importlib.util.find_spec(form.package) if form.package else None
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / form.package_folder)
    folders.append(_torch_hub_checkpoints())
    if form.cache_folder:
        folders.append(Path(form.cache_folder).expanduser())
    return folders


def locate_weights(name: str) -> Found | None:
    """The first file, form by form, that has the right checksum, or None."""
    candidates = _candidates(get_weight(name))
    return next((found for found in candidates if has_form(found.path, found.form)), None)


def find_weights(name: str) -> Path | None:
    """The path of the checked file, or None."""
    found = locate_weights(name)
    return None if found is None else found.path


def missing_weights(name: str) -> str | None:
    """Why the weights cannot be used (absent or damaged) and the command that gets them; None if they can be used."""
    if find_weights(name) is not None:
        return None
    weight = get_weight(name)
    damaged = damaged_weights(name)
    reason = "not here" if damaged is None else f"damaged, {shown(damaged)} has another checksum"
    return (
        f"the weights '{name}' ({weight.title}) are {reason}: `ganbench weights fetch {name}`, or "
        f"`ganbench weights import FILE` with a copy of {weight.forms[0].files[0]}."
    )


def damaged_weights(name: str) -> Path | None:
    """The first file that stands in the weights' place and is not them; None where they can be used or are absent."""
    first = next(_candidates(get_weight(name)), None)
    return None if first is None or find_weights(name) is not None else first.path


def require_weights(name: str) -> Path:
    """The path of the checked file. Raises WeightsError with the remedy where there is none."""
    path = find_weights(name)
    if path is None:
        raise WeightsError(missing_weights(name) or name)
    return path


def has_form(path: Path, form: Form) -> bool:
    """Whether a file has the form's size and hash; files of another size are not read."""
    return path.stat().st_size == form.size and file_sha256(path) == form.sha256


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; remembered until the file changes."""
    stat = path.stat()
    return _hash_file(path, stat.st_size, stat.st_mtime_ns)


def shown(path: Path) -> str:
    """The path as it may stand in a published report: under the home folder it begins with ~."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


@lru_cache(maxsize=64)
def _hash_file(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _candidates(weight: WeightFile) -> Iterator[Found]:
    for form in weight.forms:
        paths = (folder / file for folder in search_folders(form) for file in form.files)
        yield from (Found(form, path) for path in paths if path.is_file())


def _torch_hub_checkpoints() -> Path:
    """Torch hub's folder by its own rule, without importing torch: $TORCH_HOME, else $XDG_CACHE_HOME/torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
