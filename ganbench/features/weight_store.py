"""Putting weight files into ganbench's folder: checked first, then moved into place, by one process at a time."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from ganbench.errors import UsageError, WeightsError
from ganbench.features.weight_places import shown, weights_folder
from ganbench.features.weight_table import Form

CHUNK = 1 << 20
_DAMAGE = (EOFError, RuntimeError, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, zlib.error)
Say = Callable[[str], None]
Progress = Callable[[int, int], None]  # bytes done, bytes in all


@contextmanager
def locked_folder(say: Say) -> Iterator[Path]:
    """The weights folder, made if need be, held against other ganbench processes that place files there.

    Raises UsageError where it cannot be a folder.
    """
    folder = weights_folder()
    if folder.is_file():
        raise UsageError(f"GANBENCH_WEIGHTS names a file, {folder}: let it name a folder, and import the file.")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another ganbench process is placing files in {shown(folder)}; waiting for it.")
        lock.acquire()
    try:
        yield folder
    finally:
        lock.release()


def place_copy(source: IO[bytes], form: Form, folder: Path) -> Path | None:
    """Copy `source` to the form's name in `folder`, or return None where its bytes are not the form's.

    Call it under `locked_folder`: the copy is written beside, hashed on the way, and moved into place when it is right.
    """
    beside = folder / f".{form.files[0]}.copy"
    try:
        digest = hashlib.sha256()
        with beside.open("wb") as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != form.sha256:
            return None
        return beside.replace(folder / form.files[0])
    finally:
        beside.unlink(missing_ok=True)


def stream_sha256(content: IO[bytes]) -> str:
    """SHA-256 of what is left to read."""
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Inside, whatever the decompressors raise at damage in the archive `path` becomes a WeightsError."""
    try:
        yield
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's; bz2's and gzip's have no number
            raise
        raise WeightsError(f"{shown(path)} is a damaged archive ({error}); get it anew.") from error


def is_archive(path: Path) -> bool:
    """Whether the file is a zip (a wheel is one) or a tar of any compression."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def archive_members(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size in bytes and opened content of each file in a zip or tar; nothing is unpacked to the disk.

    A tar is read to the end of its stream: `tarfile` takes a damaged header for the end of the archive, and only the
    decompressor's checksum tells.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as content:
                    yield info.filename, info.file_size, content
        return
    with tarfile.open(path) as tar:
        for member in tar:
            opened = tar.extractfile(member) if member.isfile() else None
            if opened is not None:
                yield member.name, member.size, opened
        while tar.fileobj is not None and tar.fileobj.read(CHUNK):
            pass
