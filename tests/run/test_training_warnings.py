"""Planted collapses, discriminators that win and vanishing gradients are told with their place; noise, blips and poor
classifiers are not."""

from types import SimpleNamespace

import numpy as np
import pytest

from ganbench.results.store import read_history, write_lines
from ganbench.run.class_timeline import save_probe, write_class_timeline
from ganbench.run.training_warnings import RecallWatch, collapse_warnings, training_warnings

NEVER = "never appeared: 2, 8; no probe of the samples surely shows them"
DIGITS = [str(digit) for digit in range(10)]


class Painted:
    """A classifier of painted images that errs on `wrong` of its 1,000 held-out images a class, and on samples too."""

    num_classes = 10

    def __init__(self, wrong=0):
        others = wrong // 9
        self.confusion = np.full((10, 10), others) + np.diag([1000 - 10 * others] * 10)
        self.rng = np.random.default_rng(5)

    def predict(self, images):
        truth = images.images[:, 0, 0, 0]
        return np.array([self.rng.choice(10, p=self.confusion[label] / 1000) for label in truth])


def timeline(folder, shares, wrong=0, real=None, num_samples=200, rng=None):
    """classes.jsonl of one probe an epoch, 150 steps each, from the true shares [T, K] of the samples."""
    for epoch, row in enumerate(np.asarray(shares, float)):
        counts = np.round(row * num_samples).astype(int) if rng is None else rng.multinomial(num_samples, row)
        images = np.repeat(np.arange(10), counts)[:, None, None, None].astype(np.uint8)
        save_probe(folder, 150 * epoch, float(epoch), images)
    inputs = SimpleNamespace(classifier=Painted(wrong), real_shares=np.full(10, 0.1) if real is None else real)
    write_class_timeline(folder, inputs, 10**6, lambda *what: None)
    return read_history(folder / "classes.jsonl")


def planted(num_epochs=101, since=61, remaining=(1, 5, 7)):
    shares = np.full((num_epochs, 10), 0.1)
    shares[since:] = 0
    shares[since:, list(remaining)] = 1 / len(remaining)
    return shares


COLLAPSE = "collapse: from epoch 61 (step 9,150) on, 0, 2, 3, 4, 6, 8, 9 are missing"


@pytest.mark.parametrize("wrong", [0, 9, 18])  # of 1,000
def test_a_collapse_is_told_with_its_epoch_step_and_classes_though_the_classifier_slips(tmp_path, wrong):
    shares = planted()[30:]
    lines = timeline(tmp_path, shares, wrong)
    assert collapse_warnings(lines, DIGITS) == [
        COLLAPSE.replace("61 (step 9,150)", "31 (step 4,650)") + "; 1, 5, 7 remain"
    ]


def test_a_class_that_went_earlier_is_told_apart(tmp_path):
    shares = planted()
    shares[40:, 4] = 0
    assert collapse_warnings(timeline(tmp_path, shares), DIGITS) == [
        f"{COLLAPSE}, 4 already from epoch 40 (step 6,000) on; 1, 5, 7 remain"
    ]


def test_a_poor_classifier_or_few_samples_raise_no_alarm(tmp_path):
    assert collapse_warnings(timeline(tmp_path / "poor", planted(), wrong=450), DIGITS) == []
    assert collapse_warnings(timeline(tmp_path / "few", planted(), num_samples=8), DIGITS) == []


@pytest.mark.parametrize("last", [1, 2, 4])
def test_a_class_that_comes_back_has_not_vanished(tmp_path, last):
    shares = planted()
    shares[-last] = 0.1
    assert collapse_warnings(timeline(tmp_path, shares), DIGITS) == []


@pytest.mark.parametrize("true_share", [0.1, 0.03, 0.02])
def test_noise_round_the_threshold_raises_no_alarm(tmp_path, true_share):
    shares = np.tile([true_share, *[(1 - true_share) / 9] * 9], (30, 1))
    for trial in range(10):
        lines = timeline(tmp_path / str(trial), shares, wrong=9, rng=np.random.default_rng(trial))
        assert collapse_warnings(lines, DIGITS) == []


def test_what_never_appeared_is_no_collapse_and_noise_at_the_start_is_no_appearance(tmp_path):
    shares = np.full((60, 10), 0.125)
    shares[:, [2, 8]] = 0
    shares[:2] = 0
    shares[:2, 8] = 1  # an untrained generator's noise is called an 8
    assert collapse_warnings(timeline(tmp_path / "two", shares), DIGITS) == [NEVER]
    shares[:, 2] = 0.02
    assert collapse_warnings(timeline(tmp_path / "one", shares), DIGITS) == []  # one alone is not worth a sentence


def test_classes_without_real_images_are_neither_missing_nor_remaining(tmp_path):
    shares = planted()
    shares[:, 9] = 0
    real = np.array([1 / 9] * 9 + [0])
    expected = COLLAPSE.replace(", 9 are", " are") + "; 1, 5, 7 remain"
    assert collapse_warnings(timeline(tmp_path, shares, real=real), DIGITS) == [expected]


