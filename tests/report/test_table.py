"""Cells of the board: what an interval says, which seeds a number comes from, and what is bold."""

import pytest

from ganbench.cli.board_table import board_table
from ganbench.report.table import build_table
from ganbench.results.board import combine_seeds
from ganbench.results.schema import Board, BoardRow, MetricRecord


def record(value, half, bounds=(0, 8)):
    return MetricRecord(
        title="Modes covered", value=value, ci95=(value - half, value + half), ci95_method="redraws",
        higher_is_better=True, num_samples=100, num_reference=None, extractor=None, canonical=True, protocol="p",
        seconds=0.1, bounds=bounds,
    )  # fmt: skip


@pytest.fixture
def board():
    """Of models with the values of their seeds; `seeds` is how many were trained of each."""

    def build(seeds=3, half=0.0, **models):
        rows = [
            BoardRow(
                plugin=name, title=name, role="model", rank=None, tied=False, status="done", num_seeds=seeds,
                num_failed=0, parameters=None, training_seconds=1.0, images_per_second=1.0,
                scores={"modes": combine_seeds([record(value, half) for value in values], "model")},
            )
            for name, values in models.items()
        ]  # fmt: skip
        return Board(
            benchmark="b", title="B", protocol="p", rank_by="modes", rank_by_label="Modes covered", columns=["modes"],
            rows=rows, notes=[], configuration_sha256="", created="",
        )  # fmt: skip

    return build


def cells(board):
    return {row.plugin: row.cells[0] for row in build_table(board, "run-1").models}


def in_terminal(board):
    return list(board_table(board, 200).columns[2].cells)


def test_an_interval_that_ends_at_a_bound_is_told_by_its_ends(board):
    made = board(gan=(2.0, 8.0, 8.0))
    assert (cells(made)["gan"].text, cells(made)["gan"].interval) == ("6.0", "0.0 – 8.0")
    assert in_terminal(made) == ["6.0 (0.0 – 8.0)"]


def test_seeds_that_agree_are_said_to(board):
    made = board(gan=(8.0, 8.0, 8.0))
    assert (cells(made)["gan"].text, cells(made)["gan"].interval) == ("8", "3 seeds agree")
    assert in_terminal(made) == ["8 (3 seeds agree)"]


def test_a_mean_over_some_of_the_seeds_is_marked(board):
    made = board(gan=(5.0, 6.0), wgan=(5.0,), sngan=(5.0, 6.0, 7.0), half=0.2)
    found = {name: cell.interval for name, cell in cells(made).items()}
    assert found["gan"].endswith(", 2 of 3 seeds")
    assert found["wgan"] == "± 0.20, 1 of 3 seeds"
    assert "of 3" not in found["sngan"]
    assert in_terminal(made)[1] == "5.00 ± 0.20 (1 of 3 seeds)"


def test_nothing_is_bold_where_no_model_is_worse(board):
    alike = board(a=(5.0, 6.0, 7.0), b=(5.5, 6.0, 6.5))
    assert not any(cell.best for cell in cells(alike).values())
    apart = board(a=(7.0, 7.1, 7.2), b=(7.0, 7.1, 7.3), c=(1.0, 1.1, 1.2))
    assert [cell.best for cell in cells(apart).values()] == [True, True, False]
