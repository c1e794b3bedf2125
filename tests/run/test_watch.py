"""Mode collapses are told from the diversity, once, in history and terminal; what has yet to learn is not."""

import itertools

import pytest
import torch

from ganbench.results.store import read_history
from ganbench.run.diversity import DIVERSITY, NEAREST
from ganbench.run.diversity_warnings import DiversityWatch
from ganbench.run.job import TrialJob
from ganbench.run.plan import RunRequest, plan_run
from ganbench.run.trial import TrialProcess
from ganbench.run.watch import TrainingWatch

VARIED, ALIKE, TWINS = (0.9, 0.8), (0.04, 0.05), (0.9, 0.01)


def history(looks, looks_per_epoch=2):
    """A look each 100 steps, with lines without one between them."""
    lines = []
    for i, (mean, nearest) in enumerate(looks, start=1):
        lines.append({"step": 100 * i - 50, "epoch": (i - 0.5) / looks_per_epoch, "images": 100 * i - 50})
        place = {"step": 100 * i, "epoch": i / looks_per_epoch, "images": 100 * i}
        lines.append(place | {DIVERSITY: mean, NEAREST: nearest})
    return lines


NEVER = "it never varied more, or had no time to"
ALIKE_WORDS = "samples hardly differ: distance of two 0.04 times that of real data, to the nearest other one 0.05 times"


def test_a_collapse_is_told_from_the_first_low_look_to_the_last():
    begun = [VARIED] * 4 + [ALIKE] * 5
    assert DiversityWatch(history(begun)).warnings() == [
        f"mode collapse: from epoch 2.5 (step 500) to the end {ALIKE_WORDS}"
    ]
    recovered = DiversityWatch(history([*begun, VARIED]))
    assert recovered.warnings()[0].startswith(
        "mode collapse: from epoch 2.5 (step 500) to epoch 4.5 (step 900) samples"
    )
    assert recovered.present_warning() is None
    twice = DiversityWatch(history([*begun, VARIED, *[ALIKE] * 3]))
    words = "2 such times in all, the last from epoch 5.5 (step 1,100) to the end"
    assert twice.warnings()[0].endswith(f"(step 900) {ALIKE_WORDS}; {words}")


def test_twins_alone_are_enough():
    (text,) = DiversityWatch(history([VARIED] * 4 + [TWINS] * 3)).warnings()
    assert text.endswith(
        "samples repeat one another: distance of two 0.9 times that of real data, to the nearest other one 0.01 times"
    )


@pytest.mark.parametrize(
    "looks",
    [
        [VARIED] * 4 + [ALIKE] * 2 + [VARIED] * 2 + [ALIKE] * 2,  # blips
        [(0.2, 0.2)] * 20,  # not below
        [ALIKE] * 9 + [VARIED] * 5,  # it had yet to learn
        [(0.34, 0.39), *[ALIKE] * 9, (0.34, 0.39)],  # hardly more: an untrained generator's samples fall and rise
        [(None, None)] * 20,  # diverged, or real data that do not differ
        [],
    ],
)
def test_less_is_no_collapse(looks):
    watch = DiversityWatch(history(looks))
    assert watch.warnings() == []
    assert watch.present_warning() is None


def test_what_never_learns_is_told_after_ten_looks_and_an_epoch():
    told = "mode collapse: from epoch 0.5 (step 100) to the end samples hardly differ:"
    assert DiversityWatch(history([ALIKE] * 10)).warnings()[0].startswith(told)
    assert len(DiversityWatch(history([(0.34, 0.39), *[ALIKE] * 10])).warnings()) == 1
    assert DiversityWatch(history([ALIKE] * 39, looks_per_epoch=40)).present_warning() is None
    assert DiversityWatch(history([ALIKE] * 40, looks_per_epoch=40)).present_warning().startswith("mode collapse")


def test_what_never_learned_is_told_at_the_end_of_a_short_training():
    short = DiversityWatch(history([ALIKE] * 4))
    assert short.present_warning() is None
    assert short.warnings() == [f"mode collapse: from epoch 0.5 (step 100) to the end {ALIKE_WORDS}; {NEVER}"]
    assert len(DiversityWatch(history([ALIKE] * 2)).warnings()) == 1
    assert DiversityWatch(history([(0.3, 0.3), ALIKE, ALIKE])).warnings() == []
    assert DiversityWatch().warnings() == []


