"""Probes in training become a timeline of shares; they are kept small, and a resumed training leaves the same ones."""

import itertools
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest

from ganbench.run.checkpoint import weights_sha256
from ganbench.run.class_timeline import PROBE_FOLDER, save_probe, shrunk, write_class_timeline
from ganbench.run.sampling import Sampler
from ganbench.run.training import Interrupted, Trainer, ends_probed_epoch, is_probed_epoch
from ganbench.seeding import seed_everything
from ganbench.types import MetricUnavailableError


class Painted:
    """A classifier that reads the class off the first pixel, and errs as `confusion` says nowhere."""

    num_classes = 3
    confusion = np.diag([1000, 1000, 1000])

    def predict(self, images):
        return images.images[:, 0, 0, 0].astype(np.int64)


def inputs(classifier=None):
    return SimpleNamespace(classifier=classifier or Painted(), real_shares=np.array([0.5, 0.25, 0.25]))


def painted(counts):
    classes = np.repeat(np.arange(3), counts)
    return np.broadcast_to(classes[:, None, None, None], (len(classes), 4, 4, 1)).astype(np.uint8)


def read(folder):
    return [json.loads(line) for line in (folder / "classes.jsonl").read_text().splitlines()]


def test_each_probe_is_a_line_with_the_shares_of_its_samples(tmp_path):
    save_probe(tmp_path, 20, 2.0, painted([100, 60, 40]))
    save_probe(tmp_path, 0, 0.0, painted([0, 200, 0]))
    save_probe(tmp_path, 400, 40.0, painted([200, 0, 0]))
    said = []
    write_class_timeline(tmp_path, inputs(), 20, lambda *what: said.append(what))
    first, second = read(tmp_path)  # the probe after the last step is of another training
    assert (first["step"], first["epoch"], first["num_samples"]) == (0, 0.0, 200)
    assert first["shares"] == [0, 1, 0]
    assert second["shares"] == pytest.approx([0.5, 0.3, 0.2])
    assert second["real_shares"] == [0.5, 0.25, 0.25]
    binomial = np.sqrt(np.array([0.5 * 0.5, 0.3 * 0.7, 0.2 * 0.8]) / 200)
    assert second["standard_errors"] == pytest.approx(binomial, rel=0.03)
    assert not (tmp_path / PROBE_FOLDER).exists()
    assert second["recent_shares"] == pytest.approx([0.25, 0.65, 0.1])  # both probes
    assert second["recent_standard_errors"][2] == pytest.approx(np.sqrt(0.1 * 0.9 / 400), rel=0.03)
    assert said == [("classes", 0, 2), ("classes", 1, 2)]


def test_an_interruption_between_writing_and_deleting_loses_nothing(tmp_path):
    for step in (0, 10):
        save_probe(tmp_path, step, step / 10, painted([1, 1, 1]))
    kept = (tmp_path / PROBE_FOLDER / "step-0000000.npz").read_bytes()
    write_class_timeline(tmp_path, inputs(), 10, lambda *what: None)
    (tmp_path / PROBE_FOLDER).mkdir()
    (tmp_path / PROBE_FOLDER / "step-0000000.npz").write_bytes(kept)
    write_class_timeline(tmp_path, inputs(), 10, lambda *what: None)
    assert [line["step"] for line in read(tmp_path)] == [0, 10]
    assert not (tmp_path / PROBE_FOLDER).exists()
    save_probe(tmp_path, 0, 0.0, painted([1, 1, 1]))  # a new training: the old timeline is no longer true
    assert not (tmp_path / "classes.jsonl").exists()


def test_without_a_usable_classifier_there_is_no_timeline(tmp_path):
    class Blind(Painted):
        def predict(self, images):
            raise MetricUnavailableError("images are too small")

    save_probe(tmp_path, 0, 0.0, painted([1, 1, 1]))
    write_class_timeline(tmp_path, inputs(Blind()), 10, lambda *what: None)
    assert list(tmp_path.iterdir()) == []


def test_large_images_are_kept_at_the_size_that_the_classifier_sees():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    means = images.reshape(2, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    small = shrunk(images)
    assert small.shape == (2, 32, 32, 3)
    assert np.abs(small - means).max() <= 0.5
    assert shrunk(small) is small


def test_probed_epochs_thin_out():
    probed = [epoch for epoch in range(1, 501) if is_probed_epoch(epoch)]
    assert probed[:28] == [*range(1, 27), 28, 30]
    assert all(later >= 1.04 * earlier for earlier, later in itertools.pairwise(probed))
    assert sum(epoch <= 100 for epoch in probed) == 53
    assert len(probed) == 91
    assert not is_probed_epoch(0)
    assert ends_probed_epoch(0.9, 1.0)
    assert not ends_probed_epoch(1.0, 1.9)
    assert ends_probed_epoch(26.9, 29.1)  # a step of several epochs
    assert not ends_probed_epoch(26.9, 27.1)


@pytest.fixture
def trainer(make_variant, spec, make_stream, make_settings):
    def make(folder, probed, variant=None, **arguments):
        variant = variant or make_variant()
        seed_everything(11)
        gan = variant.build_gan(spec, variant.options({}))
        seed_everything(12)
        made = Trainer(variant, gan, make_stream(1), make_settings("30steps", ema=0.9), folder, **arguments)

        def probe(step):
            with made.averaged_weights():
                images = Sampler(variant, gan, spec, 3).images(20, None)
            probed.append((step, made.epochs, images.tobytes()))

        made.probe = probe
        return made

    return make


def test_probes_come_at_snapshots_and_ends_of_epochs_and_a_stop_changes_none(trainer, tmp_path):
    whole, parts = [], []
    trainer(tmp_path / "whole", whole).run()
    ends = [4, 7, 13, 16, 19, 22, 25, 29]  # 16 of 50 images a step: epochs 1 to 9 but for the two below
    assert [step for step, _, _ in whole] == sorted([0, 10, 20, 30, *ends])
    assert all(epochs == step * 16 / 50 for step, epochs, _ in whole)
    calls = iter(range(100))
    with pytest.raises(Interrupted):
        trainer(tmp_path / "parts", parts, should_stop=lambda: next(calls) == 12).run()
    trainer(tmp_path / "parts", parts).run()
    assert parts == whole


def test_a_probe_is_there_before_the_checkpoint_of_its_step(trainer, tmp_path, monkeypatch):
    probed = []
    made = trainer(tmp_path, probed)
    saved = made._checkpoint_when_due
    made._checkpoint_when_due = lambda: (probed.append(("checkpoint", made.step)), saved())
    made.run()
    assert probed.index(("checkpoint", 10)) == [item[0] for item in probed].index(10) + 1


def test_probes_change_no_weight(trainer, tmp_path):
    with_probes = trainer(tmp_path / "a", [])
    with_probes.run()
    without = trainer(tmp_path / "b", [])
    without.probe = lambda step: None
    without.run()
    assert weights_sha256(with_probes.gan) == weights_sha256(without.gan)


def test_time_for_probes_is_not_charged_to_the_variant(trainer, tmp_path):
    made = trainer(tmp_path, [])
    made.probe = lambda step: time.sleep(0.1)
    start = time.perf_counter()
    made.run()
    assert made.seconds < time.perf_counter() - start - 1.1  # 12 probes
