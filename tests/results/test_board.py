from __future__ import annotations

import csv
import json

import pytest

from ganbench.results.board import build_board, combine_seeds, write_board
from ganbench.results.schema import ExtractorRecord
from ganbench.results.store import read_record


def ranks(board):
    return {row.plugin: (row.rank, row.tied) for row in board.rows}


def test_a_rank_counts_the_models_that_are_better_by_more_than_noise(make):
    # half-widths of 1, so the standard error of a difference is √2 · 1 / 1.96 = 0.72: 1.2 is 1.7 of them, 2.4 is 3.3
    board = build_board(
        make.results(make.fid("d", 21), make.fid("c", 12.4), make.fid("a", 10), make.fid("b", 11.2)),
    )
    assert ranks(board) == {"a": (1, True), "b": (1, True), "c": (2, True), "d": (4, False)}
    assert [row.plugin for row in board.rows] == ["a", "b", "c", "d"]
    assert {row.plugin: row.tied_with for row in board.rows} == {"a": ["b"], "b": ["a", "c"], "c": ["b"], "d": []}
    assert {(test.a, test.b): test.verdict for test in board.tests}["a", "c"] == "worse"
    assert (
        "Ranks: z-test from the sampling intervals; training variance unknown, at 5 % for all 6 pairs together (Holm). "
        "4 of the 6 pairs can be told apart."
    ) in board.notes


def test_the_verdict_on_two_models_is_told(make):
    assert any("cannot be told apart" in note for note in build_board(make.results(*two(make, 1))).notes)
    assert any("models can be told apart" in note for note in build_board(make.results(*two(make, 9))).notes)
    assert not any("Ranks:" in note for note in build_board(make.results(make.fid("a", 1))).notes)


def two(make, difference):
    return make.fid("a", 10), make.fid("b", 10 + difference)


def test_higher_can_be_better(make):
    trials = [make.trial(name, {"is": make.metric(v, 0.1, True, "IS")}) for name, v in (("a", 2.0), ("b", 3.0))]
    assert ranks(build_board(make.results(*trials, rank_by="is"))) == {"b": (1, False), "a": (2, False)}


def test_a_metric_without_direction_ranks_nothing(make):
    trials = [make.trial(name, {"nn": make.metric(1.0, 0.1, None, "NN")}) for name in "ab"]
    assert ranks(build_board(make.results(*trials, rank_by="nn"))) == {"a": (None, False), "b": (None, False)}


def test_without_any_known_noise_nothing_is_told_apart(make):
    board = build_board(make.results(make.fid("a", 1, None), make.fid("b", 2, None)))
    assert ranks(board) == {"a": (1, True), "b": (1, True)}
    assert [test.verdict for test in board.tests] == ["cannot be tested"]


def test_controls_and_the_reference_have_no_rank_and_stand_below(make):
    board = build_board(
        make.results(make.fid("memorizer", 0.1), make.fid("noise", 400), make.fid("real", 2), make.fid("gan", 50))
    )
    assert [(row.plugin, row.rank) for row in board.rows] == [
        ("gan", 1),
        ("real", None),
        ("memorizer", None),
        ("noise", None),
    ]
    assert board.rows[1].title == "Real images (held-out half)"
    assert board.warnings == []


def test_seeds_are_averaged_with_students_t(make):
    score = combine_seeds([make.metric(v) for v in (10.0, 12.0, 14.0)], "model")
    # t(0.975, 2) = 4.302653, standard deviation 2, root of 3
    assert score.value == 12.0
    assert score.ci95 == pytest.approx((12 - 4.302653 * 2 / 3**0.5, 12 + 4.302653 * 2 / 3**0.5), abs=1e-5)
    assert score.ci95_method == "training seeds (Student t, 3 seeds)"
    assert (score.num_seeds, score.seed_values, score.seed_spread) == (3, [10.0, 12.0, 14.0], 2.0)
    assert score.sampling_spread == pytest.approx(1 / 1.959964, rel=1e-6)


def test_the_interval_over_seeds_ends_where_the_number_must(make):
    score = combine_seeds([make.metric(v, bounds=(0, 8)) for v in (2.0, 8.0, 8.0)], "model")
    assert score.ci95 == (0, 8)
    assert score.ci95_method == (
        "training seeds (Student t, 3 seeds); ends at the least possible value; ends at the largest possible value"
    )
    assert combine_seeds([make.metric(v, bounds=(0, None)) for v in (2.0, 8.0, 8.0)], "model").ci95[1] > 8


