"""A finished run verifies; whatever is changed or taken away in it afterwards is found and named."""

import json
import shutil

import numpy as np
import pytest

from ganbench.config import Benchmark, sha256_of
from ganbench.errors import UsageError
from ganbench.features.extract import FeatureCache, default_cache_root
from ganbench.registry import load_registry
from ganbench.results.board import write_board
from ganbench.results.schema import Run
from ganbench.results.store import read_run, write_record
from ganbench.run.job import TrialJob
from ganbench.run.trial import TrialProcess
from ganbench.run.verify import verify
from ganbench.run.verify_run import board_problems

METRICS = ["fid", "kid", "precision", "nn_feature", "smoothness"]
PLUGIN = """
from pathlib import Path
import numpy as np
import torch
from torch import nn
from ganbench import GAN, ModelInfo, adam, hookimpl
from ganbench.types import DataSpec, Dataset, DatasetInfo, ExtractorIdentity, ExtractorInfo, ImageSet, MetricInfo
from ganbench.types import MetricResult, MetricUnavailableError

@hookimpl
def ganbench_model():
    return ModelInfo(name="tiny", title="Tiny")

@hookimpl
def ganbench_build(spec, options):
    generator = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
    return GAN(generator, latent_dim=2, optimizers={"generator": adam(generator, 1e-2)})

@hookimpl
def ganbench_train(gan, batches, step):
    loss = (gan.generator(gan.sample_latents(16)).mean(0) - next(batches).real.mean(0)).square().mean()
    gan.minimize("generator", loss)
    return {"loss_g": loss}

@hookimpl
def ganbench_sample(gan, latents, labels):
    return gan.generator(latents)

def load(path, resolution, root):
    seed = int(Path(__file__).with_name("data-seed").read_text())
    images = np.random.default_rng(seed).integers(0, 256, (120, 8, 8, 1), dtype=np.uint8)
    return Dataset("pixels", DataSpec("image", 1, 8), ImageSet("train", images[:80]), ImageSet("test", images[80:]))

class Pixels:
    identity, has_logits = ExtractorIdentity("pixels", "ab" * 32, "none"), False
    def __call__(self, images):
        return images.flatten(1).float()[:, ::5] / 255, None

@hookimpl
def ganbench_datasets():
    return [DatasetInfo("pixels", "Pixels", load)]

@hookimpl
def ganbench_extractors():
    return [ExtractorInfo("pixels", "Pixels", lambda device: Pixels(), lambda: None, 13)]

def smoothness(inputs):
    generator = inputs.images.generator
    if generator is None:
        raise MetricUnavailableError("no model made these images")
    images = generator.sample(generator.draw_latents(10, inputs.seed), None)
    return MetricResult(float(images.std()), None, "none", 10, None, {"largest": [float(images.max()), "a word"]})

@hookimpl
def ganbench_metrics():
    return [MetricInfo("smoothness", "Smoothness", smoothness, None, needs=("generator",), uses_extractor=False)]
"""


def make_run(folder):
    """A run of the row of real images and of a small model, trained and measured as `ganbench run` does it."""
    plugin = folder / "tiny.py"
    plugin.write_text(PLUGIN)
    (folder / "data-seed").write_text("5")
    registry = load_registry((plugin,))
    benchmark = Benchmark.model_validate(
        {
            "name": "b", "title": "B", "plugins": ["tiny"], "controls": [], "data": {"dataset": "pixels"},
            "training": {"budget": "3steps", "batch_size": 16}, "evaluation": {"num_samples": 40},
        }
    )  # fmt: skip
    dataset = registry.datasets["pixels"].load(None, None, folder)
    variant = registry.variant("tiny")
    configuration = {
        "benchmark": benchmark.model_dump(mode="json"), "seeds": 1, "device": "cpu", "options": {"tiny": {}},
        "variants": {"tiny": "tiny"}, "host_options": {"tiny": benchmark.host_options()},
        "plugins": {"tiny": variant.source.sha256}, "dataset_sha256": dataset.sha256, "extractor": "pixels",
        "metrics": METRICS,
    }  # fmt: skip
    run = Run(
        ganbench_version="0", created="2026-01-01T00:00:00+00:00", benchmark="b", title="B", protocol="ganbench-v1",
        configuration=configuration, configuration_sha256=sha256_of(configuration),
        environment={"plugin_files": [str(plugin)], "num_threads": 1}, plugins=[],
    )  # fmt: skip
    write_record(folder / "run" / "run.json", run)
    for name in ("real", "tiny"):
        process = TrialProcess(TrialJob(folder / "run", name, 0, run, registry), lambda event: None)
        assert process.run() == 0, process.trial.error
    write_board(read_run(folder / "run"))
    return folder / "run"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(folder / "cache"))
        yield make_run(folder)


