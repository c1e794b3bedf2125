"""The image files of a folder or .zip archive, in an order that depends on nothing but the names.

Folders and archives are searched at every depth, links to folders included; images are sorted by their path, written
with '/'. A real folder counts once: a link to a folder that is met anyway is skipped with a warning. A file with two
names counts twice, as in a copy without links, with a warning that counts such names. Hidden files and `__MACOSX` are
left out, hidden images with a warning that counts them. Files that are no images by their ending are passed over with
one warning that counts them; image formats that are not read here (`OTHER_IMAGES`) and two entries of one name in an
archive are errors, so the number of images never changes in silence.
"""

from __future__ import annotations

import heapq
import logging
import os
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO

from ganbench.data.arrays import Images
from ganbench.data.decode import Header, RefusedImageError, decode_image, read_header, refuse_unreadable
from ganbench.errors import DataError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
OTHER_IMAGES = {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".svg"}
MAX_FILE_BYTES = 256 * 2**20
SETTLED_NS = 2 * 10**9  # a file changed later than this before now may change again within the clock's grain
_UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageFile:
    """One encoded image: its path inside the folder or archive, how errors name it, and how its bytes are had.

    `open` gives the bytes as a stream, so that a header costs no more than its own bytes; without it all are read.
    `stamp` changes whenever the bytes do; None where that cannot be promised. `inode` is the same for two names of one
    file; None where there is no such thing.
    """

    path: PurePosixPath
    source: str
    num_bytes: int
    read: Callable[[], bytes]
    open: Callable[[], AbstractContextManager[IO[bytes]]] | None = None
    stamp: str | None = None
    inode: tuple[int, int] | None = None

    def header(self, resolution: int | None) -> Header:
        """Size and channels after decoding, had from the header. Raises RefusedImageError by the policy of `decode`."""
        if self.num_bytes > MAX_FILE_BYTES:
            problem = f"{self.num_bytes:,} bytes; expected at most {MAX_FILE_BYTES:,} in one image"
            raise RefusedImageError(
                self.source, problem, f"have more than {MAX_FILE_BYTES:,} bytes", "Scale {it} down."
            )
        try:
            with nullcontext(BytesIO(self.read())) if self.open is None else self.open() as stream:
                return read_header(stream, self.source, resolution)
        except _UNREADABLE as error:
            raise refuse_unreadable(self.source, f"cannot be read ({error})") from error

    def decode(self, resolution: int | None) -> Images:
        """The pixels, uint8 [H, W] or [H, W, 3]. Raises RefusedImageError."""
        try:
            data = self.read()
        except _UNREADABLE as error:
            raise refuse_unreadable(self.source, f"cannot be read ({error})") from error
        return decode_image(data, self.source, resolution)


class _Archive:
    """An open .zip, read by one thread at a time; closed when no ImageFile refers to it any more."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._lock = threading.Lock()
        # Some Windows programs write '\\' between folders.
        entries = [(entry.filename.replace("\\", "/"), entry) for entry in self._zip.infolist()]
        self.entries = [(PurePosixPath(name), entry) for name, entry in entries if not name.endswith("/")]

    @contextmanager
    def open(self, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
        with self._lock, self._zip.open(entry) as stream:
            yield stream

    def read(self, entry: zipfile.ZipInfo) -> bytes:
        with self.open(entry) as stream:
            return stream.read()


def list_images(path: Path) -> list[ImageFile]:
    """The image files of a folder or .zip that exists, sorted; none of them is opened. Raises DataError."""
    try:
        if path.is_dir():
            return _select(_in_folder(path), path)
        if zipfile.is_zipfile(path):
            return _select(_in_archive(path), path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Check that it is whole and that you may read it."
        ) from error
    if path.suffix.lower() == ".zip":
        raise DataError(f"{path}: not a whole .zip: truncated, damaged, or of another format. Pack or copy it anew.")
    raise DataError(f"{path}: expected a folder of images, a .zip of images, an .npy or an .npz file.")


def stamp_of(path: Path, status: os.stat_result) -> str | None:
    """Which file this is and when it was changed last, or None when that was so lately that another could go unseen.

    Device, inode and path tell two files apart that were written within one tick of the clock. The time of change of
    the inode (ctime) is part of it, since archives and copies can set the other one back.

    Args:
        path: The file's path, absolute and without links among its folders.
        status: What `os.stat` says of it (an entry of `os.scandir` has stale times on Windows).
    """
    if max(status.st_mtime_ns, status.st_ctime_ns) > time.time_ns() - SETTLED_NS:
        return None
    numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return f"{path}\0{' '.join(str(number) for number in numbers)}"


def readable(name: str) -> str:
    """A file's name that can be printed: bytes that are no text are written as \\udcNN."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _shown(path: Path) -> str:
    return readable(str(path))


