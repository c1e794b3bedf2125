"""Features of a set of images, extracted once and kept by content.

A cache file's name is the hash of everything that changes the features: pixels and shape of the images, their number,
and the extractor's name, weights and resize. Labels and the name of the set do not enter.
"""

from __future__ import annotations

import logging
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
import torch

from ganbench.config import sha256_of
from ganbench.types import Extractor, ExtractorIdentity, FeatureSet, ImageSet

log = logging.getLogger(__name__)

BATCH_SIZE = 64  # fixed, so that one set of images always goes through the network in the same batches
Progress = Callable[[int, int], None]


def default_cache_root() -> Path:
    """$GANBENCH_CACHE, else the user's cache folder."""
    chosen = os.environ.get("GANBENCH_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("ganbench"))


class FeatureCache:
    """Feature sets as .npz files in `root`/features. Files that cannot be read are ignored and later replaced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "features"

    def path(self, images: ImageSet, identity: ExtractorIdentity) -> Path:
        """Where the features of these images by this extractor are kept."""
        key = [images.sha256, len(images), identity.name, identity.weights_sha256, identity.resize]
        return self.folder / f"{sha256_of(key)}.npz"

    def load(self, images: ImageSet, identity: ExtractorIdentity) -> FeatureSet | None:
        """The stored features, or None where there are none that can be read."""
        path = self.path(images, identity)
        try:
            with np.load(path, allow_pickle=False) as stored:
                features = FeatureSet(stored["features"], stored.get("logits"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("features cache: %s is unreadable (%s); computing anew", path, error)
            return None
        if len(features.features) != len(images):
            log.warning("features cache: %s holds another number of images; computing anew", path)
            return None
        return features

    def store(self, images: ImageSet, identity: ExtractorIdentity, features: FeatureSet) -> None:
        """Write beside and move into place, so that a reader never sees half a file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {"features": features.features}
        if features.logits is not None:
            arrays["logits"] = features.logits
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs confuse arrays with allow_pickle
            Path(name).replace(self.path(images, identity))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def extract(
    images: ImageSet,
    extractor: Extractor,
    cache: FeatureCache | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FeatureSet:
    """Features float32 [N, D] and logits float32 [N, K] (or None) of all images, from the cache where they are.

    `progress(done, total)` is called after each batch.
    """
    stored = cache.load(images, extractor.identity) if cache is not None else None
    if stored is not None:
        if progress is not None:
            progress(len(images), len(images))
        return stored
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # as precise as on a CPU
        features = _compute(images, extractor, device, progress)
    if cache is not None:
        cache.store(images, extractor.identity, features)
    return features


def _compute(images: ImageSet, extractor: Extractor, device: str, progress: Progress | None) -> FeatureSet:
    features: list[np.ndarray[tuple[int, int], np.dtype[np.float32]]] = []
    logits: list[np.ndarray[tuple[int, int], np.dtype[np.float32]]] = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = torch.tensor(images.images[start : start + BATCH_SIZE])
        batch_features, batch_logits = extractor(batch.permute(0, 3, 1, 2).to(device))  # [N, H, W, C] → [N, C, H, W]
        features.append(batch_features.float().cpu().numpy())
        if batch_logits is not None:
            logits.append(batch_logits.float().cpu().numpy())
        if progress is not None:
            progress(min(start + BATCH_SIZE, len(images)), len(images))
    return FeatureSet(np.concatenate(features), np.concatenate(logits) if logits else None)
