"""Checkpoints: everything that decides how training goes on, in one file that is replaced in one move."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganbench.errors import GanbenchError

CHECKPOINT_FORMAT = 1
LAST = "last.pt"


class CheckpointError(GanbenchError):
    """A checkpoint that cannot be read."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` beside `path`, flush it to the disk, then move it into place: a kill leaves the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as stream:
        torch.save({"format": CHECKPOINT_FORMAT, **state}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at `path`, on the CPU, or None when there is none. Only tensors and plain values are read."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path}: this checkpoint cannot be read ({error}). Delete the file to train this trial from the start, "
            "or pass --fresh to start the whole run over."
        ) from error
    if state.get("format") != CHECKPOINT_FORMAT:
        raise CheckpointError(
            f"{path}: written in format {state.get('format')}, this ganbench reads {CHECKPOINT_FORMAT}."
        )
    return state


def weights_sha256(module: nn.Module) -> str:
    """SHA-256 over the names and bytes of all parameters and buffers of `module`."""
    digest = hashlib.sha256()
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
