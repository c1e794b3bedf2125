"""The HTML report of one run or several, made from their stored files alone.

The view records (`view`) are built first, then a template renders them. The page opens from disk: it loads nothing
from a network, and works without its small script.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from ganbench.errors import UsageError
from ganbench.report.pages import build_page
from ganbench.report.pictures import Assets
from ganbench.report.view import Page
from ganbench.results.store import read_run, write_bytes
from ganbench.types import ReportSection

__all__ = ["render_page", "write_report"]


def write_report(
    runs: Sequence[Path],
    out: Path | None = None,
    single_file: bool = False,
    sections: Sequence[ReportSection] = (),
) -> Path:
    """Write index.html, and its pictures in the folder `assets` beside it unless `single_file`.

    Args:
        runs: Run folders; each gets a board of its own, since different protocols are never ranked together.
        out: Folder of the report; by default `report` in the first run's folder.
        single_file: Put the pictures into the page.
        sections: Sections that plugins add below each trial; one that raises is shown as failed.

    Returns:
        The path of index.html.

    Raises:
        UsageError: no run is given, or one cannot be read.
    """
    if not runs:
        raise UsageError("no run to report on: give the folder of at least one run.")
    results = [read_run(path) for path in runs]
    folder = out if out is not None else results[0].path / "report"
    page = build_page(results, Assets(None if single_file else folder / "assets"), sections)
    index = folder / "index.html"
    write_bytes(index, render_page(page).encode())
    return index


def render_page(page: Page) -> str:
    """The HTML of a page; every text is escaped."""
    templates = files("ganbench.report.templates")
    pages = {name: templates.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "guide.html")}
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=DictLoader(pages), trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("page.html")
    parts = {
        name: Markup(templates.joinpath(file).read_text(encoding="utf-8"))  # noqa: S704  # this package's own files
        for name, file in (("style", "style.css"), ("script", "script.js"))
    }
    return template.render(page=page, **parts)