def test_seeds_that_agree_have_no_interval(make):
    score = combine_seeds([make.metric(8.0, 0.0, bounds=(0, 8)) for _ in range(3)], "model")
    assert (score.ci95, score.ci95_method, score.seeds_agree) == (None, "none: 3 training seeds agree", True)
    assert not combine_seeds([make.metric(8.0, 0.5)] * 3, "model").seeds_agree
    assert not combine_seeds([make.metric(8.0, None)], "model").seeds_agree


def test_one_seed_keeps_the_metrics_interval_and_says_what_it_lacks(make):
    score = combine_seeds([make.metric(10.0, 2.0)], "model")
    assert score.ci95 == (8.0, 12.0)
    assert score.ci95_method == "drawing of samples (bootstrap); training variance unknown with one seed"
    board = build_board(make.results(make.fid("a", 10)))
    assert any(note.startswith("One training seed: the training variance is unknown") for note in board.notes)


def test_failed_and_unfinished_models_are_shown_with_their_reason_but_not_ranked(make):
    half_done = [make.fid("c", 1, seed=0), make.trial("c", seed=1, status="training")]
    board = build_board(
        make.results(
            make.fid("a", 10, seed=0),
            make.fid("a", 12, seed=1),
            make.trial("b", status="failed"),
            make.trial("b", status="failed", seed=1),
            *half_done,
            seeds=2,
            plugins=("a", "b", "c", "d"),
        )
    )
    rows = {row.plugin: row for row in board.rows}
    assert {name: row.rank for name, row in rows.items()} == {"a": 1, "b": None, "c": None, "d": None}
    assert {name: row.status for name, row in rows.items()} == {
        "a": "done",
        "b": "failed",
        "c": "training",
        "d": "pending",
    }
    assert "failed while training: ValueError: no luck" in rows["b"].note
    assert rows["c"].note == "1 of 2 seeds done, so not ranked; seed 1: unfinished: training at step 0"
    assert rows["d"].note == "not started"


def test_a_wide_interval_wins_nothing(make):
    a = [make.fid("a", value, seed=seed) for seed, value in enumerate((30.0, 60.0, 90.0))]
    b = [make.fid("b", value, seed=seed) for seed, value in enumerate((19.8, 20.0, 20.2))]
    c = [make.fid("c", value, seed=seed) for seed, value in enumerate((24.8, 25.0, 25.2))]
    board = build_board(make.results(*a, *b, *c, seeds=3))
    assert [(row.plugin, row.rank) for row in board.rows] == [("b", 1), ("c", 2), ("a", 2)]


def test_a_model_with_a_failed_seed_is_not_ranked(make):
    board = build_board(make.results(make.fid("a", 10), make.trial("a", seed=1, status="failed"), seeds=2))
    row = board.rows[0]
    assert (row.rank, row.num_seeds, row.num_failed) == (None, 1, 1)
    assert row.note.startswith("1 of 2 seeds done, so not ranked; seed 1: failed")


@pytest.mark.parametrize(
    "changes",
    [
        {"extractor": ExtractorRecord(name="inception", weights_sha256="cd" * 32, resize="tf1")},
        {"num_samples": 50},
        {"protocol": "mimicry-cifar10-v1"},
        {"num_reference": 7},
    ],
)
def test_numbers_that_were_not_made_alike_are_not_ranked(make, changes):
    other = make.trial("b", {"fid": make.metric(20.0, **changes)})
    board = build_board(make.results(make.fid("a", 10), other))
    assert ranks(board) == {"a": (None, False), "b": (None, False)}
    assert board.warnings[0].startswith("Nothing is ranked: fid was not measured alike")


@pytest.mark.parametrize(
    ("real", "noise", "warning"),
    [
        (2, 400, None),
        (50, 400, "held-out real images are not better than gan on FID · lite0"),
        (2, 50, "Not shown to be better than noise on FID"),
    ],
)
def test_controls_that_come_out_wrong_are_loud(make, real, noise, warning):
    board = build_board(make.results(make.fid("real", real), make.fid("noise", noise), make.fid("gan", 50)))
    assert (len(board.warnings) == 0) == (warning is None)
    assert warning is None or warning in board.warnings[0]


