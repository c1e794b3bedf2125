"""Each control that comes out wrong, by planted numbers, and that controls which are right say nothing."""

from __future__ import annotations

import pytest

from ganbench.results.board import build_board


@pytest.fixture
def right(make):
    """A board whose controls are as they must be; keyword arguments change the metrics of one row."""

    def build(num_classes=10, **changes):
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
        return build_board(make.results(*trials)).warnings

    return build


def test_right_controls_say_nothing(right):
    assert right() == []


@pytest.mark.parametrize(
    ("row", "change", "words"),
    [
        ("real", {"fid": {"value": 50.0}}, "held-out real images are not better than gan on FID · lite0"),
        ("real", {"fid": {"value": 500.0}}, "held-out real images are not better than gan, noise on FID"),
        ("noise", {"fid": {"value": 40.0}}, "No better than noise on FID · lite0: gan"),
        ("gan", {"fid": {"value": 400.0}}, "No better than noise on FID · lite0: gan"),
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
    assert warning.startswith(("A control came out wrong: ", "No better than noise on "))
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
