"""Images from a folder, a .zip, an .npy or an .npz file, in an order that depends on nothing but the names.

Folders and archives are searched at every depth, links to folders included; images are sorted by their path, written
with '/'. Hidden files and `__MACOSX` are left out. Files that are no images by their ending are passed over with one
warning that counts them; image formats that are not read here (`OTHER_IMAGES`) are an error, so the number of images
never shrinks in silence. What happens to each kind of image file is said in `ganbench.data.decode`; where some images
are RGB, grey ones are repeated into three channels.
"""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ganbench.data.arrays import MAX_BYTES, Images, as_images, as_labels, load_arrays
from ganbench.data.decode import decode_image
from ganbench.data.resize import check_resolution, fit_images
from ganbench.errors import DataError
from ganbench.types import ImageSet

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
OTHER_IMAGES = {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".svg"}
MAX_FILE_BYTES = 256 * 2**20
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageFile:
    """One encoded image: its path inside the folder or archive, how errors name it, and how its bytes are had."""

    path: PurePosixPath
    source: str
    num_bytes: int
    read: Callable[[], bytes]


def read_images(path: Path, resolution: int | None = None) -> ImageSet:
    """All images of a folder, .zip, .npy or .npz; of a folder that holds samples.npz (a trial), those samples.

    Args:
        path: Folder or file.
        resolution: Side of the square that each image is cropped and resized to (`ganbench.data.resize`); None keeps
            the stored size, which must then be the same for all.

    Returns:
        Images uint8 [N, H, W, C], with labels where an .npz has an array of that name.

    Raises:
        DataError: Nothing there, no images, or one of them cannot be used; the message names it and the remedy.
    """
    check_resolution(resolution)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder.")
    samples = path / "samples.npz"
    if samples.is_file():
        return _read_arrays(samples, path.resolve().name, resolution)
    if path.is_file() and path.suffix.lower() in (".npy", ".npz"):
        return _read_arrays(path, path.resolve().name, resolution)
    with image_files(path) as files:
        return ImageSet(path.resolve().name, stack_images(files, resolution))


@contextmanager
def image_files(path: Path) -> Iterator[list[ImageFile]]:
    """The image files of a folder or .zip that exists, sorted, readable inside the `with`. Raises DataError."""
    try:
        if path.is_dir():
            yield _select(_in_folder(path, PurePosixPath(), frozenset()), path)
        elif not zipfile.is_zipfile(path):
            raise DataError(f"{path}: expected a folder of images, a .zip of images, an .npy or an .npz file.")
        else:
            with zipfile.ZipFile(path) as archive:
                yield _select(_in_archive(archive, path), path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Check that it is whole and that you may read it."
        ) from error


def stack_images(files: Sequence[ImageFile], resolution: int | None) -> Images:
    """Decode images into uint8 [N, H, W, C]; C is 1 only when all are grey. Raises DataError."""
    first = decode_image(_content(files[0]), files[0].source, resolution)
    height, width = first.shape[:2]
    total = len(files) * height * width * 3
    if total > MAX_BYTES:
        raise DataError(
            f"{len(files)} images of {width}x{height} pixels take {total / 2**30:.0f} GiB; expected at most "
            f"{MAX_BYTES / 2**30:.0f} GiB. Use a smaller --resolution."
        )
    stacked = np.empty((len(files), height, width, 3), dtype=np.uint8)
    num_grey = 0
    for index, file in enumerate(files):
        image = first if index == 0 else decode_image(_content(file), file.source, resolution)
        if image.shape[:2] != (height, width):
            raise DataError(
                f"images of different sizes: {files[0].source} has {width}x{height} pixels, {file.source} has "
                f"{image.shape[1]}x{image.shape[0]}. Choose one size with --resolution."
            )
        num_grey += image.ndim == 2
        stacked[index] = image[..., None] if image.ndim == 2 else image
    if num_grey == len(files):
        return np.ascontiguousarray(stacked[..., :1])
    if num_grey:
        _log.warning("%d of %d images are grey; they were repeated into three channels.", num_grey, len(files))
    return stacked


def _read_arrays(path: Path, name: str, resolution: int | None) -> ImageSet:
    arrays = load_arrays(path)
    key = "images" if "images" in arrays else next(iter(arrays), None)
    if key is None or (key != "images" and len(arrays) > 1):
        raise DataError(
            f"{path}: expected an array called images, or one array only, got {', '.join(sorted(arrays)) or 'none'}. "
            f"A file with train and test images is a dataset: name it npz:{path}."
        )
    images = as_images(arrays[key], f"{path}: array {key}")
    labels = arrays.get("labels")
    if labels is not None:
        labels = as_labels(labels, len(images), f"{path}: array labels")
    return ImageSet(name, fit_images(images, resolution), labels)


def _in_folder(folder: Path, inner: PurePosixPath, above: frozenset[Path]) -> Iterator[ImageFile]:
    """All files below `folder`; `above` holds the folders on the way, so that a link back up is not followed."""
    real = folder.resolve()
    if real in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _in_folder(path, inner / path.name, above | {real})
        else:
            num_bytes = path.stat().st_size if path.exists() else 0  # a broken link fails when it is read
            yield ImageFile(inner / path.name, str(path), num_bytes, path.read_bytes)


def _in_archive(archive: zipfile.ZipFile, path: Path) -> Iterator[ImageFile]:
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        if entry.flag_bits & 1:
            raise DataError(f"{path}: {entry.filename} is encrypted. Pack the images without a password.")
        inner = PurePosixPath(entry.filename)
        yield ImageFile(inner, f"{path}:{inner}", entry.file_size, partial(archive.read, entry))


def _select(found: Iterator[ImageFile], path: Path) -> list[ImageFile]:
    """Images only, sorted by path."""
    chosen: list[ImageFile] = []
    passed_over: list[str] = []
    for file in found:
        suffix = file.path.suffix.lower()
        if any(_is_hidden(part) for part in file.path.parts):
            continue
        if suffix in OTHER_IMAGES:
            raise DataError(f"{file.source}: {suffix} images are not read here. Convert it to PNG, or remove it.")
        if suffix in IMAGE_SUFFIXES:
            chosen.append(file)
        else:
            passed_over.append(file.source)
    if not chosen:
        raise DataError(f"{path}: no images found; looked for {', '.join(sorted(IMAGE_SUFFIXES))} at every depth.")
    if passed_over:
        _log.warning("%s: passed over %d files that are no images, such as %s.", path, len(passed_over), passed_over[0])
    return sorted(chosen, key=lambda file: str(file.path))


def _is_hidden(part: str) -> bool:
    return part == "__MACOSX" or (part.startswith(".") and part != "..")


def _content(file: ImageFile) -> bytes:
    if file.num_bytes > MAX_FILE_BYTES:
        raise DataError(f"{file.source}: {file.num_bytes:,} bytes; expected at most {MAX_FILE_BYTES:,} in one image.")
    try:
        return file.read()
    except (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{file.source}: cannot be read ({error}). Repair or remove this file.") from error
