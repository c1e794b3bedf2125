"""Features of a set of images: decoded once for all extractors that need them, and kept by content.

A cache file's place is the hash of everything that changes the features: pixels and shape of the images, their number,
the extractor's name, weights and resize, and a version of this code. Labels and the name of the set do not enter. What
is derived from features (mean and covariance, neighbour distances of a reference) is kept beside them under the same
hash.

Images that lie in files are known again by their names, sizes and times of change (`ImageSource.fingerprint`): a second
evaluation against an unchanged folder opens none of its images.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs
import torch

from ganbench.config import sha256_of
from ganbench.data.streamed import ImageFacts, StreamedImages
from ganbench.errors import GanbenchError
from ganbench.features.arithmetic import exact_arithmetic
from ganbench.types import Extractor, ExtractorIdentity, FeatureSet, ImageSource

log = logging.getLogger(__name__)

VERSION = 2  # of what is stored: raise it when an extractor, or what is derived from features, is corrected
BATCH_SIZE = 64  # fixed, so that one set of images always goes through the network in the same batches
Progress = Callable[[int, int], None]
Arrays = Mapping[str, npt.NDArray[Any]]


def default_cache_root() -> Path:
    """$GANBENCH_CACHE, else the user's cache folder."""
    chosen = os.environ.get("GANBENCH_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("ganbench"))


class FeatureCache:
    """Arrays as .npz files in `root`/features. Files that cannot be read are ignored and later replaced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "features"
        self._told = False  # that nothing can be kept

    def path(self, images: ImageSource, identity: ExtractorIdentity, derived: str = "") -> Path:
        """Where the features of these images by this extractor are kept, or what is `derived` from them."""
        key = [VERSION, images.sha256, len(images), identity.name, identity.weights_sha256, identity.resize]
        return self.folder / f"{sha256_of(key)}{derived and '-' + derived}.npz"

    def load(self, images: ImageSource, extractor: Extractor) -> FeatureSet | None:
        """The stored features, or None where there are none that can be read and are as rich as the extractor's."""
        if not self._worth_hashing(images):
            return None
        path = self.path(images, extractor.identity)
        arrays = self._read(path)
        if arrays is None:
            return None
        if len(arrays.get("features", ())) != len(images):
            log.warning("features cache: %s holds another number of images; computing anew", path)
            return None
        if extractor.has_logits and "logits" not in arrays:
            return None
        return FeatureSet(arrays["features"], arrays.get("logits"))

    def store(self, images: ImageSource, identity: ExtractorIdentity, features: FeatureSet) -> None:
        """Keep features, and by what the files are known again."""
        arrays = {"features": features.features}
        if features.logits is not None:
            arrays["logits"] = features.logits
        self._write(self.path(images, identity), arrays)
        if isinstance(images, StreamedImages):
            self._write_facts(self._quick_path(images), images)
            if images.fingerprint is not None:
                self._write_facts(self._facts_path(images.fingerprint), images)

    def derived(
        self, images: ImageSource, identity: ExtractorIdentity, name: str, compute: Callable[[], Arrays]
    ) -> Arrays:
        """Arrays that depend on the features of these images alone: stored under `name`, or computed now and stored."""
        path = self.path(images, identity, name)
        arrays = self._read(path)
        if arrays is None:
            arrays = compute()
            self._write(path, arrays)
        return arrays

    def recognise(self, images: ImageSource) -> None:
        """Tell images in files what was found out about them the last time, if they have not changed since."""
        if not isinstance(images, StreamedImages) or images.fingerprint is None:
            return
        try:
            facts = json.loads(self._facts_path(images.fingerprint).read_text(encoding="utf-8"))
            images.adopt(ImageFacts(tuple(facts["shape"]), facts["sha256"]))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("image index: the entry of %s is unreadable (%s); reading the images anew", images.name, error)

    def _write_facts(self, path: Path, images: StreamedImages) -> None:
        facts = {"shape": list(images.shape), "sha256": images.sha256}
        self._replace(path, lambda file: file.write(json.dumps(facts).encode()))

    def _facts_path(self, fingerprint: str) -> Path:
        return self.root / "images" / f"{fingerprint}.json"

    def _quick_path(self, images: StreamedImages) -> Path:
        return self.root / "images" / f"quick-{images.quick_key()}.json"

    def _worth_hashing(self, images: ImageSource) -> bool:
        """Whether the hash is known, or images that begin alike were here before: else decoding to hash is waste."""
        return not isinstance(images, StreamedImages) or images.is_hashed or self._quick_path(images).is_file()

    def _read(self, path: Path) -> Arrays | None:
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            log.warning("features cache: %s is unreadable (%s); computing anew", path, error)
            return None

    def _write(self, path: Path, arrays: Arrays) -> None:
        self._replace(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]  # confuses allow_pickle

    def _replace(self, path: Path, write: Callable[[Any], Any]) -> None:
        """Write beside and move into place, so that a reader never sees half a file; what cannot be kept is told."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    write(file)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            if not self._told:
                log.warning("features cache: %s cannot be written (%s); going on without keeping features", path, error)
            self._told = True


def extract(
    images: ImageSource,
    extractors: Sequence[Extractor],
    cache: FeatureCache | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[FeatureSet]:
    """Features float32 [N, D] and logits float32 [N, K] (or None) of all images by each extractor.

    What the cache has is taken from it; for the rest the images are gone through once. `progress(done, total)` is
    called after each batch.
    """
    found: list[FeatureSet | None] = [None] * len(extractors)
    if cache is not None:
        cache.recognise(images)
        found = [cache.load(images, extractor) for extractor in extractors]
    lacking = [extractor for extractor, features in zip(extractors, found, strict=True) if features is None]
    if lacking:
        with exact_arithmetic():
            computed = _compute(images, lacking, device, progress)
        for extractor, features in zip(lacking, computed, strict=True):
            if cache is not None:
                cache.store(images, extractor.identity, features)
        rest = iter(computed)
        found = [next(rest) if features is None else features for features in found]
    elif progress is not None:
        progress(len(images), len(images))
    return [features for features in found if features is not None]


def _compute(
    images: ImageSource, extractors: Sequence[Extractor], device: str, progress: Progress | None
) -> list[FeatureSet]:
    outputs = [_Output(len(images), extractor.identity.name) for extractor in extractors]
    done = 0
    for batch in images.batches(BATCH_SIZE):
        pixels = torch.tensor(batch).to(device).permute(0, 3, 1, 2)  # [B, H, W, C] → [B, C, H, W]
        for extractor, output in zip(extractors, outputs, strict=True):
            output.add(*extractor(pixels))
        done += len(batch)
        if progress is not None:
            progress(done, len(images))
    return [output.features() for output in outputs]


class _Output:
    """What one extractor makes, filled batch by batch into arrays that are allocated once."""

    def __init__(self, num_images: int, name: str) -> None:
        self._num_images, self._name = num_images, name
        self._done = 0
        self._arrays: list[npt.NDArray[np.float32] | None] = [None, None]

    def add(self, *tensors: torch.Tensor | None) -> None:
        """Features [B, D] and logits [B, K] or None of the next batch. Raises GanbenchError for NaN and infinity."""
        count = 0
        for i, tensor in enumerate(tensors):
            if tensor is None:
                continue
            array = self._arrays[i]
            if array is None:
                array = self._arrays[i] = np.empty((self._num_images, tensor.shape[1]), np.float32)
            count = len(tensor)
            values = tensor.float().cpu().numpy()
            if not np.isfinite(values).all():
                first = self._done + int(np.argmin(np.isfinite(values).all(axis=1)))
                raise GanbenchError(
                    f"extractor '{self._name}' gives numbers that are not finite, first for image {first}: its weights "
                    "may be damaged, or it computes in too low a precision."
                )
            array[self._done : self._done + count] = values
        self._done += count

    def features(self) -> FeatureSet:
        """All of it."""
        features, logits = self._arrays
        assert features is not None and self._done == self._num_images  # every batch has features
        return FeatureSet(features, logits)
