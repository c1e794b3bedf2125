"""Each control that comes out wrong, by planted numbers, and that controls which are right say nothing."""

from __future__ import annotations

import pytest

from ganbench.results.board import build_board
from ganbench.results.controls import control_notes


@pytest.fixture
def right(make):
    """A board whose controls are as they must be; keyword arguments change the metrics of one row."""

    def build(num_classes=10, whole=False, **changes):
        closer = "share_closer_than_heldout_percentile_1"
        values = {  # FID, recall, coverage, modes, share of near-copies
            "real": (2.0, 0.8, 0.9, 10.0, 0.01),
            "noise": (400.0, 0.0, 0.0, 1.0, 0.0),
            "memorizer": (1.0, 0.85, 0.9, 10.0, 1.0),
            "half": (60.0, 0.5, 0.5, 5.0, 1.0),
            "gan": (50.0, 0.3, 0.4, 10.0, 0.01),
        }
        trials = []
        for name, (fid, recall, coverage, modes, share) in values.items():
            metrics = {
                "fid": make.metric(fid, 0.1),
                "recall": make.metric(recall, 0.01, True, "Recall"),
                "coverage": make.metric(coverage, 0.01, True, "Coverage"),
                "modes": make.metric(modes, 0.0, True, "Modes", extractor=None, details={"num_classes": num_classes}),
                "nn_feature": make.metric(1.0, 0.1, None, "NN", details={closer: share}),
            }
            for metric, change in changes.get(name, {}).items():
                metrics[metric] = metrics[metric].model_copy(update=change)
            trials.append(make.trial(name, metrics))
        board = build_board(make.results(*trials))
        assert board.notes[0].startswith("Controls: ")
        return board if whole else board.warnings

    return build


def test_right_controls_do_not_warn_and_each_is_told(right):
    board = right(whole=True)
    assert board.warnings == []
    note = board.notes[0]
    assert note.startswith("Controls: 4 of 4 came out as they must. Held-out real images are better than every model ")
    for words in (
        "and noise on FID · lite0; noise is worse than every model",
        "100.0% of the memorizer's samples lie nearer to a training image than 99% of held-out images do",
        "(5 of 10 modes, recall 0.5 where real images have 0.8, coverage 0.5 where real images have 0.9).",
    ):
        assert words in note
    assert "Not checked" not in note


def test_the_note_counts_wrong_controls_and_names_what_nothing_can_check(right):
    unmeasured = {"nn_feature": {"details": {}}}
    note = right(whole=True, memorizer=unmeasured, half={"recall": {"value": 0.8}}).notes[0]
    assert note.startswith("Controls: 2 of 3 came out as they must; the warnings above the table say which did not.")
    assert note.endswith("Not checked, as nothing measured here can tell: memorizer.")


def test_a_board_without_controls_has_no_note_on_them(make):
    results = make.results(make.trial("gan", {"fid": make.metric(50.0, 0.1)}))
    board = build_board(results)
    assert control_notes(results, board.rows, "fid") == []
    assert not any(note.startswith("Controls") for note in board.notes)


def test_a_model_that_is_better_than_noise_by_chance_only_is_named(make):
    """A past fault: one lucky seed of three was taken as better than noise."""
    seeds = {"noise": (4.45, 4.46, 4.47), "lucky": (3.9, 4.45, 4.47), "good": (1.0, 1.1, 1.2), "real": (0.1,)}
    trials = [
        make.trial(name, {"fid": make.metric(value, 0.02)}, seed=seed)
        for name, values in seeds.items()
        for seed, value in enumerate(values)
    ]
    board = build_board(make.results(*trials, seeds=3))
    (warning,) = board.warnings
    assert warning.startswith("Not shown to be better than noise on FID · lite0: lucky (each tested by itself at 5 %).")
    assert "noise is worse than 1 of 2 models" in board.notes[0]


def test_a_metric_that_one_seed_lacks_is_told_with_its_seed(make):
    trials = [make.trial("gan", {"fid": make.metric(v), "kid": make.metric(v, title="KID")}, seed=i)
              for i, v in enumerate((9.0, 9.5))]  # fmt: skip
    lacking = make.trial("gan", {"fid": make.metric(10.0)}, seed=2, unavailable={"kid": "too few samples"})
    notes = build_board(make.results(*trials, lacking, make.fid("sgan", 9.0), seeds=3)).notes
    assert "KID · lite0 is not measured for gan (seed 2; its mean is over the others): too few samples" in notes


def test_points_are_called_points(make):
    trials = [make.trial(name, {"fid": make.metric(value, 0.1)}) for name, value in (("real", 9.0), ("gan", 1.0))]
    results = make.results(*trials)
    run = results.run.model_copy(update={"environment": {"data_kind": "points"}})
    board = build_board(type(results)(results.path, run, results.trials))
    assert board.things == "points"
    assert "held-out real points are not better than gan" in board.warnings[0]
    assert "image" not in " ".join((*board.warnings, *board.notes))


@pytest.mark.parametrize(
    ("row", "change", "words"),
    [
        ("real", {"fid": {"value": 50.0}}, "held-out real images are not better than gan on FID · lite0"),
        ("real", {"fid": {"value": 500.0}}, "held-out real images are not better than gan, noise on FID"),
        ("noise", {"fid": {"value": 40.0}}, "Not shown to be better than noise on FID · lite0: gan"),
        ("gan", {"fid": {"value": 400.0}}, "Not shown to be better than noise on FID · lite0: gan"),
        (
            "memorizer",
            {"nn_feature": {"details": {"share_closer_than_heldout_percentile_1": 0.02}}},
            "only 2.0% of the memorizer's samples lie nearer",
        ),
        ("half", {"modes": {"value": 10.0}}, "in real images of 5 of the 10 classes 10 modes were found"),
        ("half", {"modes": {"value": 3.0}}, "in real images of 5 of the 10 classes 3 modes were found"),
        ("half", {"recall": {"value": 0.8}}, "the Recall · lite0 of half of the classes is 0.8, not below"),
        ("half", {"coverage": {"value": 0.95}}, "held-out real images, 0.9. It does not see missing variety here."),
    ],
)
def test_a_wrong_control_is_told(right, row, change, words):
    (warning,) = right(**{row: change})
    assert warning.startswith(("A control came out wrong: ", "Not shown to be better than noise on "))
    assert words in warning


@pytest.mark.parametrize(
    ("modes", "num_classes", "wrong"),
    [(4, 10, False), (6, 10, False), (2, 3, False), (2, 2, True), (540, 1000, False), (700, 1000, True)],
)
def test_about_half_of_the_modes_is_right(right, modes, num_classes, wrong):
    assert bool(right(num_classes, half={"modes": {"value": float(modes)}})) == wrong


def test_variety_is_not_compared_at_another_number_of_samples(right):
    assert right(real={"recall": {"num_samples": 20}}, half={"recall": {"value": 0.95}}) == []


def test_a_control_that_failed_is_told(make):
    trials = [make.fid("gan", 50), make.trial("noise", status="failed")]
    assert build_board(make.results(*trials)).warnings == [
        "A control is not there: noise failed, so nothing shows whether it comes out right."
    ]


def test_warnings_of_controls_do_not_come_from_models_of_their_names(make):
    """A model may be called as a control is; its numbers are its own affair."""
    nn = make.metric(1.0, higher=None, details={"share_closer_than_heldout_percentile_1": 0.02})
    item = make.trial("memorizer", {"nn_feature": nn})
    model = type(item)(item.folder, item.trial.model_copy(update={"role": "model"}), item.metrics)
    assert build_board(make.results(model)).warnings == []
