"""What a source printed stands beside our numbers, says why it cannot be compared with them, and ranks nothing."""

from __future__ import annotations

import csv
import io

import pytest

from ganbench.cli.board_table import board_table
from ganbench.results.board import board_csv, build_board
from ganbench.results.published import own_extractor, published_words


@pytest.fixture
def repeated(make):
    """A run whose benchmark repeats a source, with changes to run.json; a: 20, b: 10 by a foreign extractor."""

    def build(differs="it had other data", canonical=False, **changes):
        trials = [make.trial(name, {"fid": make.metric(v, canonical=canonical)}) for name, v in (("a", 20), ("b", 10))]
        results = make.results(*trials, records=[make.plugin("a", training="collapse", fid="2.31"), make.plugin("b")])
        configuration = results.run.configuration
        configuration["benchmark"] |= {"source": {"title": "a report", "differs": differs}}
        results.run.configuration["benchmark"] |= changes.pop("benchmark", {})
        return results.__class__(results.path, results.run.model_copy(update=changes), results.trials)

    return build


def test_published_numbers_are_on_the_board_and_rank_nothing(repeated):
    board = build_board(repeated())
    assert [(row.plugin, row.rank) for row in board.rows] == [("b", 1), ("a", 2)]
    assert board.rows[1].published == {"training": "collapse", "fid": "2.31"}
    assert published_words(board, board.rows[1]) == ("FID 2.31", "Training: collapse")
    assert published_words(board, board.rows[0]) == ()


def test_published_numbers_are_in_the_csv_of_runs_that_have_some(repeated, make):
    first, second = csv.DictReader(io.StringIO(board_csv(build_board(repeated()))))
    assert (first["published_fid"], second["published_fid"]) == ("", "2.31")
    assert "published" not in board_csv(build_board(make.results(make.fid("a", 1))))


@pytest.mark.parametrize(
    ("key", "words", "shown"),
    [
        ("is", "4.14 ± 0.20", "IS 4.14 ± 0.20"),
        ("loss_g", "0.53", "G's loss 0.53"),
        ("d_recall", "above 99 %", "D's recall on fakes: above 99 %"),
        ("own_thing", "7", "Own thing 7"),
    ],
)
def test_what_was_not_measured_here_has_a_name_all_the_same(make, key, words, shown):
    board = build_board(make.results(make.fid("a", 1), records=[make.plugin("a", **{key: words})]))
    assert published_words(board, board.rows[0]) == (shown,)


def test_the_source_and_what_stands_between_the_numbers_are_told(repeated):
    notes = build_board(
        repeated(
            title="jpegs, 32×32, with the settings of b, measured by x",
            benchmark={"data": {"num_train": 4000}},
        )
    ).notes
    assert notes[0] == "This benchmark repeats a report; it had other data."
    assert notes[1] == (
        "“Published” is what the source printed; it takes no part in the ranking. "
        "Not comparable with the numbers here: the data are jpegs, 32×32, not those of b; FID by lite0 is on another "
        "scale. Here: at most 4,000 training images, 100 samples a model."
    )


def test_deviations_from_the_protocol_are_told_once(repeated):
    results = repeated(canonical=True)
    for item in results.trials:
        item.metrics.provenance["protocol_deviations"] = ["It compares with the test split."]
    assert (
        "Not comparable with the numbers here: It compares with the test split. Here:" in build_board(results).notes[1]
    )


def test_nothing_is_called_incomparable_without_a_reason(repeated, make):
    notes = build_board(repeated(differs="", canonical=True)).notes
    assert notes[0] == "This benchmark repeats a report."
    assert "Not comparable" not in notes[1]
    assert "source" not in " ".join(build_board(make.results(make.fid("a", 1))).notes)


def test_a_protocols_own_extractor_is_its_scale(repeated):
    assert own_extractor("studiogan-cifar10-v1") == "inception-friendly"
    assert own_extractor("ganbench-v1") == own_extractor("unknown") == ""
    results = repeated(protocol="studiogan-cifar10-v1")
    for item in results.trials:
        record = item.metrics.metrics["fid"]
        friendly = record.extractor.model_copy(update={"name": "inception-friendly"})
        item.metrics.metrics["fid"] = record.model_copy(
            update={"extractor": friendly, "protocol": "studiogan-cifar10-v1"}
        )
    assert "another scale" not in build_board(results).notes[1]


@pytest.mark.parametrize(("width", "shown"), [(80, False), (100, True)])
def test_the_terminal_shows_what_was_published_where_there_is_room(repeated, width, shown):
    table = board_table(build_board(repeated()), width)
    assert ("published" in [column.header for column in table.columns]) == shown
    assert not shown or list(table.columns[-1].cells) == ["", "FID 2.31\nTraining: collapse"]


@pytest.mark.parametrize("width", [80, 160])
def test_the_terminal_keeps_the_spreads_of_training_and_of_sampling_apart(make, width):
    trials = [make.fid("a", value, seed=seed) for seed, value in enumerate((10.0, 12.0, 14.0))]
    table = board_table(build_board(make.results(*trials, make.fid("noise", 90), make.fid("real", 1), seeds=3)), width)
    place = [column.header for column in table.columns].index("spread\nseeds / sampling")
    assert list(table.columns[place].cells) == ["2 (3) / 0.51", "– / 0.51", "unknown / 0.51"]
    assert table.caption is None


def test_the_terminal_says_that_one_seed_knows_no_training_variance(make):
    assert "training variance unknown" in board_table(build_board(make.results(make.fid("a", 10))), 80).caption