def test_it_is_said_at_the_third_look_in_words_that_stay_and_an_interruption_makes_no_difference():
    lines = history([VARIED] * 4 + [ALIKE] * 3 + [TWINS] * 2 + [VARIED] + [TWINS] * 3)
    watch, new = TrainingWatch(), []
    for i, line in enumerate(lines):
        new.append(watch.add(line))
        assert TrainingWatch(lines[: i + 1]).present == watch.present
        assert TrainingWatch(lines[:i]).add(line) == new[-1]
    first = f"mode collapse: since epoch 2.5 (step 500) {ALIKE_WORDS}"
    assert [(lines[i]["step"], texts) for i, texts in enumerate(new) if texts and lines[i]["step"] < 1200] == [
        (700, (first,))
    ]
    assert [lines[i]["step"] for i, texts in enumerate(new) if texts] == [700, 1300]


def test_a_discriminator_that_wins_is_told_at_its_line_too():
    lines = [{"step": 10 * i, "epoch": float(i), "images": 500 * i, "d_recall": 1.0} for i in range(1, 8)]
    watch = TrainingWatch()
    told = [watch.add(line) for line in lines]
    words = "the discriminator wins: since epoch 1 (step 10) it recognises more than 99 % of the fakes"
    assert told == [(), (), (words,), (), (), (), ()]


# In a trial

RING = """
name = "tiny-ring"
title = "A tiny ring"
plugins = ["gan"]
[data]
dataset = "ring8"
num_train = 1000
[training]
budget = "45steps"
batch_size = 20
log_every_steps = 1
checkpoint_every_seconds = 0
[evaluation]
num_samples = 100
metrics = ["modes"]
rank_by = "modes"
[options]
units_generator = 8
units_discriminator = 8
latent_dim = 2
"""


class Planted:
    """In the place of the meter: samples are alike from step 15 to 39 of 45."""

    def __init__(self, sampler, labels, real):
        self.gan = sampler.gan

    def __call__(self):
        low = 14 / 45 <= self.gan.progress + 1e-9 < 39 / 45
        return dict(zip((DIVERSITY, NEAREST), torch.tensor(ALIKE if low else VARIED), strict=True))


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Trains a trial in a folder of that name, interrupted at these steps; returns its folder, record and notes."""
    monkeypatch.setattr("ganbench.run.trial.DiversityMeter", Planted)
    (tmp_path / "ring.toml").write_text(RING)

    def call(name, *stops):
        planned = plan_run(RunRequest(benchmark=str(tmp_path / "ring.toml"), device="cpu"))
        notes = []
        for stop in (*stops, None):
            events = []
            job = TrialJob(tmp_path / name, "gan", 0, planned.run, planned.registry)
            process = TrialProcess(job, events.append)
            report = process._report_progress

            def report_and_stop(now, report=report, process=process, stop=stop):
                report(now)
                if now.step == stop:
                    process.stop.set()

            process._report_progress = report_and_stop
            process.run()
            assert process.trial.status == ("done" if stop is None else "interrupted"), process.trial.error
            notes.append([event.text for event in events if event.kind == "note"])
        return job.folder, process.trial, notes

    return call


def test_a_planted_collapse_is_told_in_terminal_history_and_trial_and_a_resumed_trial_repeats_only_the_note(train):
    folder, trial, notes = train("alone")
    since = f"mode collapse: since epoch 0.3 (step 15) {ALIKE_WORDS}"
    collapses = [text for text in itertools.chain(*notes) if text.startswith("mode collapse")]
    assert collapses == [since]
    assert [line["step"] for line in read_history(folder / "history.jsonl") if since in line.get("warning", "")] == [25]
    ended = f"from epoch 0.3 (step 15) to epoch 0.7 (step 35) {ALIKE_WORDS}"
    assert f"mode collapse: {ended}" in trial.warnings

    stopped, again, notes = train("stopped", 20, 30)
    assert [[text for text in texts if text.startswith("mode")] for texts in notes] == [[], [since], [since]]
    assert again.warnings == trial.warnings
    histories = [
        [{key: line[key] for key in line if key not in ("seconds", "images_per_second")} for line in read_history(path)]
        for path in (folder / "history.jsonl", stopped / "history.jsonl")
    ]
    assert histories[0] == histories[1]


def test_controls_are_not_looked_at(train, tmp_path):
    planned = plan_run(RunRequest(benchmark=str(tmp_path / "ring.toml"), device="cpu"))
    job = TrialJob(tmp_path / "control", "memorizer", 0, planned.run, planned.registry)
    process = TrialProcess(job, lambda event: None)
    assert process.run() == 0
    assert not any(DIVERSITY in line for line in read_history(job.folder / "history.jsonl"))
