"""`ganbench compare`: which differences between two runs, or between the models of one, are more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ganbench.errors import UsageError
from ganbench.report.words import number, two_digits
from ganbench.results.comparison import RunComparison, compare_models, compare_runs
from ganbench.results.schema import PairTest
from ganbench.results.statistics import HEDGES_G, SAMPLING_ONLY
from ganbench.results.store import read_run, write_record

EXIT_DONE, EXIT_REGRESSION = 0, 4
MAX_DIFFERENCES = 8  # of the configurations that are shown; the JSON has all
SHORT = {
    "no difference beyond noise": "within noise",
    "cannot be tested": "not testable",
    "cannot be compared": "not alike",
}
STYLES = {"better": "green", "worse": "red", "different": "yellow"}
EFFECT_NOTE = "Effect: g is Hedges' g over training seeds; SE are standard errors of the difference."
ONE_SEED_NOTE = (
    "Where a model was trained once, its training variance is unknown: training it again can move it by more than the "
    "interval says. Use --seeds 3 or more."
)


def compare_and_show(runs: Sequence[Path], metrics: Sequence[str], fail: bool, json_file: Path | None) -> int:
    """Compare one run's models or two runs, print what was found. Returns the exit code."""
    if len(runs) > 2:
        raise UsageError(f"{len(runs)} runs are given: compare takes two, or one for its models in pairs.")
    if fail and len(runs) == 1:
        raise UsageError("--fail-on-regression needs two runs: the one to compare with, then the new one.")
    if json_file is not None and json_file.is_dir():
        raise UsageError(f"--json {json_file}: is a folder; name a file.")
    results = [read_run(path) for path in runs]
    first, *second = results
    found = compare_runs(first, second[0], metrics) if second else compare_models(first, metrics)
    if json_file is not None:
        write_record(json_file, found)
    show_comparison(Console(), found)
    if fail and all(test.p_value is None for test in found.tests):
        raise UsageError("--fail-on-regression: not one number of the two runs could be tested; see above why.")
    return EXIT_REGRESSION if fail and found.worse else EXIT_DONE


def show_comparison(console: Console, found: RunComparison) -> None:
    """A table of all tests, then what could not be compared, how it was tested, and the sum of it."""
    if len(found.runs) == 2:
        console.print(f"A: {found.runs[0]}\nB: {found.runs[1]}", markup=False, highlight=False, soft_wrap=True)
    if found.tests:
        console.print(_table(found))
    lines = [f"{name} is not compared: {why}" for name, why in found.not_compared.items()]
    lines += dict.fromkeys(f"{test.label} cannot be compared: {test.reason}" for test in found.tests if test.reason)
    for line in lines:
        console.print(line, style="yellow", markup=False, highlight=False)
    for line in (*_configuration_lines(found), *_method_lines(found), _summary(found)):
        console.print(line, markup=False, highlight=False)


def _table(found: RunComparison) -> Table:
    """Two lines a test, or three, so that all of it stands in 80 columns."""
    between_runs = len(found.runs) == 2
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    table.add_column("model\nmetric" if between_runs else "A, B\nmetric", overflow="fold", min_width=16)
    for name in ("A\nB", "B - A\n95 % interval", "effect\np (Holm)"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("B is")
    for test in found.tests:
        pair = test.a if between_runs else f"{test.a}, {test.b}"
        interval = _interval(*test.ci95) if test.ci95 is not None else ""
        table.add_row(
            escape(f"{pair}\n  {test.label}").replace(" · ", "\n  · "), f"{test.value_a:.4g}\n{test.value_b:.4g}",
            f"{test.difference:+.3g}\n{interval}", f"{_effect(test)}\n{_p_words(test.p_holm)}",
            SHORT.get(test.verdict, test.verdict), style=STYLES.get(test.verdict, ""),
        )  # fmt: skip
    return table


def _interval(low: float, high: float) -> str:
    decimals = two_digits((high - low) / 2)
    return f"{number(low, decimals)} to {number(high, decimals)}"


def _effect(test: PairTest) -> str:
    if test.effect is None:
        return "–"
    return f"g {test.effect:+.2g}" if test.effect_unit == HEDGES_G else f"{test.effect:+.2g} SE"


def _p_words(p_value: float | None) -> str:
    if p_value is None:
        return "–"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _configuration_lines(found: RunComparison) -> list[str]:
    """What was set otherwise in the second run."""
    shown = [f"  {line}" for line in found.differences[:MAX_DIFFERENCES]]
    more = len(found.differences) - len(shown)
    head = ["The configurations differ, A → B:"] if shown else []
    return [*head, *shown, *([f"  and {more} more; --json has all"] if more else [])]


def _method_lines(found: RunComparison) -> list[str]:
    tested = [test for test in found.tests if test.p_value is not None]
    if not tested:
        return []
    methods = "; ".join(dict.fromkeys(test.method for test in tested))
    count = f"for all {len(tested)} tests together (Holm)" if len(tested) > 1 else "for one test"
    lines = [f"Tested by {methods}; at 5 % {count}.", EFFECT_NOTE]
    if len(tested) > 1:
        lines.append("An interval is that of its pair alone, p and verdict are those of all together.")
    return [*lines, *([ONE_SEED_NOTE] if any(test.method == SAMPLING_ONLY for test in tested) else [])]


def _summary(found: RunComparison) -> str:
    if not found.tests:
        return "There is nothing to compare."
    verdicts = [test.verdict for test in found.tests]
    return "B is: " + ", ".join(f"{verdicts.count(verdict)} × {verdict}" for verdict in dict.fromkeys(verdicts)) + "."
