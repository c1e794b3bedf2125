"""Taking weight files from elsewhere into ganbench's folder: files, folders, and archives that hold them.

A file is known by its size and SHA-256, whatever its name. Files are copied; what is given is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ganbench.errors import UsageError, WeightsError
from ganbench.features.weight_places import file_sha256, has_form, shown
from ganbench.features.weight_store import (
    Say,
    archive_members,
    damage_told,
    is_archive,
    locked_folder,
    place_copy,
    stream_sha256,
)
from ganbench.features.weight_table import WEIGHTS, Form


@dataclass(frozen=True)
class Imported:
    """What a given path held: the table's name, where the file is now, and whether it was there before."""

    name: str
    path: Path
    was_there: bool


def import_weights(given: Path, say: Say) -> list[Imported]:
    """Copy the weights that a file, folder or archive holds into the weights folder; doing it again changes nothing.

    Raises UsageError where there is no such path, and WeightsError where nothing in it is known.
    """
    if not given.exists():
        raise UsageError(f"{given}: no such file or folder.")
    with locked_folder(say) as folder:
        files = _promising_files(given) if given.is_dir() else [given]
        imported = [item for path in files for item in _import_file(path, folder, say)]
    if not imported:
        raise WeightsError(_unknown(given))
    return imported


def _import_file(path: Path, folder: Path, say: Say) -> Iterator[Imported]:
    """The file itself, else what it holds if it is an archive."""
    for name, form in _forms_of_size(path.stat().st_size):
        with path.open("rb") as content:
            item = _place(name, form, folder, content)
        if item is not None:
            yield item
            return
        say(f"{shown(path)} has the size of {name} but another checksum; skipped")
    with damage_told(path):
        if not is_archive(path):
            return
        for inside, size, member in archive_members(path):
            for name, form in _forms_of_size(size):  # sizes are all different, so the content is read at most once
                item = _place(name, form, folder, member)
                if item is not None:
                    yield item
                else:
                    say(f"{inside} in {shown(path)} has the size of {name} but another checksum; skipped")


def _place(name: str, form: Form, folder: Path, content: IO[bytes]) -> Imported | None:
    """None where the content is not the form's. A file in place is left alone if it is whole."""
    kept = folder / form.files[0]
    was_there = kept.is_file() and has_form(kept, form)
    if was_there:
        is_right = stream_sha256(content) == form.sha256
        return Imported(name, kept, was_there) if is_right else None
    placed = place_copy(content, form, folder)
    return None if placed is None else Imported(name, placed, was_there)


def _promising_files(folder: Path) -> list[Path]:
    """Files below `folder` that may be weights by their size, or archives of the package index by their name."""
    sizes = {form.size for form in _forms()}
    stems = tuple({form.archive.stem for form in _forms() if form.archive is not None})
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if path.stat().st_size in sizes or path.name.startswith(stems)]


def _forms() -> list[Form]:
    return [form for weight in WEIGHTS.values() for form in weight.forms]


def _forms_of_size(size: int) -> list[tuple[str, Form]]:
    return [(weight.name, form) for weight in WEIGHTS.values() for form in weight.forms if form.size == size]


def _unknown(given: Path) -> str:
    what = "holds none of the weights that ganbench knows" if given.is_dir() else f"is not known: {_described(given)}"
    known = "\n".join(
        f"  {weight.name}: {form.files[0]}, {form.size:,} bytes, sha256 {form.sha256}"
        for weight in WEIGHTS.values()
        for form in weight.forms
    )
    return f"{shown(given)} {what}. Known, under any file name:\n{known}"


def _described(path: Path) -> str:
    return f"{path.stat().st_size:,} bytes, sha256 {file_sha256(path)}"
