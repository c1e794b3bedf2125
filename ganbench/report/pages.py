"""The records of the whole page from the results of one run or several. Runs are never ranked together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ganbench import __version__
from ganbench.config import parse_budget
from ganbench.report.facts import facts_of
from ganbench.report.pictures import Assets, load_arrays
from ganbench.report.table import build_table
from ganbench.report.trials import Context, build_trial
from ganbench.report.view import Fact, Page, PluginView, RunView
from ganbench.report.words import paper_url, seconds_per_1000, short_hash, slug
from ganbench.results.alike import describe_runs
from ganbench.results.board import build_board, differing_metrics
from ganbench.results.published import own_extractor
from ganbench.results.schema import Board, BoardRow, Run
from ganbench.results.store import SAMPLES_FILE, RunResults
from ganbench.types import ReportSection


def build_page(runs: Sequence[RunResults], assets: Assets, sections: Sequence[ReportSection] = ()) -> Page:
    """The page of these runs; pictures go to `assets`."""
    shared = (describe_runs([results.run for results in runs]),) if len(runs) > 1 else ()
    views = tuple(_run(results, assets, sections, f"run-{i}", shared) for i, results in enumerate(runs, start=1))
    title = views[0].title if len(views) == 1 else f"{len(views)} runs"
    return Page(title=title, runs=views, version=__version__)


def _run(
    results: RunResults, assets: Assets, sections: Sequence[ReportSection], anchor: str, shared_notes: tuple[str, ...]
) -> RunView:
    board = build_board(results)
    run = results.run
    real = next((item.folder for item in results.trials if item.trial.role == "reference"), None)
    context = Context(
        run=run,
        assets=assets,
        sections=sections,
        real=load_arrays(real / SAMPLES_FILE) if real is not None else {},
        cheapest=_cheapest(board),
    )
    return RunView(
        anchor=anchor,
        things=run.things,
        title=run.title or run.benchmark,
        description=str(run.configuration["benchmark"].get("description", "")),
        facts=_facts(run, board),
        extractor=_extractor_statement(board),
        warnings=joined_warnings(board.warnings),
        notes=(*shared_notes, *board.notes),
        table=build_table(board, anchor, differing_metrics(results), _changed(run)),
        plugins=tuple(_plugin(results, row, context, anchor) for row in board.rows),
        environment=facts_of({"ganbench": run.ganbench_version, **run.environment}),
    )


def joined_warnings(warnings: Sequence[str]) -> tuple[str, ...]:
    """Warnings `NAME (seed K): 50% of …` that differ in the name and the share alone as one: `A: 50%, B: 13% of …`."""
    groups: dict[str, list[str]] = {}
    for warning in warnings:
        match = re.fullmatch(r"(\S+ \(seed \d+\): [\d.]+ ?%)( .*)", warning, re.DOTALL)
        head, rest = (match[1], match[2]) if match else ("", warning)
        groups.setdefault(rest, []).append(head)
    return tuple(", ".join(heads) + rest for rest, heads in groups.items())


def _changed(run: Run) -> dict[str, str]:
    """By row, the options in which it departs from what all rows are given, as `lr 0.0001 · dropout 0.3`."""
    return {
        plugin.name: " · ".join(f"{name} {value}" for name, value in plugin.changed.items()) for plugin in run.plugins
    }


def _training_images(num_train: int | None, environment: Mapping[str, Any]) -> str:
    """How many there were and how many were held out; of older runs only the limit is known."""
    found, heldout = environment.get("num_train"), environment.get("num_heldout")
    if found is None:
        return f"at most {num_train:,}" if num_train else ""
    return f"{found:,} ({heldout:,} more are held out)" if heldout else f"{found:,}"


def _shown(dataset: str) -> str:
    """`npz:digits.npz` for `npz:/home/me/digits.npz`: a page is shown to others."""
    name, colon, place = dataset.partition(":")
    return f"{name}{colon}{PurePath(place).name}"


def _facts(run: Run, board: Board) -> tuple[Fact, ...]:
    """The head of the page: what was run, on what, when and where."""
    configuration = run.configuration
    benchmark: dict[str, Any] = configuration["benchmark"]
    data, training = benchmark.get("data", {}), benchmark.get("training", {})
    dataset_hash = str(configuration.get("dataset_sha256") or "")
    resolution = f", {data['resolution']} px" if data.get("resolution") else ""
    facts = [
        Fact("Benchmark", run.benchmark),
        Fact("Protocol", run.protocol),
        Fact("Date", run.created[:16].replace("T", " ")),
        Fact("Device", _device(run)),
        Fact("Dataset", f"{_shown(data.get('dataset', ''))}{resolution} ({short_hash(dataset_hash)})", dataset_hash),
        Fact(f"Training {run.things}", _training_images(data.get("num_train"), run.environment)),
        Fact("Budget", _budgets(configuration, str(training.get("budget") or ""), run.things)),
        Fact("Training seeds", str(configuration.get("seeds", 1))),
        Fact("Samples a model", f"{benchmark['evaluation'].get('num_samples', 0):,}"),
        Fact("Ranked by", board.rank_by_label),
        Fact("Configuration", short_hash(run.configuration_sha256), run.configuration_sha256),
    ]
    return tuple(fact for fact in facts if fact.value)


def _device(run: Run) -> str:
    device, environment = str(run.configuration.get("device", "")), run.environment
    if device.startswith("cuda") and environment.get("gpu"):
        return str(environment["gpu"])
    return f"{device}, {environment['cpu_count']} cores" if environment.get("cpu_count") else device


def _budgets(configuration: Mapping[str, Any], common: str, things: str) -> str:
    """The benchmark's budget, and those of the entries that have another."""
    options = configuration.get("host_options", {})
    others = {name: str(given["budget"]) for name, given in options.items() if given.get("budget", common) != common}
    words = [_budget_words(common, things)] if common else []
    return "; ".join([*words, *(f"{name}: {_budget_words(budget, things)}" for name, budget in others.items())])


