"""Planted collapses and vanishing gradients are told, with their place; noise, blips and poor classifiers are not."""

import numpy as np
import pytest

from ganbench.results.store import write_lines
from ganbench.run.training_warnings import RecallWatch, collapse_warnings, training_warnings

NEVER = "never appeared: 2, 8; no probe of the samples surely shows them"
DIGITS = [str(digit) for digit in range(10)]


def timeline(shares, errors=0.0, real=None, steps_per_epoch=150):
    """A line an epoch from shares [T, K]."""
    shares = np.asarray(shares, float)
    real = np.full(shares.shape[1], 1 / shares.shape[1]) if real is None else np.asarray(real)
    return [
        {
            "step": steps_per_epoch * epoch, "epoch": float(epoch), "num_samples": 200, "shares": row.tolist(),
            "standard_errors": error.tolist(), "real_shares": real.tolist(),
        }
        for epoch, (row, error) in enumerate(zip(shares, np.broadcast_to(errors, shares.shape), strict=True))
    ]  # fmt: skip


def planted(num_epochs=101, since=61, remaining=(1, 5, 7)):
    shares = np.full((num_epochs, 10), 0.1)
    shares[since:] = 0
    shares[since:, list(remaining)] = 1 / len(remaining)
    return shares


def test_a_collapse_is_told_with_its_epoch_step_and_classes():
    assert collapse_warnings(timeline(planted(), errors=0.003), DIGITS) == [
        "collapse: from epoch 61 (step 9,150) on, 0, 2, 3, 4, 6, 8, 9 are missing; 1, 5, 7 remain"
    ]


def test_a_class_that_went_earlier_is_told_apart():
    shares = planted()
    shares[40:, 4] = 0
    assert collapse_warnings(timeline(shares), DIGITS) == [
        "collapse: from epoch 61 (step 9,150) on, 0, 2, 3, 4, 6, 8, 9 are missing, 4 already from epoch 40 "
        "(step 6,000) on; 1, 5, 7 remain"
    ]


def test_errors_as_large_as_the_shares_raise_no_alarm():
    assert collapse_warnings(timeline(planted(), errors=0.006), DIGITS) == []  # 1.96 x 0.006 > a tenth of 0.1


def test_a_class_that_comes_back_has_not_vanished():
    shares = planted(since=61)
    shares[-1] = 0.1
    assert collapse_warnings(timeline(shares), DIGITS) == []
    shares[-1] = shares[-2]  # gone again in the last probe alone
    shares[-2] = 0.1
    assert collapse_warnings(timeline(shares), DIGITS) == []


@pytest.mark.parametrize("true_share", [0.1, 0.03, 0.02])
def test_noise_of_few_samples_round_the_threshold_raises_no_alarm(true_share):
    rng = np.random.default_rng(0)
    for _ in range(20):
        rest = (1 - true_share) / 9
        counts = rng.multinomial(200, [true_share, *[rest] * 9], size=60)
        shares = counts / 200
        errors = np.sqrt((shares + 5e-4) * (1 - shares) / 202)
        assert collapse_warnings(timeline(shares, errors), DIGITS) == []


def test_what_never_appeared_is_no_collapse_and_noise_at_the_start_is_no_appearance():
    shares = np.full((60, 10), 0.125)
    shares[:, [2, 8]] = 0
    shares[:2] = 0
    shares[:2, 8] = 1  # an untrained generator's noise is called an 8
    assert collapse_warnings(timeline(shares), DIGITS) == [NEVER]
    shares[:, 2] = 0.01
    assert collapse_warnings(timeline(shares), DIGITS) == []  # one class alone is not worth a sentence


def test_classes_without_real_images_are_neither_missing_nor_remaining():
    shares = planted()
    shares[:, 9] = 0
    real = np.array([1 / 9] * 9 + [0])
    assert collapse_warnings(timeline(shares, real=real), DIGITS) == [
        "collapse: from epoch 61 (step 9,150) on, 0, 2, 3, 4, 6, 8 are missing; 1, 5, 7 remain"
    ]


def test_too_few_probes_say_nothing():
    assert collapse_warnings([], DIGITS) == []
    assert collapse_warnings(timeline(planted(2, 1)), DIGITS) == []


def history(recalls, lines_per_epoch=4, images_per_line=250):
    """Lines with the recalls [T], `lines_per_epoch` in each epoch."""
    return [
        {"step": 10 * (i + 1), "epoch": (i + 1) / lines_per_epoch, "images": images_per_line * (i + 1), "d_recall": r}
        for i, r in enumerate(recalls)
    ]


def test_a_vanishing_gradient_is_told_from_its_first_step_to_its_last():
    steady = [0.8] * 8 + [0.995] * 16
    assert RecallWatch(history(steady)).warnings() == [
        "vanishing gradient: from epoch 2 (step 80) to the end the discriminator recognised more than 99 % of the "
        "fakes, so the generator had little to learn from"
    ]
    ended = RecallWatch(history([*steady, *[0.5] * 8])).warnings()
    assert ended[0].startswith("vanishing gradient: from epoch 2 (step 80) to epoch 6 (step 240) the")
    twice = RecallWatch(history([*steady, *[0.5] * 8, *[1.0] * 12])).warnings()
    assert twice[0].endswith("; 2 such times in all, the last from epoch 8 (step 320) to the end")


@pytest.mark.parametrize(
    "recalls",
    [
        [0.8] * 8 + [0.995] * 8 + [0.8] * 8,  # two epochs only
        [0.99] * 24,  # not above
        [1.0, 1.0, 1.0, 0.9] * 6,  # the mean of each epoch is below
        [None] * 24,  # a model without logits
    ],
)
def test_less_is_no_vanishing_gradient(recalls):
    watch = RecallWatch(history(recalls))
    assert watch.warnings() == []
    assert watch.present_warning() is None


def test_a_window_holds_an_epoch_or_200_fakes_whichever_is_longer():
    assert len(RecallWatch(history([1.0] * 24)).windows) == 6  # 1,000 images an epoch
    assert len(RecallWatch(history([1.0] * 24, images_per_line=10)).windows) == 1  # 40 an epoch: 200 are 20 lines
    uneven = history([1.0, 0.0], lines_per_epoch=2)
    uneven[1]["images"] = 1000  # the second line stands for 750 of them
    assert RecallWatch(uneven).windows[0].recall == 0.25


def test_it_is_said_when_the_third_window_ends_and_an_interruption_makes_no_difference():
    lines = history([0.8] * 8 + [1.0] * 16 + [0.1] * 4)
    watch, said = RecallWatch(), []
    for i, line in enumerate(lines):
        watch.add(line)
        said.append(watch.present_warning())
        assert RecallWatch(lines[: i + 1]).present_warning() == said[-1]
    assert [i for i, text in enumerate(said) if text] == list(range(19, 27))  # to the end of the first good window
    assert len(set(said)) == 2
    assert "since epoch 2 (step 80) the discriminator recognises" in said[19]


def test_warnings_come_from_the_files_of_a_trial(tmp_path):
    assert training_warnings(tmp_path, DIGITS) == []
    write_lines(tmp_path / "classes.jsonl", timeline(planted()))
    write_lines(tmp_path / "history.jsonl", history([1.0] * 24))
    collapse, vanishing = training_warnings(tmp_path, DIGITS)
    assert collapse.startswith("collapse: from epoch 61")
    assert vanishing.startswith("vanishing gradient: from epoch 0 (step 0) to the end")