def _in_folder(top: Path) -> Iterator[ImageFile]:
    """All files below `top`. Links come after the folders, so that they are what is skipped; hidden folders last."""
    waiting = [(False, False, PurePosixPath(), top)]
    seen: set[Path] = set()
    while waiting:
        hidden, _, inner, folder = heapq.heappop(waiting)
        real = folder.resolve()
        if real in seen:
            if not hidden:
                _log.warning("%s: skipped, a link to %s, which is counted anyway.", _shown(folder), _shown(real))
            continue
        seen.add(real)
        with os.scandir(folder) as entries:
            for entry in entries:
                path, name = Path(entry.path), inner / entry.name
                if entry.is_dir():
                    heapq.heappush(waiting, (hidden or _is_hidden(entry.name), entry.is_symlink(), name, path))
                else:
                    yield _file(path, name, real)


def image_file(path: Path) -> ImageFile:
    """One file, whatever its name ends with."""
    return _file(path, PurePosixPath(path.name), path.parent.resolve())


def _file(path: Path, inner: PurePosixPath, real_folder: Path) -> ImageFile:
    reader, opener = path.read_bytes, partial(_open, path)
    try:
        status = path.stat()
    except FileNotFoundError:  # a broken link, which fails when it is read
        return ImageFile(inner, _shown(path), 0, reader, opener)
    inode = (status.st_dev, status.st_ino) if status.st_ino else None  # 0 where the file system numbers no files
    stamp = stamp_of(real_folder / path.name, status)
    return ImageFile(inner, _shown(path), status.st_size, reader, opener, stamp, inode)


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _in_archive(path: Path) -> Iterator[ImageFile]:
    stamp = stamp_of(path.resolve(), path.stat())
    archive = _Archive(path)
    for inner, entry in archive.entries:
        source = readable(f"{path}:{inner}")
        if entry.flag_bits & 1:
            raise DataError(f"{source} is encrypted. Pack the images without a password.")
        own_stamp = None if stamp is None else f"{stamp} {entry.file_size} {entry.CRC}"
        reader, opener = partial(archive.read, entry), partial(archive.open, entry)
        yield ImageFile(inner, source, entry.file_size, reader, opener, own_stamp)


def _select(found: Iterator[ImageFile], path: Path) -> list[ImageFile]:
    """Images only, sorted by path."""
    chosen: list[ImageFile] = []
    passed_over: list[str] = []
    hidden: list[str] = []
    for file in found:
        suffix = file.path.suffix.lower()
        if any(_is_hidden(part) for part in file.path.parts):
            if suffix in IMAGE_SUFFIXES and not any(_is_of_macos(part) for part in file.path.parts):
                hidden.append(file.source)
        elif suffix in OTHER_IMAGES:
            raise DataError(f"{file.source}: {suffix} images are not read here. Convert it to PNG, or remove it.")
        elif suffix in IMAGE_SUFFIXES:
            chosen.append(file)
        else:
            passed_over.append(file.source)
    if passed_over:
        _log.warning(
            "%s: passed over %s that are no images, such as %s.", path, _count(passed_over, "file"), min(passed_over)
        )
    if hidden:
        _log.warning("%s: left out %s, such as %s.", path, _count(hidden, "hidden image"), min(hidden))
    if not chosen:
        raise DataError(f"{path}: no images found; looked for {', '.join(sorted(IMAGE_SUFFIXES))} at every depth.")
    chosen.sort(key=lambda file: str(file.path))
    _warn_of_second_names(chosen, path)
    return _each_name_once(chosen)


def _each_name_once(files: list[ImageFile]) -> list[ImageFile]:
    """The same files. Raises DataError where two have one name, which archives allow."""
    for file, following in pairwise(files):
        if file.path == following.path:
            raise DataError(f"{file.source}: there are two entries of this name. Pack the images anew, each once.")
    return files


def _warn_of_second_names(files: list[ImageFile], path: Path) -> None:
    """A store that keeps equal files once links to one file twice; the images are then as many as in a plain copy."""
    first: dict[tuple[int, int], ImageFile] = {}
    again = [file for file in files if file.inode and first.setdefault(file.inode, file) is not file]
    if again:
        other = first[again[0].inode or (0, 0)].source
        count = _count([file.source for file in again], "image")
        _log.warning(
            "%s: %s counted again under another name, such as %s, which is %s.", path, count, again[0].source, other
        )


def _count(names: list[str], what: str) -> str:
    return f"{len(names):,} {what}{'s' if len(names) > 1 else ''}"


def _is_hidden(part: str) -> bool:
    return part == "__MACOSX" or (part.startswith(".") and part != "..")


def _is_of_macos(part: str) -> bool:
    """Whether macOS made this beside the files proper: named as images are, and none."""
    return part == "__MACOSX" or part.startswith("._")
