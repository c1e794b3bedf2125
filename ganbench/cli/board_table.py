"""The board as a table for the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from ganbench.report.words import score_words
from ganbench.results.published import published_words
from ganbench.results.schema import Board, BoardRow
from ganbench.results.statistics import spread_words

SHOWN = ("fid", "modes", "precision", "recall", "nn_feature", "kid", "is", "density", "coverage")  # first come first
ARROWS = {True: " ↑", False: " ↓", None: ""}
NAMES_WIDTH, COLUMN_WIDTH, PUBLISHED_WIDTH = 34, 15, 30

ONE_SEED = "One training seed: training variance unknown; ranks and intervals know the drawing of samples only."


def board_table(board: Board, width: int) -> Table:
    """Rank, plugin, the ranking score with its spreads, then as many scores as `width` characters hold.

    What was published stands at the end where there is room. The report has all scores with their intervals.
    """
    wanted = [board.rank_by, *(metric for metric in SHOWN if metric != board.rank_by)]
    room = width - NAMES_WIDTH
    published = any(row.published for row in board.rows) and room >= 2 * COLUMN_WIDTH + PUBLISHED_WIDTH
    room -= PUBLISHED_WIDTH if published else 0
    columns = [metric for metric in wanted if metric in board.columns][: max(2, room // COLUMN_WIDTH - 1)]
    labels = _labels(board)
    table = Table(title=f"{escape(board.title)} · ranked by {escape(board.rank_by_label)}", title_justify="left")
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("plugin", no_wrap=True)
    for metric in columns:
        table.add_column(labels[metric], justify="right", overflow="fold")
        if metric == board.rank_by:
            table.add_column("spread\nseeds / sampling", justify="right", overflow="fold")
    if published:
        table.add_column("published", max_width=PUBLISHED_WIDTH - 3)
    if any(row.rank is not None and row.num_seeds == 1 for row in board.rows):
        table.caption, table.caption_justify = ONE_SEED, "left"
    num_samples = max((score.num_samples for row in board.rows for score in row.scores.values()), default=0)
    for row in board.rows:
        cells = [_cell(row, metric, metric == board.rank_by) for metric in columns]
        if board.rank_by in columns:
            score = row.scores.get(board.rank_by)
            cells.insert(1, " / ".join(spread_words(score, row.role)) if score else "–")
        cells += [escape("\n".join(published_words(board, row)))] if published else []
        table.add_row(_rank(row), _name(row, num_samples), *cells, style="" if row.role == "model" else "dim")
    return table


def _labels(board: Board) -> dict[str, str]:
    """Column heads; the extractor's name stands below the metric's, broken at its hyphens."""
    heads = {}
    for row in board.rows:
        for metric, score in row.scores.items():
            name, _, extractor = score.label.partition(" · ")
            lines = [name + ARROWS[score.higher_is_better], *([extractor.replace("-", "-\n")] if extractor else [])]
            heads[metric] = escape("\n".join(lines))
    return heads


def _rank(row: BoardRow) -> str:
    if row.rank is None:
        return ""
    return f"{row.rank}{' tie' if row.tied else ''}"


def _name(row: BoardRow, num_samples: int) -> str:
    """The plugin, its role, what kept it from ending, and n where that is not what the models have."""
    counts = {score.num_samples for score in row.scores.values()} - {num_samples}
    suffix = "" if row.status == "done" else f" ({row.status})"
    suffix += f" n={min(counts)}" if counts else ""
    role = "" if row.role == "model" else f" [{row.role}]"
    return escape(row.plugin + role + suffix)


def _cell(row: BoardRow, metric: str, with_interval: bool) -> str:
    score = row.scores.get(metric)
    if score is None:
        return "–"
    text = f"{'≥ ' if score.at_least else ''}{score.value:.3g}"
    if with_interval and score.ci95 is not None:
        value, interval = score_words(score.value, score.ci95)
        text = f"{value} {interval}" if interval.startswith("±") else f"{value} ({interval})"
    elif with_interval and score.seeds_agree:
        text = f"{text} ({score.num_seeds} seeds agree)"
    return f"{text} ({score.num_seeds} of {row.num_seeds} seeds)" if row.lacks_seeds(metric) else text