def _budget_words(text: str, things: str) -> str:
    budget = parse_budget(text)
    amount = f"{budget.amount:,g}"
    plural = "s" * (budget.amount != 1)
    words = {
        "kimg": f"thousand {things}",
        "epochs": f"epoch{plural}",
        "steps": f"step{plural}",
        "min": f"minute{plural}",
    }
    return f"{amount} {words[budget.unit]}"


def _extractor_statement(board: Board) -> str:
    """In plain words, whether the numbers may be set beside published ones."""
    scores = [score for row in board.rows for score in row.scores.values() if score.extractor is not None]
    names = sorted({score.extractor.name for score in scores if score.extractor and not score.canonical})
    if not scores:
        return ""
    if not names:
        return (
            "Features come from the Inception network of the original papers. Compare with published numbers only at "
            "the same number of images and the same protocol."
        )
    if names == [own_extractor(board.protocol)]:
        resize = next(score.extractor.resize for score in scores if score.extractor and not score.canonical)
        return (
            f"Features come from {names[0]} (resize: {resize}), the extractor of {board.protocol}. Compare with "
            "published numbers of that protocol only, at the same number of images."
        )
    return (
        f"Features come from {' and '.join(names)}, not from the Inception network that published FID and IS use. So "
        "these numbers carry that name, and compare models on this page only."
    )


def _cheapest(board: Board) -> tuple[str, float] | None:
    """The model that trains at the least cost per image: its title, and its seconds per 1,000 images."""
    trained = [row for row in board.rows if row.role == "model" and row.training_seconds > 0]
    costs = [(seconds_per_1000(row.images_per_second), row.title) for row in trained if row.images_per_second > 0]
    return min(costs)[::-1] if costs else None


def _plugin(results: RunResults, row: BoardRow, context: Context, anchor: str) -> PluginView:
    record = next((plugin for plugin in results.run.plugins if plugin.name == row.plugin), None)
    paper = record.paper if record else ""
    name = f"{anchor}-{slug(row.plugin)}"
    trials = [item for item in results.trials if item.trial.plugin == row.plugin]
    return PluginView(
        anchor=name,
        name=row.plugin,
        variant=record.variant if record and record.variant != row.plugin else "",
        title=row.title,
        role=row.role,
        description=record.description if record else "",
        paper=paper,
        paper_url=paper_url(paper),
        note="" if trials else row.note,  # otherwise each trial says it
        trials=tuple(build_trial(context, item, name) for item in trials),
    )
