"""`ganbench protocols`: the measuring protocols, or one with its settings, published numbers and notes."""

from __future__ import annotations

import json

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from ganbench.errors import UsageError
from ganbench.protocols import PROTOCOLS, get_protocol
from ganbench.protocols.page import protocol_json, protocol_page


def show_protocols(name: str | None, as_json: bool, as_markdown: bool) -> None:
    """Print all protocols, or one with all that it says. Raises UnknownNameError, or UsageError for what cannot be."""
    if as_json and as_markdown:
        raise UsageError("--json and --markdown: choose one of them.")
    if name is None:
        if as_markdown:
            raise UsageError(f"--markdown prints the page of one protocol; name one of {', '.join(PROTOCOLS)}.")
        _show_all(as_json)
        return
    protocol = get_protocol(name)
    if as_json:
        print(json.dumps(protocol_json(protocol), indent=1, ensure_ascii=False))
    elif as_markdown:
        print(protocol_page(protocol), end="")
    else:
        Console().print(Markdown(protocol_page(protocol)))


def _show_all(as_json: bool) -> None:
    if as_json:
        print(json.dumps([protocol_json(item) for item in PROTOCOLS.values()], indent=1, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "extractor", "samples", "metrics", "title"):
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for item in PROTOCOLS.values():
        samples = "as the benchmark says" if item.num_samples is None else f"{item.num_samples:,}"
        metrics = ", ".join(item.metrics) or "all default ones"
        table.add_row(*map(escape, (item.name, item.extractor, samples, metrics, item.title)))
    Console().print(table)
