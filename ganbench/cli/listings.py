"""The commands that list what there is: plugins, benchmarks, datasets, metrics, extractors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ganbench.cli import model_cards
from ganbench.cli.metric_cards import DIRECTIONS, card, needs_in_words, page
from ganbench.config import HOST_OPTIONS, Benchmark
from ganbench.errors import UnknownNameError
from ganbench.registry import Registry, Variant, load_registry, option_words
from ganbench.run.entries import resolve_entries
from ganbench.types import MetricInfo


def _show(rows: Sequence[dict[str, Any]], as_json: bool, columns: Iterable[str]) -> None:
    """A table of the named columns, or all of each row as JSON."""
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=number == 0)  # names are copied whole
    for row in rows:
        table.add_row(*(escape(_words(row[column])) for column in columns))
    Console().print(table)


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def show_plugins(name: str | None, as_json: bool, as_markdown: bool) -> None:
    """All variants and what failed to load, or one variant with its options."""
    registry = load_registry()
    if as_markdown:
        infos = [registry.variant(name).info] if name else [variant.info for variant in registry.variants.values()]
        print(model_cards.card(infos[0]) if name else model_cards.page(infos), end="")
        return
    if name is not None:
        _show_plugin(registry.variant(name), as_json)
        return
    rows = [_plugin_row(variant) for variant in registry.variants.values()]
    failures = [
        {"plugin": f.source.entry_point, "distribution": str(f.source.distribution), "stage": f.stage, "error": f.error}
        for f in registry.failures
    ]
    if as_json:
        print(json.dumps({"plugins": rows, "failed": failures}, indent=1, ensure_ascii=False))
        return
    _show(rows, False, ("name", "title", "labels", "data"))
    for distribution in sorted({row["distribution"] for row in rows} - {rows[0]["distribution"]}):
        names = ", ".join(row["name"] for row in rows if row["distribution"] == distribution)
        Console().print(f"From {distribution}: {names}", markup=False, highlight=False)
    print("`ganbench plugins NAME` shows one with its options.")
    if failures:
        Console().print("[red]Could not be loaded[/red] (the others are not affected):")
        _show(failures, False, ("plugin", "distribution", "stage", "error"))


def _plugin_row(variant: Variant) -> dict[str, Any]:
    info, source = variant.info, variant.source
    return {
        "name": info.name, "title": info.title, "paper": info.paper, "description": info.description,
        "labels": {True: "needed", False: "", "if labelled": "used if there"}[info.conditional],
        "data": ", ".join(info.data_kinds),
        "conditional": info.conditional, "control": info.control, "data_kinds": list(info.data_kinds),
        "resolutions": list(info.resolutions), "options": dict(info.options), "entry_point": source.entry_point,
        "distribution": f"{source.distribution} {source.version}".strip(), "api_version": source.api_version,
        "source_sha256": source.sha256,
    }  # fmt: skip


def _show_plugin(variant: Variant, as_json: bool) -> None:
    info = variant.info
    if as_json:
        print(json.dumps(_plugin_row(variant) | {"option_help": dict(info.option_help)}, indent=1))
        return
    console = Console()
    console.print(f"[bold]{escape(info.name)}[/bold] · {escape(info.title)}")
    sizes = f"Sizes: {', '.join(map(str, info.resolutions)) or 'any'} pixels" if "image" in info.data_kinds else ""
    for text in (info.paper, info.description, sizes, f"Source: {variant.source}, sha256 {variant.source.sha256[:16]}"):
        if text:
            console.print(text, markup=False, highlight=False)
    rows = [
        {"option": name, "default": option_words(default), "meaning": info.option_help.get(name, "")}
        for name, default in info.options.items()
    ]
    if not info.control:
        rows += [
            {"option": name, "default": "as the benchmark", "meaning": meaning}
            for name, meaning in HOST_OPTIONS.items()
        ]
    if rows:
        _show(rows, False, ("option", "default", "meaning"))
        console.print(f"Set one with: --set {info.name}.{rows[0]['option']}=VALUE", markup=False, highlight=False)


def show_benchmarks(name: str | None, as_json: bool) -> None:
    """All benchmarks, or one with its entries."""
    registry = load_registry()
    if name is not None:
        benchmark = registry.benchmark(name)
        resolve_entries(benchmark, registry, ())  # raises for what does not exist
        for metric in (*benchmark.evaluation.metrics, benchmark.evaluation.rank_by):
            if metric not in registry.metrics:
                raise UnknownNameError("metric", metric, registry.metrics)
        _show_benchmark(benchmark, as_json)
        return
    benchmarks = list(registry.benchmarks.values())
    if as_json:
        print(json.dumps([benchmark.model_dump(mode="json") for benchmark in benchmarks], indent=1, ensure_ascii=False))
        return
    _show([{"name": benchmark.name, "title": benchmark.title} for benchmark in benchmarks], False, ("name", "title"))
    print("`ganbench benchmarks NAME` says what is trained, on which data and for how long.")


def _show_benchmark(benchmark: Benchmark, as_json: bool) -> None:
    if as_json:
        print(json.dumps(benchmark.model_dump(mode="json"), indent=1, ensure_ascii=False))
        return
    console = Console()
    console.print(f"[bold]{escape(benchmark.name)}[/bold] · {escape(benchmark.title)}")
    data, training, source = benchmark.data, benchmark.training, benchmark.source
    limit = f", at most {data.num_train:,} to train on" if data.num_train else ""
    size = f" at {data.resolution} pixels" if data.resolution else ""
    lines = [
        benchmark.description,
        f"Repeats {source.title}{'; ' + source.differs if source.differs else ''}." if source else "",
        f"Data: {data.dataset}{size}{limit}",
        f"Training: {training.budget}, batches of {training.batch_size}, {benchmark.seeds} of each model",
        f"Measured: {benchmark.evaluation.num_samples:,} samples, ranked by {benchmark.evaluation.rank_by}, "
        f"protocol {benchmark.protocol}",
    ]
    for line in filter(None, lines):
        console.print(line, markup=False, highlight=False)
    _show(
        [_entry_row(benchmark, name) for name in benchmark.plugins], False, ("entry", "plugin", "options", "published")
    )


def _entry_row(benchmark: Benchmark, name: str) -> dict[str, str]:
    entry = benchmark.entry(name)
    options = {**benchmark.options, **entry.options}
    return {
        "entry": name, "plugin": entry.plugin,
        "options": ", ".join(f"{option}={option_words(value)}" for option, value in options.items()),
        "published": "; ".join(f"{what}: {words}" for what, words in entry.published.items()),
    }  # fmt: skip


def show_datasets(as_json: bool) -> None:
    """All datasets."""
    rows = [
        {"name": info.form, "title": info.title, "source": info.source} for info in load_registry().datasets.values()
    ]
    _show(rows, as_json, ("name", "title", "source"))


def show_metrics(name: str | None, as_json: bool, as_markdown: bool) -> None:
    """All metrics, or the card of one."""
    known = load_registry().metrics
    if name is not None and name not in known:
        raise UnknownNameError("metric", name, known)
    infos = [known[name]] if name is not None else list(known.values())
    if as_json:
        print(json.dumps([_metric_row(info) for info in infos], indent=1))
    elif as_markdown:
        print(card(infos[0]) if name is not None else page(infos), end="")
    elif name is not None:
        Console().print(Markdown(card(infos[0])))
    else:
        for info in infos:
            _print_metric(info)
        print("`ganbench metrics ID` also says how a number and its interval are made, and after which paper.")


def _print_metric(info: MetricInfo) -> None:
    """A few lines: direction, range, needs, cost and limits."""
    console = Console()
    asked = "" if info.default else ", measured on request"
    console.print(f"[bold]{escape(info.id)}[/bold] · {escape(info.title)} · {DIRECTIONS[info.higher_is_better]}{asked}")
    for name, text in (
        ("", info.description), ("Range", info.range), ("Needs", needs_in_words(info)), ("Cost", info.cost),
        ("Limits", info.limits),
    ):  # fmt: skip
        line = f"{name}: {text}" if name else text
        console.print(Padding(Text(line), (0, 0, 0, 4)))
    console.print()


def _metric_row(info: MetricInfo) -> dict[str, Any]:
    better = {True: "higher", False: "lower", None: "–"}[info.higher_is_better]
    return {
        "id": info.id, "title": info.title, "better": better, "default": info.default, "range": info.range,
        "needs": list(info.needs), "extractor": info.extractor, "cost": info.cost, "description": info.description,
        "interval": info.interval, "choices": info.choices, "limits": info.limits, "paper": info.paper,
        "reference_code": info.reference_code,
    }  # fmt: skip


def show_extractors(as_json: bool) -> None:
    """All extractors and whether they can be used here; what is lacking stands below the table."""
    rows = extractor_rows(load_registry())
    _show(rows, as_json, ("name", "title", "resize", "usable"))
    if as_json:
        return
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["lacking"], []).append(row["name"])
    for lacking, lacked_by in names.items():
        if lacking:
            Console().print(f"{', '.join(lacked_by)}: {lacking}", markup=False, highlight=False)


def extractor_rows(registry: Registry) -> list[dict[str, Any]]:
    """One row for each extractor; `lacking` says why it cannot be used or has no logits, and what to do."""
    return [
        {
            "name": info.name, "title": info.title, "feature_dim": info.feature_dim, "resize": info.resize,
            "canonical": info.canonical, "usable": "no" if info.missing() else "yes",
            "lacking": info.missing() or info.logits_missing() or "", "paper": info.paper,
        }
        for info in registry.extractors.values()
    ]  # fmt: skip