@pytest.fixture
def run(finished, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(finished, tmp_path / "run")


def trial(run, plugin="tiny"):
    return run / "trials" / plugin / "seed-0"


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def problems(verification):
    return [*verification.problems, *(text for item in verification.trials for text in item.problems)]


def differing(verification):
    return {
        (item.plugin, each.metric): [part.place for part in each.parts if part.agreement == "differs"]
        for item in verification.trials
        for each in item.comparisons
        if each.agreement == "differs"
    }


def test_a_run_that_nobody_touched_verifies_exactly(finished):
    verification = verify(finished)
    assert verification.agrees
    assert problems(verification) == []
    compared = {item.plugin: [each.metric for each in item.comparisons] for item in verification.trials}
    assert compared == {"real": METRICS[:4], "tiny": METRICS}
    assert {each.agreement for item in verification.trials for each in item.comparisons} == {"exact"}
    assert not list(default_cache_root().glob("verify-*"))


def test_one_trial_can_be_verified_alone(finished):
    verification = verify(trial(finished, "tiny"))
    assert verification.agrees
    assert [(item.plugin, len(item.comparisons)) for item in verification.trials] == [("tiny", len(METRICS))]


@pytest.mark.parametrize("number", [0.99, 1 + 1e-5])
def test_a_changed_number_is_found(run, number):
    def change(content):
        content["metrics"]["fid"]["value"] *= number

    edit(trial(run) / "metrics.json", change)
    verification = verify(trial(run))
    assert differing(verification) == {("tiny", "fid"): []}
    found = next(each for each in verification.trials[0].comparisons if each.metric == "fid")
    assert found.stored == pytest.approx(found.recomputed * number, rel=1e-9)
    assert found.difference == found.recomputed - found.stored


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("ci95", 0), 0.0),
        (("num_samples",), 50_000),
        (("num_reference",), 40),
        (("protocol",), "mimicry-cifar10-v1"),
        (("extractor", "name"), "inception"),
        (("canonical",), True),
        (("higher_is_better",), True),
    ],
)
def test_whatever_else_is_said_of_a_number_is_checked(run, place, value):
    def change(content):
        record = content["metrics"]["fid"]
        for key in place[:-1]:
            record = record[key]
        assert record[place[-1]] != value
        record[place[-1]] = value

    edit(trial(run) / "metrics.json", change)
    assert differing(verify(trial(run))) == {("tiny", "fid"): [".".join(map(str, place))]}


def test_numbers_among_the_details_are_checked_and_words_are_not(run):
    def change(content):
        content["metrics"]["smoothness"]["details"]["largest"] = [2.0, "other words"]

    edit(trial(run) / "metrics.json", change)
    assert differing(verify(trial(run))) == {("tiny", "smoothness"): ["details.largest.0"]}


def test_the_tolerance_says_what_counts_as_equal(run):
    def change(content):
        content["metrics"]["fid"]["value"] *= 1 + 1e-7

    edit(trial(run) / "metrics.json", change)
    assert {each.metric: each.agreement for each in verify(trial(run)).trials[0].comparisons}["fid"] == (
        "within tolerance"
    )
    assert set(differing(verify(trial(run), tolerance=1e-8))) == {("tiny", "fid")}
    assert set(differing(verify(trial(run), tolerance=0.0))) == {("tiny", "fid")}


def test_swapped_samples_are_found_and_their_numbers_shown(run):
    other = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    np.savez(trial(run) / "samples.npz", images=other)
    verification = verify(trial(run))
    assert any(text.startswith("trial.json names") and "samples.npz" in text for text in problems(verification))
    assert any(text.startswith("metrics.json names") and "samples.npz" in text for text in problems(verification))
    assert {"fid", "kid", "precision", "nn_feature"} >= {metric for _, metric in differing(verification)} >= {"fid"}


def test_samples_whose_hash_was_changed_too_still_have_other_numbers(run):
    """The files may agree with each other: the numbers don't follow from the samples."""
    from ganbench.types import ImageSet

    other = ImageSet("x", np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8))
    np.savez(trial(run) / "samples.npz", images=other.images)
    for name in ("trial.json", "metrics.json"):
        edit(trial(run) / name, lambda content: content["provenance"].update(samples_sha256=other.sha256))
    verification = verify(trial(run))
    assert problems(verification) == []
    assert ("tiny", "fid") in differing(verification)


