"""The board as the table of the page."""

from __future__ import annotations

from collections.abc import Container, Sequence

from ganbench.report.glossary import GLOSSARY, explain
from ganbench.report.view import Cell, Column, Row, Table
from ganbench.report.words import DASH, duration, millions, score_words, seconds_per_1000, slug
from ganbench.results.published import own_extractor, published_words
from ganbench.results.schema import Board, BoardRow, Score


def build_table(board: Board, anchor: str, differing: Container[str] = ()) -> Table:
    """The rows of the board, models apart from the reference and the controls; no best among `differing` numbers."""
    columns = [_column(board, metric) for metric in board.columns]
    columns += [
        Column("parameters", "Parameters G / D", "", "", GLOSSARY["parameters"]),
        Column("time", "Training time", "", "", GLOSSARY["time"]),
        Column("seconds_per_1000", "Seconds per 1,000 images", "", "", GLOSSARY["seconds_per_1000"]),
    ]
    if _has_published(board):
        columns.insert(_published_place(board), Column("published", "Published", "", "", GLOSSARY["published"]))
    best = {metric: _best(board.rows, metric) if metric not in differing else set() for metric in board.columns}
    rows = [_row(board, row, best, anchor) for row in board.rows]
    caption = (
        f"Ranked by {board.rank_by_label}: a rank counts the models whose interval lies wholly on the better side. "
        "“=” marks ties: intervals that overlap. Bold: the best model of a column and those tied with it."
    )
    return Table(
        columns=tuple(columns),
        models=tuple(row for row in rows if row.role == "model"),
        references=tuple(row for row in rows if row.role != "model"),
        caption=caption,
    )


def _has_published(board: Board) -> bool:
    return any(row.published for row in board.rows)


def _published_place(board: Board) -> int:
    """Right after the ranking metric, which is the first where any row has it."""
    return int(board.columns[:1] == [board.rank_by])


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


def _best(rows: Sequence[BoardRow], metric: str) -> set[str]:
    """The finished models that no other model beats in this column; none where neither direction is better."""
    scores = {
        r.plugin: r.scores[metric] for r in rows if r.role == "model" and r.status == "done" and metric in r.scores
    }
    return {
        plugin
        for plugin, score in scores.items()
        if score.higher_is_better is not None and not any(other.beats(score) for other in scores.values())
    }


def _row(board: Board, row: BoardRow, best: dict[str, set[str]], anchor: str) -> Row:
    cells = [
        _cell(row.scores.get(metric), row.plugin in best[metric], _first(board, metric)) for metric in board.columns
    ]
    trained = row.role == "model" and row.training_seconds > 0  # the loop runs for a control, but trains nothing
    size, seconds = row.parameters, seconds_per_1000(row.images_per_second)
    cells += [
        Cell(f"{millions(size.generator)} / {millions(size.discriminator)}", sort=size.generator) if size else Cell(""),
        Cell(duration(row.training_seconds), sort=row.training_seconds) if trained else Cell(""),
        Cell(score_words(seconds, None)[0], sort=seconds) if trained and seconds else Cell(""),
    ]
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
        cells=tuple(cells),
        note=row.note,
        empty=not row.scores,
    )


def _rank(row: BoardRow) -> tuple[str, str]:
    if row.rank is None:
        return DASH, f"Not ranked: {row.role if row.role != 'model' else row.note or 'no score to rank by'}"
    if row.tied:
        return f"{row.rank} =", f"Not separable from {', '.join(row.tied_with)}: the intervals overlap."
    return str(row.rank), ""


def _cell(score: Score | None, best: bool, head: Score) -> Cell:
    """A number; one by another extractor than the column's head carries its own label."""
    if score is None:
        return Cell("")
    text, interval = score_words(score.value, score.ci95)
    text += f" ({score.label})" if score.label != head.label else ""
    counts = f"n = {score.num_samples:,}" + (f", {score.num_seeds} seeds" if score.num_seeds > 1 else "")
    tooltip = f"{score.label}: {score.value:.6g}; {counts}; 95 % interval: {score.ci95_method}"
    return Cell(text, interval, tooltip, score.value, best)
