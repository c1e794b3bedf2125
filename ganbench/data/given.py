"""Images handed over in Python: arrays, tensors, and iterators over batches of them.

Only uint8 is taken without a word of its range. Floating-point images need `value_range=(low, high)`, the values of
black and white, since a wrong guess would change every number without a sign; then a value x becomes
round((x - low) * 255 / (high - low)), half to even, which for (-1, 1) is what ganbench does with its own samples.

Batches of an iterator go into a temporary file that is mapped into memory, so that they need not fit there; it has no
name and is gone with the last reference to the images. It lies where `tempfile` puts it (TMPDIR moves it).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any, TypeGuard

import numpy as np
import numpy.typing as npt

from ganbench.data.arrays import Images, Labels, as_images, as_labels, channels_last
from ganbench.errors import DataError
from ganbench.types import ImageSet, ImageSource

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 256  # images converted, or copied from a device, at once

Range = tuple[float, float]
Given = npt.NDArray[Any] | ImageSource | Iterable[Any]  # a tensor or a loader is an Iterable
_SOURCE_MEMBERS = ("shape", "sha256", "fingerprint", "batches", "take", "subset")


def as_image_source(
    samples: Given | Tensor, name: str, value_range: Range | None = None, labels: npt.ArrayLike | None = None
) -> ImageSource:
    """Images from Python as an ImageSource.

    Args:
        samples: An array or tensor [N, H, W], [N, H, W, C] or [N, C, H, W] with C = 1 or 3; an ImageSource, which is
            given back; or an iterable of batches, each an array or tensor as above or a pair (images, labels), as a
            torch DataLoader gives them.
        name: How people are told of the images.
        value_range: The values of black and white of floating-point images; images of 8 bits have their own.
        labels: Class numbers int [N], unless the batches bring them.

    Returns:
        The images; those of an iterable are mapped from a temporary file.

    Raises:
        DataError: No images; another type, shape or range; NaN; batches that differ in shape or in having labels.
    """
    low, high = value_range or (0.0, 1.0)
    if not low < high:
        raise DataError(f"{name}: value_range ({low:g}, {high:g}); expected (black, white), such as (-1, 1).")
    if _is_image_source(samples):
        if labels is not None:
            raise DataError(f"{name}: labels go with arrays; this source of images has its own.")
        return samples
    if _is_tensor(samples) or isinstance(samples, np.ndarray):
        images = _to_uint8(samples, name, value_range)
        return ImageSet(name, images, _checked_labels(labels, len(images), name))
    if isinstance(samples, str | bytes | dict) or not isinstance(samples, Iterable):
        raise DataError(f"{name}: expected an array, a tensor or an iterable of batches, got {_kind(samples)}.")
    spooled = _spool(samples, name, value_range)
    if labels is None:
        return spooled
    if spooled.labels is not None:
        raise DataError(f"{name}: labels were given, and the batches bring labels, too. Leave one of them out.")
    return ImageSet(name, spooled.images, _checked_labels(labels, len(spooled), name))


def _spool(batches: Iterable[Any], name: str, value_range: Range | None) -> ImageSet:
    """All batches, one after the other in a nameless file, which is there as long as its mapping."""
    labels: list[Labels] = []
    shape: tuple[int, ...] = ()
    num_images = 0
    with tempfile.TemporaryFile(prefix="ganbench-") as file:
        for index, batch in enumerate(batches):
            source = f"{name}: batch {index}"
            given, given_labels = _split(batch, source)
            images = _to_uint8(given, source, value_range)
            own_labels = _checked_labels(given_labels, len(images), source)
            if index and (own_labels is not None) != bool(labels):
                raise DataError(f"{source}: some batches have labels, others none. Expected them in all or in none.")
            if index and images.shape[1:] != shape:
                raise DataError(
                    f"{source}: images of height, width, channels {list(images.shape[1:])}; those before are "
                    f"{list(shape)}. Expected the same in all batches."
                )
            _append(file, images, source)
            shape, num_images = images.shape[1:], num_images + len(images)
            labels += [] if own_labels is None else [own_labels]
        if not num_images:
            raise DataError(
                f"{name}: no images: the iterator gave no batch. An iterator can be gone through only once."
            )
        mapped = np.memmap(file, dtype=np.uint8, mode="r", shape=(num_images, *shape))
    return ImageSet(name, mapped, np.concatenate(labels) if labels else None)


def _append(file: IO[bytes], images: Images, source: str) -> None:
    try:
        file.write(images.data)
        file.flush()
    except OSError as error:
        raise DataError(
            f"{source}: cannot be put into {tempfile.gettempdir()} ({error}). Set TMPDIR to a folder with room."
        ) from error


def _split(batch: Any, source: str) -> tuple[Tensor | npt.NDArray[Any], Any]:
    """A batch, or a pair of images and labels, → images, and labels or None."""
    parts = batch if isinstance(batch, list | tuple) and len(batch) in (1, 2) else (batch,)
    images = parts[0]
    if not (_is_tensor(images) or isinstance(images, np.ndarray)):
        raise DataError(
            f"{source}: expected an array or tensor of images, or a pair (images, labels), got {_kind(batch)}. "
            "Stack single images with numpy.stack first."
        )
    return images, parts[1] if len(parts) == 2 else None


def _checked_labels(labels: npt.ArrayLike | Tensor | None, num_images: int, source: str) -> Labels | None:
    if labels is None:
        return None
    array = _array(labels) if _is_tensor(labels) else np.asarray(labels)
    return as_labels(array, num_images, f"{source}: labels")


def _to_uint8(samples: Tensor | npt.NDArray[Any], source: str, value_range: Range | None) -> Images:
    """Any accepted layout → uint8 [N, H, W, C], a view where nothing need be changed."""
    if _is_floating(samples) and value_range is None:
        raise DataError(
            f"{source}: floating-point images ({samples.dtype}) whose range is not said. If -1 is black and 1 is "
            "white, give value_range=(-1, 1); if 0 is black and 1 is white, value_range=(0, 1)."
        )
    if not _is_floating(samples) and _in_host_memory(samples):
        return as_images(_array(samples), source)
    if samples.ndim == 0 or len(samples) == 0:
        raise DataError(f"{source}: holds no images (shape {list(samples.shape)}).")
    chunks = (_array(samples[start : start + CHUNK]) for start in range(0, len(samples), CHUNK))
    parts = [_quantised(chunk, source, value_range) for chunk in chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _quantised(chunk: npt.NDArray[Any], source: str, value_range: Range | None) -> Images:
    """Some images in any accepted layout → uint8 [B, H, W, C]."""
    if value_range is None:
        return as_images(chunk, source)
    images = channels_last(chunk.astype(np.float32), source)
    low, high = value_range
    if np.isnan(images).any():
        num_broken = int(np.isnan(images).any(axis=(1, 2, 3)).sum())
        raise DataError(f"{source}: {num_broken} of {len(images)} images hold NaN; expected numbers.")
    levels = np.rint((images - np.float32(low)) * np.float32(255 / (high - low)))
    if levels.min() < 0 or levels.max() > 255:
        raise DataError(
            f"{source}: values from {images.min():g} to {images.max():g}; expected {low:g} to {high:g}, as value_range "
            "says. Clip them first, or give the range that they have."
        )
    return np.ascontiguousarray(levels.astype(np.uint8))


def _array(samples: Tensor | npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As an array in host memory; half-precision tensors of any kind become float32."""
    if isinstance(samples, np.ndarray):
        return samples
    samples = samples.detach()
    array: npt.NDArray[Any] = (samples.float() if samples.is_floating_point() else samples).cpu().numpy()
    return array


def _is_floating(samples: Tensor | npt.NDArray[Any]) -> bool:
    if isinstance(samples, np.ndarray):
        return bool(np.issubdtype(samples.dtype, np.floating))
    return samples.is_floating_point()


def _in_host_memory(samples: Tensor | npt.NDArray[Any]) -> bool:
    return isinstance(samples, np.ndarray) or samples.device.type == "cpu"


def _is_tensor(samples: object) -> TypeGuard[Tensor]:
    """Whether this is a torch tensor, found without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(samples, torch.Tensor)


def _is_image_source(samples: object) -> TypeGuard[ImageSource]:
    """Whether an object has the members of an ImageSource."""
    return all(hasattr(type(samples), member) or hasattr(samples, member) for member in _SOURCE_MEMBERS)


def _kind(samples: object) -> str:
    kind = type(samples)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
