"""A run on points: what its trials leave, that it resumes to the bit, verifies, and refuses what is of images."""

import json
import shutil

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from ganbench.cli.sample_command import sample_to
from ganbench.data.points import load_ring8
from ganbench.errors import DataError, UsageError
from ganbench.results.board import build_board, write_board
from ganbench.results.store import read_run, write_record
from ganbench.run.evaluation import evaluate
from ganbench.run.job import TrialJob
from ganbench.run.plan import RunRequest, plan_run
from ganbench.run.trial import TrialProcess
from ganbench.run.verify import verify

BENCHMARK = """
name = "tiny-ring"
title = "A tiny ring"
plugins = ["gan"]
[data]
dataset = "ring8"
num_train = 1000
[training]
budget = "30steps"
batch_size = 20
log_every_steps = 10
checkpoint_every_seconds = 0
[evaluation]
num_samples = 400
metrics = ["mixture_kl", "modes", "hq_ratio", "mode_kl"]
rank_by = "mixture_kl"
[options]
units_generator = 8
units_discriminator = 8
latent_dim = 2
"""


def plan(folder, text=BENCHMARK, **request):
    (folder / "ring.toml").write_text(text)
    return plan_run(RunRequest(benchmark=str(folder / "ring.toml"), device="cpu", **request))


def process(planned, folder, name):
    job = TrialJob(folder, name, 0, planned.run, planned.registry)
    return TrialProcess(job, lambda event: None)


def make_run(folder, names=("real", "noise", "memorizer", "gan")):
    planned = plan(folder)
    write_record(folder / "run" / "run.json", planned.run)
    for name in names:
        trial = process(planned, folder / "run", name)
        assert trial.run() == 0, trial.trial.error
    write_board(read_run(folder / "run"))
    return folder / "run"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("points")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(folder / "cache"))
        yield make_run(folder)


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def trial(run, plugin="gan"):
    return run / "trials" / plugin / "seed-0"


def points_of(path):
    with np.load(path) as stored:
        assert stored.files == ["points"]
        assert stored["points"].dtype == np.float32
        return stored["points"]


def test_a_trial_leaves_its_points_and_those_of_its_training(finished):
    assert points_of(trial(finished) / "samples.npz").shape == (400, 2)
    steps = [path.name for path in sorted((trial(finished) / "snapshots").iterdir())]
    assert steps == [f"step-{step:07d}.npz" for step in (0, 10, 20, 30)]
    drawn = [points_of(trial(finished) / "snapshots" / name) for name in steps]
    assert {array.shape for array in drawn} == {(500, 2)}
    assert not np.array_equal(drawn[0], drawn[-1])
    record = json.loads((trial(finished) / "trial.json").read_text())
    assert record["status"] == "done"
    assert record["num_images"] == 600
    assert {"samples_sha256", "weights_sha256"} <= set(record["provenance"])


def test_the_real_row_holds_unseen_points_and_the_controls_come_out_as_they_must(finished):
    data = load_ring8(None, None, finished)
    rows = {row.plugin: row for row in build_board(read_run(finished)).rows}
    real, copies = (
        points_of(trial(finished, "real") / "samples.npz"),
        points_of(trial(finished, "memorizer") / "samples.npz"),
    )
    assert np.isin(real, data.test.points).all()
    assert len(np.unique(real, axis=0)) == 400
    assert np.isin(copies, data.train.points).all()
    assert rows["real"].title == "Real points (held out)"
    assert rows["real"].scores["modes"].value == rows["memorizer"].scores["modes"].value == 8
    assert rows["real"].scores["hq_ratio"].value == pytest.approx(chi2.cdf(9, 2), abs=0.03)
    noise = points_of(trial(finished, "noise") / "samples.npz")
    assert 1.5 < np.ptp(noise, axis=0).min() < np.ptp(noise, axis=0).max() < 2.1  # the box of the ring
    assert rows["noise"].scores["hq_ratio"].value < 0.05
    assert rows["real"].scores["mixture_kl"].value < 0.02
    assert rows["noise"].scores["mixture_kl"].value > 3.5


def test_every_number_comes_out_again_and_changed_points_are_found(finished, run):
    assert verify(finished).agrees
    assert all(item.comparisons for item in verify(finished).trials)
    changed = points_of(trial(run) / "samples.npz").copy()
    changed[0] += 1
    np.savez(trial(run) / "samples.npz", points=changed)
    assert any("hash of samples.npz" in text for text in verify(trial(run)).trials[0].problems)
    np.savez(trial(run) / "samples.npz", points=changed.astype(np.float64))
    found = verify(trial(run)).trials[0].problems
    assert "samples.npz holds float64 (400, 2), not points float32 [N, D]" in found