def test_too_few_probes_say_nothing(tmp_path):
    assert collapse_warnings([], DIGITS) == []
    assert collapse_warnings(timeline(tmp_path, planted(4, 1)), DIGITS) == []


def history(recalls, lines_per_epoch=4, images_per_line=250):
    """Lines with the recalls [T], `lines_per_epoch` in each epoch."""
    return [
        {"step": 10 * (i + 1), "epoch": (i + 1) / lines_per_epoch, "images": images_per_line * (i + 1), "d_recall": r}
        for i, r in enumerate(recalls)
    ]


WINS = "the discriminator wins: from epoch 2.2 (step 90) to"
RECOGNISED = "recognised more than 99 % of the fakes"


def with_gradients(lines, norms):
    return [line | {"grad_norm_generator": norm} for line, norm in zip(lines, norms, strict=True)]


def test_a_discriminator_that_wins_is_told_from_the_first_line_that_shows_it_to_the_last():
    steady = [0.8] * 8 + [0.995] * 16
    assert RecallWatch(history(steady)).warnings() == [f"{WINS} the end it {RECOGNISED}"]
    ended = RecallWatch(history([*steady, *[0.5] * 8])).warnings()
    assert ended == [f"{WINS} epoch 6 (step 240) it {RECOGNISED}"]
    twice = RecallWatch(history([*steady, *[0.5] * 8, *[1.0] * 12])).warnings()
    assert twice[0].endswith("; 2 such times in all, the last from epoch 8.2 (step 330) to the end")
    from_the_start = RecallWatch(history([1.0] * 24)).warnings()
    assert from_the_start[0].startswith("the discriminator wins: from epoch 0.25 (step 10) to the end")  # never step 0


def test_the_gradient_is_called_vanishing_only_where_it_is_small():
    """Medians: 4 at other times; 0.39 and 0.41 lie on either side of a tenth of it."""
    lines, other = history([0.8] * 8 + [0.995] * 16), [1.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 90.0]
    small = RecallWatch(with_gradients(lines, [*other, *[0.39] * 15, 70.0])).warnings()
    assert small == [
        f"vanishing gradient: from epoch 2.2 (step 90) to the end the discriminator {RECOGNISED}; the generator's "
        "gradient was 0.098 times that of other times"
    ]
    large = RecallWatch(with_gradients(lines, [*other, *[0.41] * 16])).warnings()
    assert large == [f"{WINS} the end it {RECOGNISED}; the generator's gradient was 0.1 times that of other times"]
    grown = RecallWatch(with_gradients(lines, [*other, *[48.0] * 16])).warnings()
    assert grown[0].endswith("the generator's gradient was 12 times that of other times")


def test_nothing_is_said_of_a_gradient_without_other_times():
    lines = with_gradients(history([1.0] * 24), [1e-6] * 24)
    assert RecallWatch(lines).warnings() == [
        f"the discriminator wins: from epoch 0.25 (step 10) to the end it {RECOGNISED}"
    ]
    after = with_gradients(history([1.0] * 24 + [0.5] * 8), [1e-6] * 24 + [1.0] * 8)
    assert RecallWatch(after).warnings()[0].startswith("vanishing gradient: from epoch 0.25 (step 10) to epoch 6")


@pytest.mark.parametrize(
    "recalls",
    [
        [0.8] * 8 + [0.995] * 8 + [0.8] * 8,  # two epochs only
        [0.99] * 24,  # not above
        [1.0, 1.0, 1.0, 0.9] * 6,  # the mean of each epoch is below
        [None] * 24,  # a model without logits
    ],
)
def test_less_is_no_discriminator_that_wins(recalls):
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
    assert set(said) == {
        None,
        "the discriminator wins: since epoch 2.2 (step 90) it recognises more than 99 % of the fakes",
    }
    norms = [2.0] * 8 + [0.1] * 12 + [5.0] * 8  # it grows after the third window
    watch, said = RecallWatch(), []
    for line in with_gradients(lines, norms):
        watch.add(line)
        said.append(watch.present_warning())
    assert set(said) == {
        None,
        "vanishing gradient: since epoch 2.2 (step 90) the discriminator recognises more than 99 % of the fakes; the "
        "generator's gradient is 0.05 times that of before",
    }


def test_warnings_come_from_the_files_of_a_trial(tmp_path):
    assert training_warnings(tmp_path, DIGITS) == []
    timeline(tmp_path, planted())
    write_lines(tmp_path / "history.jsonl", history([1.0] * 24))
    collapse, wins = training_warnings(tmp_path, DIGITS)
    assert collapse.startswith("collapse: from epoch 61")
    assert wins.startswith("the discriminator wins: from epoch 0.25 (step 10) to the end")