def test_yesterdays_features_are_not_believed(finished, run):
    """Wrong form: a verification that reads the cache finds what the cache says."""
    registry = load_registry((finished.parent / "tiny.py",))
    identity = registry.extractors["pixels"].load("cpu").identity
    from ganbench.types import FeatureSet, ImageSet

    with np.load(trial(run) / "samples.npz") as stored:
        images = ImageSet("tiny", stored["images"])
    cache = FeatureCache(default_cache_root())
    path = cache.path(images, identity)
    right = path.read_bytes()
    try:
        cache.store(images, identity, FeatureSet(np.random.default_rng(1).random((40, 13), dtype=np.float32)))
        assert verify(trial(run)).agrees
        assert ("tiny", "fid") in differing(verify(trial(run), cached=True))
    finally:
        path.write_bytes(right)
    assert verify(trial(run), cached=True).agrees


@pytest.mark.parametrize("name", ["trial.json", "metrics.json", "samples.npz"])
@pytest.mark.parametrize("plugin", ["tiny", "real"])
def test_a_deleted_file_is_named(run, plugin, name):
    (trial(run, plugin) / name).unlink()
    verification = verify(run)
    assert not verification.agrees
    found = {item.plugin: item.problems for item in verification.trials}
    assert f"{name} is missing" in found[plugin]
    assert all(not texts for other, texts in found.items() if other != plugin)


def test_a_deleted_checkpoint_concerns_only_what_needs_the_model(run):
    shutil.rmtree(trial(run) / "checkpoints")
    verification = verify(trial(run))
    assert problems(verification) == [
        "smoothness cannot be recomputed: it needs the trained model, and its checkpoint is gone"
    ]
    assert [each.metric for each in verification.trials[0].comparisons] == METRICS[:4]


def test_a_removed_trial_is_missed(run):
    shutil.rmtree(trial(run))
    verification = verify(run)
    assert "it was planned, but there is nothing of it: not begun, or removed" in problems(verification)
    assert any(text.startswith("leaderboard.json: rows.") for text in verification.problems)


def test_a_metric_that_was_taken_out_is_missed(run):
    edit(trial(run) / "metrics.json", lambda content: content["metrics"].pop("kid"))
    assert problems(verify(trial(run))) == ["kid was planned, but metrics.json does not have it"]


@pytest.mark.parametrize("name", ["trial.json", "metrics.json", "samples.npz"])
def test_a_damaged_file_is_named(run, name):
    (trial(run) / name).write_bytes(b"PK\x03\x04{")
    verification = verify(trial(run))
    assert not verification.agrees
    assert any(name in text for text in problems(verification))


def test_samples_that_are_no_images_are_named(run):
    np.savez(trial(run) / "samples.npz", images=np.zeros((40, 8, 8), np.float32))
    assert "samples.npz holds float32 (40, 8, 8), not images uint8 [N, H, W, C]" in problems(verify(trial(run)))


def test_other_data_are_named_and_nothing_is_recomputed(run, finished):
    seed = finished.parent / "data-seed"
    seed.write_text("6")
    try:
        verification = verify(run)
    finally:
        seed.write_text("5")
    assert verification.trials == ()
    assert len(verification.problems) == 1
    assert verification.problems[0].startswith("the data are different: 'pixels' has hash")


@pytest.mark.parametrize("name", ["trial.json", "metrics.json"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.update(configuration_sha256="0" * 64), "as hash of run.json"),
        (lambda content: content["dataset"].update(sha256="0" * 64), "as hash of the data of run.json"),
        (lambda content: content.pop("samples_sha256"), "names nothing as hash of samples.npz"),
    ],
)
def test_a_broken_trail_of_hashes_is_named(run, name, change, words):
    edit(trial(run) / name, lambda content: change(content["provenance"]))
    found = problems(verify(trial(run)))
    assert len(found) == 1
    assert found[0].startswith(name)
    assert words in found[0]


def test_a_changed_configuration_is_named(run):
    edit(run / "run.json", lambda content: content["configuration"]["benchmark"].update(title="Better"))
    assert verify(run).problems[0].startswith("run.json: its configuration is not the one whose hash it names")


