"""The board as the table of the page."""

from __future__ import annotations

from collections.abc import Container, Mapping

from ganbench.report.glossary import GLOSSARY, explain, meaning
from ganbench.report.view import Cell, Column, Row, Table
from ganbench.report.words import DASH, duration, millions, score_words, seconds_per_1000, slug
from ganbench.results.published import own_extractor, published_words
from ganbench.results.ranking import rank_scores
from ganbench.results.schema import Board, BoardRow, Role, Score
from ganbench.results.statistics import spread_words

AT_LEAST = "; a lower limit: no upper one is known"


def build_table(
    board: Board, anchor: str, differing: Container[str] = (), changed: Mapping[str, str] | None = None
) -> Table:
    """The rows of the board, models apart from the reference and the controls; no best among `differing` numbers.

    `changed`: by row, the options in which it departs from what all rows are given, in words.
    """
    things = board.things
    columns = [_column(board, metric) for metric in board.columns]
    columns += [
        Column("parameters", "Parameters G / D", "", "", GLOSSARY["parameters"]),
        Column("time", "Training time", "", "", GLOSSARY["time"]),
        Column("seconds_per_1000", f"Seconds per 1,000 {things}", "", "", meaning("seconds_per_1000", things)),
    ]
    if board.rank_by in board.columns:
        columns.insert(
            1, Column("spread", f"Spread of {columns[0].name}: seeds / sampling", "", "", GLOSSARY["spread"])
        )
    if _has_published(board):
        columns.insert(_published_place(board), Column("published", "Published", "", "", GLOSSARY["published"]))
    best = {metric: _best(board, metric) if metric not in differing else set() for metric in board.columns}
    rows = [_row(board, row, best, anchor, (changed or {}).get(row.plugin, "")) for row in board.rows]
    caption = (
        f"Ranked by {board.rank_by_label}: a rank counts the models that are better by more than noise. “=” marks a "
        "tie: a model that cannot be told apart from some other. Bold: the models of a column that none is better "
        f"than, where one is worse. {_interval_words(board)} The tooltip of a number has its n and how its interval "
        "was made, as has “All numbers” of each trial."
    )
    return Table(
        columns=tuple(columns),
        models=tuple(row for row in rows if row.role == "model"),
        references=tuple(row for row in rows if row.role != "model"),
        caption=caption,
    )


def _interval_words(board: Board) -> str:
    """What the intervals of the models cover."""
    seeds = max((row.num_seeds for row in board.rows if row.role == "model"), default=1)
    covers = "covers the drawing of samples, not the training"
    if seeds > 1:
        covers = (
            f"covers {seeds} training seeds, is no narrower than the drawing of samples alone has it, and is cut at "
            "the ends of what is possible; seeds that agree have none"
        )
    return f"Small below a number: its 95 % interval, which {covers}."


def _has_published(board: Board) -> bool:
    return any(row.published for row in board.rows)


def _published_place(board: Board) -> int:
    """Right after the ranking metric and its spread, which are the first where any row has it."""
    return 2 if board.rank_by in board.columns else 0


def _column(board: Board, metric: str) -> Column:
    score = _first(board, metric)
    extractor = score.extractor.name if score.extractor is not None and not score.canonical else ""
    own = extractor == own_extractor(board.protocol)
    return Column(
        key=metric,
        name=score.label.removesuffix(f" · {extractor}"),
        extractor=extractor,
        direction={True: "higher", False: "lower", None: ""}[score.higher_is_better],  # type: ignore[arg-type]
        explanation=explain(metric, score.higher_is_better, extractor, board.protocol if own else ""),
    )


def _first(board: Board, metric: str) -> Score:
    """The score that gives a column its name."""
    return next(row.scores[metric] for row in board.rows if metric in row.scores)


def _best(board: Board, metric: str) -> set[str]:
    """The finished models that no other is significantly better than; none where that is so of all."""
    models = [row for row in board.rows if row.role == "model" and row.status == "done" and metric in row.scores]
    best = rank_scores(metric, {row.plugin: row.scores[metric] for row in models}).best
    return best if len(best) < len(models) else set()


def _row(board: Board, row: BoardRow, best: dict[str, set[str]], anchor: str, changed: str) -> Row:
    cells = [_cell(row, metric, row.plugin in best[metric], _first(board, metric)) for metric in board.columns]
    trained = row.role == "model" and row.training_seconds > 0  # the loop runs for a control, but trains nothing
    size, seconds = row.parameters, seconds_per_1000(row.images_per_second)
    cells += [
        Cell(f"{millions(size.generator)} / {millions(size.discriminator)}", sort=size.generator) if size else Cell(""),
        Cell(duration(row.training_seconds), sort=row.training_seconds) if trained else Cell(""),
        Cell(score_words(seconds, None)[0], sort=seconds) if trained and seconds else Cell(""),
    ]
    if board.rank_by in board.columns:
        cells.insert(1, _spread(row.scores.get(board.rank_by), row.role))
    if _has_published(board):
        cells.insert(_published_place(board), Cell("\n".join(published_words(board, row)), prose=True))
    rank, why = _rank(row)
    return Row(
        anchor=f"{anchor}-{slug(row.plugin)}",
        title=row.title,
        plugin=row.plugin,
        role=row.role,
        status="" if row.status == "done" else row.status,
        rank=rank,
        rank_tooltip=why,
        changed=changed,
        cells=tuple(cells),
        note=row.note,
        empty=not row.scores,
    )


def _rank(row: BoardRow) -> tuple[str, str]:
    if row.rank is None:
        return DASH, f"Not ranked: {row.role if row.role != 'model' else row.note or 'no score to rank by'}"
    if row.tied:
        return f"{row.rank} =", f"Cannot be told apart from {', '.join(row.tied_with)}: see the notes on ranks."
    return str(row.rank), ""


def _cell(row: BoardRow, metric: str, best: bool, head: Score) -> Cell:
    """A number; one by another extractor than the column's head carries its own label."""
    score = row.scores.get(metric)
    if score is None:
        return Cell("")
    text, interval = score_words(score.value, score.ci95)
    if score.seeds_agree:
        interval = f"{score.num_seeds} seeds agree"
    if row.lacks_seeds(metric):
        interval = f"{interval}, {score.num_seeds} of {row.num_seeds} seeds".removeprefix(", ")
    text = f"≥ {text}" if score.at_least else text
    text += f" ({score.label})" if score.label != head.label else ""
    between, within = spread_words(score, row.role)
    tooltip = (
        f"{score.label}: {score.value:.6g}; n = {score.num_samples:,}; standard deviation over training seeds "
        f"{between}, of sampling {within}; 95 % interval: {score.ci95_method}{AT_LEAST if score.at_least else ''}"
    )
    return Cell(text, interval, tooltip, score.value, best)


def _spread(score: Score | None, role: Role) -> Cell:
    """What moves the ranking number: training again, and drawing other images."""
    if score is None:
        return Cell("")
    seeds = ", ".join(f"{value:.6g}" for value in score.seed_values)
    tooltip = f"Standard deviations of one training's {score.label}. Each seed: {seeds}"
    return Cell(" / ".join(spread_words(score, role)), "", tooltip, score.seed_spread)