def test_an_interrupted_trial_ends_where_an_uninterrupted_one_does(finished, tmp_path):
    planned = plan(tmp_path)
    write_record(tmp_path / "run" / "run.json", planned.run)
    first = process(planned, tmp_path / "run", "gan")
    first._report_progress = lambda now: first.stop.set()  # after the first line of the history
    first.run()
    assert first.trial.status == "interrupted"
    second = process(planned, tmp_path / "run", "gan")
    assert second.run() == 0
    assert second.trial.resumed_at == [10]
    for name in ("samples.npz", "snapshots/step-0000020.npz", "snapshots/step-0000030.npz"):
        assert np.array_equal(points_of(trial(finished) / name), points_of(trial(tmp_path / "run") / name))


def test_samples_are_drawn_again_as_an_npz_only(finished, tmp_path):
    words = sample_to(trial(finished), 50, None, tmp_path / "more.npz", 3, "cpu")
    assert words == f"50 points of gan, seed 3: {tmp_path / 'more.npz'}"
    fifty = points_of(tmp_path / "more.npz")
    assert fifty.shape == (50, 2)
    sample_to(trial(finished), 7, None, tmp_path / "few.npz", 3, "cpu")
    np.testing.assert_allclose(points_of(tmp_path / "few.npz"), fifty[:7], rtol=1e-5)
    with pytest.raises(UsageError, match=r"'gan' makes points, not images; name a file that ends in \.npz"):
        sample_to(trial(finished), 50, None, tmp_path / "folder", 3, "cpu")


def test_evaluate_refuses_points_by_name(finished):
    images = np.zeros((10, 8, 8, 1), np.uint8)
    with pytest.raises(DataError, match="holds points, not images"):
        evaluate(trial(finished), images)
    with pytest.raises(UsageError, match="'ring8' holds points; images are measured here"):
        evaluate(images, "ring8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"modes", "hq', '"fid", "hq', r"metric 'fid' is not for points; for these there are modes, mode_kl, hq_ratio"),
        ('rank_by = "mixture_kl"', 'rank_by = "fid"', "metric 'fid' is not for points"),
        ('plugins = ["gan"]', 'plugins = ["dcgan"]', "plugin 'dcgan' makes image; 'ring8' holds points"),
        ('dataset = "ring8"', 'dataset = "ring8"\naugment = ["flip"]', "augmentation is for images; 'ring8'"),
        ('dataset = "ring8"', 'dataset = "ring8"\nresolution = 32', "points have no resolution, got 32"),
        ("num_samples = 400", 'num_samples = 400\nextractor = "inception"', "extractor 'inception': 'ring8' holds"),
    ],
)  # fmt: skip
def test_what_is_of_images_is_refused_before_training(tmp_path, old, new, words):
    assert old in BENCHMARK
    with pytest.raises((UsageError, DataError), match=words):
        plan(tmp_path, BENCHMARK.replace(old, new))


def test_metrics_of_points_are_refused_on_images(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((20, 32, 32, 1), np.uint8))
    text = BENCHMARK.replace("ring8", f"npz:{tmp_path / 'a.npz'}").replace('"mixture_kl", "modes", ', "")
    with pytest.raises(UsageError, match="metric 'hq_ratio' is not for images"):
        plan(tmp_path, text)
    with pytest.raises(UsageError, match="metric 'hq_ratio' is not for images"):
        evaluate(np.zeros((9, 8, 8, 1), np.uint8), np.zeros((9, 8, 8, 1), np.uint8), metrics="hq_ratio")


def test_without_a_list_the_metrics_are_those_of_points(tmp_path):
    lines = [line for line in BENCHMARK.splitlines() if not line.startswith("metrics")]
    planned = plan(tmp_path, "\n".join(lines))
    assert planned.run.configuration["metrics"] == ["modes", "mode_kl", "hq_ratio", "mixture_kl"]
    assert planned.run.configuration["extractor"] == "none"
    assert "extractor_note" not in planned.run.environment
    other = plan(tmp_path, dataset="grid25")
    assert other.benchmark.title == "grid25, points, with the settings of tiny-ring"


def test_points_are_sampled_alike_in_one_call_or_several(finished):
    job = TrialJob.read(finished, "gan", 0)
    sampler = job.sampler(job.trained(), 5)
    torch.manual_seed(0)
    np.testing.assert_array_equal(sampler.points(250, None)[:100], sampler.points(100, None))
