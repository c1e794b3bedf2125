"""Where every random number comes from: seeds derived by name, latents by sample index, states that can be saved.

A derived seed depends on its parts alone, so adding a plugin or a seed to a run changes no other trial. A latent
depends on the seed and the sample's index alone, so the batch size cannot change a sample.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**63) from the SHA-256 of `parts`, such as ("dcgan", 0, "training")."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators (torch's on every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def latents_for(
    indices: Sequence[int] | range, seed: int, latent_dim: int, latent: Literal["normal", "uniform"]
) -> Tensor:
    """Latents float32 [len(indices), latent_dim] on the CPU; row i depends on (`seed`, `indices[i]`) alone.

    Each row has a Philox generator of its own, keyed by seed and index (Salmon et al. 2011, counter-based generators).
    """
    rows = np.empty((len(indices), latent_dim), dtype=np.float32)
    for row, index in enumerate(indices):
        generator = np.random.Generator(np.random.Philox(key=[seed, index]))
        if latent == "normal":
            rows[row] = generator.standard_normal(latent_dim, dtype=np.float32)
        else:
            rows[row] = generator.random(latent_dim, dtype=np.float32) * 2 - 1
    return torch.from_numpy(rows)


def rng_state(device: torch.device) -> dict[str, Any]:
    """States of all global generators as tensors and plain numbers, so that they can be saved and loaded safely."""
    version, internal, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "python": [version, list(internal), gauss],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_rng_state(state: dict[str, Any], device: torch.device) -> None:
    """Put back what `rng_state` returned."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


@contextmanager
def preserved_rng(device: torch.device) -> Iterator[None]:
    """Whatever random numbers the body draws, the generators are afterwards as if it had not run."""
    state = rng_state(device)
    try:
        yield
    finally:
        set_rng_state(state, device)
