"""Downloading one large file of known size over HTTP, so that a broken download is taken up where it stopped.

The standard library does it in a page: a Range request for what is missing, appended to a .part file. No library that
ganbench depends on resumes, and another dependency would be larger than this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ganbench.errors import WeightsError
from ganbench.features.weight_store import CHUNK, Progress

TIMEOUT_SECONDS = 20.0  # to connect, and for each read
MAX_ATTEMPTS = 5


def download(url: str, part: Path, size: int, progress: Progress) -> None:
    """Bring the file `part` to `size` bytes from `url`, going on from what it holds. The caller checks the content.

    A connection that breaks is taken up again as long as each attempt brings something, 5 times in all. Raises
    WeightsError where the server cannot be reached, refuses, or has a file of another size; what was had stays in
    `part`.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        before = _size(part)
        if before >= size:
            return
        try:
            received = _continue(url, part, size, progress)
            reason = "the connection was closed"
        except HTTPError as error:
            raise WeightsError(f"the server answered {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:  # urllib's URLError is an OSError
            received = _size(part) - before
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        if _size(part) >= size:
            return
        if received <= 0 or attempt == MAX_ATTEMPTS:
            raise WeightsError(f"{reason}, after {_size(part):,} of {size:,} bytes")


def _continue(url: str, part: Path, size: int, progress: Progress) -> int:
    """One connection: append what is missing. Returns how many bytes were had.

    Where the server does not continue but sends the whole file, what is had is read past, and never thrown away: the
    connection may break again before that point.
    """
    before = done = _size(part)
    with _answer(url, before) as (answer, start), part.open("ab") as file:
        length = answer.headers.get("Content-Length")
        if length is not None and start + int(length) != size:
            raise WeightsError(f"the server has another file: {start + int(length):,} bytes, expected {size:,}")
        place = start
        while done < size and (chunk := answer.read1(min(CHUNK, size - place))):  # what has come so far is kept
            place += len(chunk)
            missing = chunk[len(chunk) - max(0, place - done) :]
            file.write(missing)
            done += len(missing)
            progress(done, size)
    return done - before


@contextmanager
def _answer(url: str, start: int) -> Iterator[tuple[HTTPResponse, int]]:
    """The server's answer and the byte it starts at: `start` if it honours the range, else 0."""
    try:
        answer = _open(url, start)
    except HTTPError as error:
        if error.code != 416 or not start:  # 416: it has nothing from there on, so its file is another one
            raise
        answer = _open(url, 0)
    with answer:
        matched = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        continues = answer.status == 206 and matched is not None and int(matched[1]) == start
        if answer.status == 206 and not continues:
            raise WeightsError("the server sent another range than was asked for")
        yield answer, start if continues else 0


def _open(url: str, start: int) -> HTTPResponse:
    headers = {"User-Agent": "ganbench", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    answer: HTTPResponse = urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)  # noqa: S310  table's URLs
    return answer


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
