"""`ganbench weights list`, `fetch` and `import`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from ganbench.errors import GanbenchError, UnknownNameError, UsageError, WeightsError
from ganbench.features.weight_fetch import Source, fetch_weights
from ganbench.features.weight_import import import_weights
from ganbench.features.weight_places import locate_weights, shown, weights_folder
from ganbench.features.weight_store import Progress as OnBytes
from ganbench.features.weight_table import WEIGHTS, Form, WeightFile, get_weight

TRUNK_ONLY = (
    "With inception-trunk, FID and KID are the canonical ones. The Inception Score is not possible until "
    "`ganbench weights fetch inception`."
)


def show_weights(as_json: bool) -> None:
    """The table of weights, or all of it as JSON."""
    rows = [_row(weight) for weight in WEIGHTS.values()]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "for", "size", "published by", "here"):
        table.add_column(column, overflow="fold", no_wrap=column in ("name", "size"))
    for row in rows:
        publishers = " or ".join(dict.fromkeys(_publisher(form) for form in WEIGHTS[row["name"]].forms))
        cells = (row["name"], row["for"], row["size"], publishers, row["form"] or "no")
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)
    for row in rows:
        if row["present"]:
            _tell(console, f"{row['name']}: {row['path']}")
    _tell(console, f"To get one: `ganbench weights fetch NAME`; it is placed in {shown(weights_folder())}.")
    _tell(console, "With a copy from elsewhere: `ganbench weights import FILE`.")
    if locate_weights("inception") is None and locate_weights("inception-trunk") is not None:
        _tell(console, TRUNK_ONLY)


def fetch_and_show(names: Sequence[str], everything: bool, source: str) -> int:
    """Fetch each and tell how it went. Returns 0 if all are here now, 1 if some are not, 130 if interrupted."""
    if source not in get_args(Source):
        raise UnknownNameError("source", source, get_args(Source))
    if everything == bool(names):
        raise UsageError(f"name what to fetch, or give --all alone. Known: {', '.join(WEIGHTS)}.")
    wanted = [get_weight(name).name for name in (WEIGHTS if everything else dict.fromkeys(names))]
    console = Console()
    failures = []
    try:
        for name in wanted:
            try:
                with _progress(console) as on_bytes:
                    fetch_weights(name, cast("Source", source), lambda text: _tell(console, text), on_bytes)
            except WeightsError as error:
                failures.append(str(error))
    except KeyboardInterrupt:
        _tell(
            console,
            "Interrupted. Give the same command again: files that are here stay, and a publisher's file goes on where "
            "it stopped; the package index starts its file over.",
        )
        return 130
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


def import_and_show(paths: Sequence[Path]) -> None:
    """Import each path and tell what it held. Raises the first error after all were tried."""
    console = Console()
    errors: list[GanbenchError] = []
    for path in paths:
        try:
            for item in import_weights(path.expanduser(), lambda text: _tell(console, text)):
                done = "here already" if item.was_there else "checked and placed"
                _tell(console, f"{item.name}: {done}, {shown(item.path)}")
        except GanbenchError as error:
            errors.append(error)
    for later in errors[1:]:
        print(f"error: {later}", file=sys.stderr)
    if errors:
        raise errors[0]


def _row(weight: WeightFile) -> dict[str, Any]:
    found = locate_weights(weight.name)
    form = found.form if found else weight.forms[0]
    return {
        "name": weight.name,
        "title": weight.title,
        "for": weight.used_for,
        "present": found is not None,
        "form": found.form.kind if found else None,
        "path": shown(found.path) if found else None,
        "size": " or ".join(f"{each.size / 1e6:,.0f} MB" for each in ((form,) if found else weight.forms)),
        "num_bytes": form.size,
        "sha256": form.sha256,
        "get": "" if found else f"ganbench weights fetch {weight.name}",
        "sources": [_source(each) for each in weight.forms],
        "licence": weight.licence,
        "paper": weight.paper,
        "alternative": weight.alternative,
        "note": weight.note,
    }


def _publisher(form: Form) -> str:
    return urlsplit(form.url).hostname or "package index"


def _source(form: Form) -> dict[str, str | int]:
    index = f"{form.archive.requirement}: {form.member}" if form.archive else ""
    return {"form": form.kind, "sha256": form.sha256, "num_bytes": form.size, "url": form.url, "package_index": index}


@contextmanager
def _progress(console: Console) -> Iterator[OnBytes]:
    """A bar of bytes that appears with the first of them; nothing where there is no terminal."""
    columns = (BarColumn(bar_width=30), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), TextColumn(""))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, visible=False)

        def on_bytes(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield on_bytes


def _tell(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