def test_a_changed_board_is_named(run):
    def change(content):
        row = next(row for row in content["rows"] if row["plugin"] == "tiny")
        row["scores"]["fid"]["value"] = 1.0

    edit(run / "leaderboard.json", change)
    verification = verify(run)
    assert len(verification.problems) == 1
    assert any("scores.fid.value is 1.0, but " in text for text in verification.problems)
    (run / "leaderboard.json").unlink()
    assert verify(run).problems == ("leaderboard.json is missing",)


def test_a_renamed_trial_is_named(run):
    shutil.copytree(trial(run), run / "trials" / "tiny" / "seed-1")
    found = {item.seed: item.problems for item in verify(run).trials if item.plugin == "tiny"}
    assert found[0] == ()
    assert "trial.json is of tiny, seed 0: the folder was renamed" in found[1]


def test_what_is_not_finished_is_left_out(run):
    edit(trial(run) / "trial.json", lambda content: content.update(status="training"))
    verification = verify(trial(run))
    assert verification.agrees
    assert verification.trials[0].skipped == "its status is 'training', so there is nothing to verify"


def test_a_metric_that_is_gone_from_this_installation_is_named(run):
    def change(content):
        content["metrics"]["unheard"] = content["metrics"]["fid"]

    edit(trial(run) / "metrics.json", change)
    assert problems(verify(trial(run))) == ["unheard cannot be recomputed: no metric of that name is installed here"]


def test_a_run_of_another_machine_is_verified_on_the_cpu(run):
    def change(content):
        content["configuration"]["device"] = "cuda:77"
        content["configuration_sha256"] = sha256_of(content["configuration"])

    edit(run / "run.json", change)
    verification = verify(trial(run))
    assert verification.device == "cpu"
    assert {each.agreement for each in verification.trials[0].comparisons} == {"exact"}


@pytest.mark.parametrize("place", ["", "trials", "trials/tiny", "trials/tiny/seed-7", "report"])
def test_a_folder_without_a_run_is_told(run, tmp_path, place):
    folder = run / place if place else tmp_path
    with pytest.raises(UsageError, match=r"no run here; expected a folder with run\.json"):
        verify(folder)


def test_a_number_moved_among_the_unavailable_is_found(run):
    def hide(content):
        del content["metrics"]["fid"]
        content["unavailable"]["fid"] = "it failed"

    edit(trial(run) / "metrics.json", hide)
    verification = verify(trial(run))
    assert not verification.agrees
    assert any("fid is said to be unavailable, but it is" in problem for problem in verification.trials[0].problems)


def test_a_falsified_board_is_named(run):
    """Each wrong form passed when only some fields of rows were compared, by plugin."""
    right = (run / "leaderboard.json").read_text()

    def false_row_in_front(content):
        content["rows"].insert(0, content["rows"][0] | {"title": "Better"})

    for change in (
        lambda content: content.update(protocol="mimicry-cifar10-v1"),
        lambda content: content.update(warnings=["nothing"]),
        lambda content: content["rows"].reverse(),
        lambda content: content["rows"][0].update(role="control"),
        false_row_in_front,
    ):
        (run / "leaderboard.json").write_text(right)
        assert board_problems(run, 1e-6) == []
        edit(run / "leaderboard.json", change)
        found = board_problems(run, 1e-6)
        assert found
        assert all(text.startswith("leaderboard.json: ") for text in found)


def test_a_changed_table_is_named(run):
    path = run / "leaderboard.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    assert verify(run).problems == ("leaderboard.csv: line 2 is not the one that follows from the trials' files",)
    path.write_text("\n".join([*lines, lines[-1]]) + "\n")
    assert board_problems(run, 1e-6) == [
        f"leaderboard.csv: line {len(lines) + 1} is not the one that follows from the trials' files"
    ]
    path.unlink()
    assert board_problems(run, 1e-6) == ["leaderboard.csv is missing"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda content: content["benchmark"].pop("data"), "benchmark.data"),
        (lambda content: content.pop("benchmark"), "benchmark"),
        (lambda content: content.pop("dataset_sha256"), "dataset_sha256"),
        (lambda content: content.update(plugins=3), "plugins"),
        (lambda content: content.pop("metrics"), "metrics"),
    ],
)
def test_a_run_without_what_it_was_planned_with_is_refused_by_field(run, change, field):
    edit(run / "run.json", lambda content: change(content["configuration"]))
    with pytest.raises(UsageError, match=rf"run\.json: its configuration is not one .*: {field}: "):
        verify(run)