@pytest.mark.parametrize(
    ("plugin", "share", "warning"),
    [
        ("memorizer", 1.0, None),
        ("memorizer", 0.02, "copying would go unnoticed"),
        ("gan", 0.02, None),
        ("gan", 0.4, "gan (seed 0): 40%"),
    ],
)
def test_copying_is_judged_by_the_neighbours(make, plugin, share, warning):
    nn = make.metric(1.0, higher=None, details={"share_closer_than_heldout_percentile_1": share})
    board = build_board(make.results(make.trial(plugin, {"nn_feature": nn})))
    assert [warning in text for text in board.warnings] == ([True] if warning else [])


@pytest.mark.parametrize("accuracy", [0.98, 0.6, None])
def test_the_classifier_behind_the_modes_is_told_with_its_accuracy(make, accuracy):
    modes = make.metric(8.0, details={"classifier_test_accuracy": accuracy} if accuracy else {})
    board = build_board(make.results(make.trial("a", {"fid": make.metric(3.0), "modes": modes})))
    assert any("right on 98.0% of held-out ones" in note for note in board.notes) == (accuracy == 0.98)
    assert any("right on only 60% of held-out images" in text for text in board.warnings) == (accuracy == 0.6)


def test_what_could_not_be_measured_is_said_once(make):
    def unlabelled(name):
        return {
            "nn_lpips": "no weights; fetch them",
            "lpips_diversity": "no weights; fetch them",
            **({"label_accuracy": f"'{name}' has no labels"} if name != "c" else {}),
        }

    trials = [make.trial(name, {"fid": make.metric(3.0)}, unavailable=unlabelled(name)) for name in "abc"]
    notes = [note for note in build_board(make.results(*trials)).notes if "not measured" in note]
    assert notes == [
        "nn_lpips and lpips_diversity are not measured: no weights; fetch them",
        "label_accuracy is not measured for a, b: the model has no labels",
    ]


def test_a_smaller_reference_is_said(make):
    real = make.trial("real", {"fid": make.metric(2.0, num_samples=40)})
    board = build_board(make.results(real, make.fid("a", 10)))
    assert board.rows[0].rank == 1
    assert any("but 40 in the reference row" in note for note in board.notes)


def test_the_board_is_written_as_json_and_csv(make, tmp_path):
    trials = [make.fid("a", 10), make.trial("b", status="failed")]
    board = write_board(make.results(*trials, path=tmp_path))
    assert read_record(tmp_path / "leaderboard.json", type(board)) == board
    assert json.loads((tmp_path / "leaderboard.json").read_text())["rank_by_label"] == "FID · lite0"
    with (tmp_path / "leaderboard.csv").open(encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["plugin"], first["rank"], first["fid@lite0"], first["fid@lite0_n"]) == ("a", "1", "10", "100")
    assert (first["fid@lite0_seed_spread"], first["fid@lite0_sampling_spread"][:6]) == ("", "0.5102")
    assert "fid" not in first  # never plain FID with another extractor
    assert (second["status"], second["rank"], second["fid@lite0"]) == ("failed", "", "")


def test_canonical_numbers_have_the_plain_name(make, tmp_path):
    write_board(make.results(make.trial("a", {"fid": make.metric(3.0, canonical=True)}), path=tmp_path))
    assert ",fid," in (tmp_path / "leaderboard.csv").read_text().splitlines()[0]


def test_the_ranking_metric_comes_first_and_unknown_ones_last(make):
    metrics = {name: make.metric(1.0) for name in ("zeta", "recall", "fid", "kid")}
    assert build_board(make.results(make.trial("a", metrics), rank_by="kid")).columns == [
        "kid",
        "fid",
        "recall",
        "zeta",
    ]


def test_a_model_without_the_ranking_number_of_one_seed_is_not_ranked_and_a_warning_says_so(make):
    """A past bug: the seeds that could be measured stood for the model."""
    lucky = [make.fid("lucky", 10.0 + seed, seed=seed) for seed in range(2)]
    empty = make.trial("lucky", {"is": make.metric(1.0, higher=True)}, seed=2, unavailable={"fid": "not finite"})
    steady = [make.fid("steady", 50.0 + seed, seed=seed) for seed in range(3)]
    board = build_board(make.results(*lucky, empty, *steady))
    assert {row.plugin: row.rank for row in board.rows} == {"steady": 1, "lucky": None}
    assert [text for text in board.warnings if "not ranked" in text] == [
        "lucky is not ranked: FID · lite0 could be measured of 2 of its 3 seeds only, which may be the lucky ones."
    ]
