"""Images from .npy and .npz files.

Layouts: [N, H, W], [N, H, W, C] and [N, C, H, W] with C = 1 or 3; where both of the last two would fit, the file is
refused. Only uint8 is taken: float and wider integer arrays are refused with the expression that converts them, since
a wrong guess of the range would change every number without a sign. Pickled objects are never loaded.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ganbench.errors import DataError

MAX_BYTES = 32 * 2**30
CHANNELS = (1, 3)
_DAMAGE = (OSError, ValueError, EOFError, SyntaxError, MemoryError, OverflowError, zlib.error, zipfile.BadZipFile)

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
_Number = TypeVar("_Number", bound=np.generic)


def check_room(shape: tuple[int, ...]) -> None:
    """Raise DataError where images of shape [N, H, W, C] would take more memory than `MAX_BYTES`."""
    num_images, height, width, channels = shape
    total = num_images * height * width * channels
    if total > MAX_BYTES:
        raise DataError(
            f"{num_images:,} images of {width}x{height} pixels take {total / 2**30:.0f} GiB; expected at most "
            f"{MAX_BYTES / 2**30:.0f} GiB. Use a smaller --resolution."
        )


def is_archive(path: Path) -> bool:
    """Whether a file is an .npz by its first bytes, whatever it is called. Raises DataError."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError as error:
        raise _unreadable(path, error) from error


def map_array(path: Path) -> npt.NDArray[Any]:
    """The array of an .npy file, mapped into memory, not read. Raises DataError."""
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def load_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file by name, or of an .npy file as {"images": …}. Raises DataError."""
    if not is_archive(path):
        return {"images": np.array(map_array(path))}
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    except NotImplementedError as error:
        raise DataError(f"{path}: compressed in a way that cannot be read ({error}). Use numpy.savez.") from error
    strangers = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if strangers:
        raise DataError(f"{path}: holds {strangers[0]}, which is no array; expected arrays only. Use numpy.savez.")
    return arrays


def _unreadable(path: Path, error: BaseException) -> DataError:
    return DataError(
        f"{path}: not a readable .npy or .npz file of plain arrays ({error}). Write it anew with numpy.savez."
    )


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_BYTES:
        raise DataError(f"{path}: {size / 2**30:.0f} GiB of arrays; expected at most {MAX_BYTES / 2**30:.0f} GiB.")


def as_images(array: npt.NDArray[Any], source: str) -> Images:
    """Any of the accepted layouts → uint8 [N, H, W, C]. Raises DataError; `source` names the array."""
    return np.ascontiguousarray(channels_last(check_uint8(array, source), source))


def check_uint8(array: npt.NDArray[Any], source: str) -> Images:
    """The same array. Raises DataError unless it is uint8, with the expression that makes it so."""
    if array.dtype != np.uint8:
        raise DataError(f"{source}: expected uint8, got {array.dtype}{_conversion(array)}")
    return array


def channels_last(array: npt.NDArray[_Number], source: str) -> npt.NDArray[_Number]:
    """Any of the accepted layouts, of any type → a view [N, H, W, C]. Raises DataError."""
    if array.size == 0:
        raise DataError(f"{source}: holds no images (shape {list(array.shape)}).")
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
        return array[..., None]
    if array.ndim == 4:
        last, first = array.shape[3] in CHANNELS, array.shape[1] in CHANNELS
        if last != first:
            return array if last else array.transpose(0, 2, 3, 1)
    raise DataError(
        f"{source}: shape {list(array.shape)} is not, or not clearly, [N, H, W], [N, H, W, C] or [N, C, H, W] "
        "with C = 1 or 3 channels. Reshape it to [N, H, W, C]."
    )


def as_labels(array: npt.NDArray[Any], num_images: int, source: str) -> Labels:
    """Integer labels [N] or [N, 1], one for each image, none negative → int64 [N]. Raises DataError."""
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1 or len(flat) != num_images or not np.issubdtype(flat.dtype, np.integer):
        raise DataError(
            f"{source}: expected {num_images} integer class labels, one for each image, "
            f"got {array.dtype} {list(array.shape)}."
        )
    if flat.min() < 0:
        raise DataError(f"{source}: label {flat.min()} is negative; expected 0, 1, …. Leave labels out if unknown.")
    return flat.astype(np.int64)


def _conversion(array: npt.NDArray[Any]) -> str:
    """What the numbers look like, and the expression that makes uint8 of them."""
    if array.dtype.kind not in "biuf" or array.size == 0:
        return "."
    low, high = array.min(), array.max()
    if array.dtype.kind in "biu" and low >= 0 and 1 < high <= 255:
        return f" from {low} to {high}. Convert it: x.astype('uint8')."
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return f" from {low:g} to {high:g}. If 1 is white, convert it: (x * 255).round().astype('uint8')."
    if array.dtype.kind == "f" and low >= -1 and high <= 1:
        return f" from {low:g} to {high:g}. If -1 is black: ((x + 1) * 127.5).round().astype('uint8')."
    return f" from {low} to {high}. Scale it to 0 … 255, round, and convert it with .astype('uint8')."
