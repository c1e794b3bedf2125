"""Each command as a user types it: what it prints, what it writes, its exit code."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

GANBENCH = [sys.executable, "-P", "-m", "ganbench"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def ganbench(cache, tmp_path, monkeypatch):
    """Run the command in a fresh folder; returns (exit code, output, errors)."""
    monkeypatch.setenv("GANBENCH_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def call(*arguments):
        done = subprocess.run([*GANBENCH, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["run", "evaluate", "report", "sample", "plugins", "benchmarks", "datasets", "doctor"]),
        (["--version"], ["ganbench 0."]),
        (["plugins"], ["dcgan", "sncgan", "vtgan", "noise", "memorizer"]),
        (["plugins", "dcgan"], ["lr", "width", "--set dcgan."]),
        (["benchmarks"], ["mnist-quick", "s2-cifar10-small"]),
        (["benchmarks", "s2-cifar10"], ["dcgan-4", "2.31", "500epochs", "CIFAR-10"]),
        (["datasets"], ["mnist5k", "cifar10", "folder:PATH", "boxes:FILE", "npz:PATH"]),
        (["metrics"], ["fid", "coverage", "nn_lpips", "lower", "higher"]),
        (["extractors"], ["efficientnet-lite0", "inception"]),
        (["doctor"], ["torch", "faiss", "extractor efficientnet-lite0", "plugins", "cache"]),
    ],
)
def test_commands_that_tell(ganbench, arguments, words):
    code, out, err = ganbench(*arguments)
    assert code == 0, err
    assert [word for word in words if word not in out] == []


@pytest.mark.parametrize("listing", ["plugins", "benchmarks", "datasets", "metrics", "extractors"])
def test_listings_as_json(ganbench, listing):
    code, out, err = ganbench(listing, "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert len(rows["plugins"] if listing == "plugins" else rows) >= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], "run"),
        (["run", "--plugins", "dcgna"], "Did you mean dcgan"),
        (["run", "--benchmark", "mnist-quik"], "Did you mean mnist-quick"),
        (["run", "--dataset", "mnist5"], "mnist5k"),
        (["run", "--executor", "locl"], "Did you mean local"),
        (["run", "--set", "dcgan.width=many"], "expected a whole number, such as 64"),
        (["run", "--set", "dcgan.widht=3"], "Did you mean width"),
        (["run", "--set", "lr=3"], "PLUGIN.OPTION=VALUE"),
        (["run", "--budget", "soon"], "50kimg"),
        (["run", "--device", "tpu9"], "--device tpu9"),
        (["run", "--plugin-file", "absent.py"], "no such file"),
        (["run", "--resolution", "37"], "37"),
        (["evaluate", "nowhere", "--reference", "mnist5k"], "nowhere"),
        (["evaluate", "mnist5k", "--reference", "mnist5k:test", "--metrics", "fjd"], "Did you mean fid"),
        (["evaluate", "mnist5k", "--reference", "mnist5k:test", "--extractor", "incepton"], "Did you mean inception"),
        (["evaluate", "mnist5k", "--reference", "mnist5k:test", "--num-samples", "9999"], "2,500"),
        (["plugins", "dcgna"], "Did you mean dcgan"),
        (["report", "."], "not a run folder"),
        (["sample", "."], "not a trial"),
    ],
)
def test_wrong_usage_is_told_in_one_sentence_with_exit_code_2(ganbench, tmp_path, arguments, words):
    code, out, err = ganbench(*arguments)
    assert code == 2, (out, err)
    assert words in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_evaluate_writes_the_numbers_and_equal_sets_have_fid_zero(ganbench, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=images)
    for index, image in enumerate(images):
        (tmp_path / "pngs").mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(tmp_path / "pngs" / f"{index:03d}.png")
    code, out, err = ganbench(
        "evaluate", "pngs", "--reference", "set.npz", "--metrics", "fid,precision,nn_feature", "--json", "n.json"
    )
    assert code == 0, err
    assert "FID · efficientnet-lite0" in out
    content = json.loads((tmp_path / "n.json").read_text())
    assert content["schema_version"] == 1
    fid = content["metrics"]["fid"]
    assert fid["value"] == pytest.approx(0, abs=1e-3)
    assert fid["num_samples"] == fid["num_reference"] == 40
    assert fid["extractor"]["name"] == "efficientnet-lite0"
    assert len(fid["extractor"]["weights_sha256"]) == 64
    assert fid["protocol"] == "ganbench-v1"
    assert content["metrics"]["precision"]["value"] == 1
    assert content["metrics"]["nn_feature"]["value"] == pytest.approx(0, abs=1e-2)
    assert content["provenance"]["samples"]["sha256"] == content["provenance"]["reference"]["sha256"]


def test_small_odd_sets_are_measured_with_a_word_of_warning(ganbench, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "grey.npz", images=rng.integers(0, 256, (5, 32, 32, 1), dtype=np.uint8))
    np.savez(tmp_path / "rgb.npz", images=rng.integers(0, 256, (7, 32, 32, 3), dtype=np.uint8))
    code, out, err = ganbench("evaluate", "grey.npz", "--reference", "rgb.npz", "--metrics", "kid")
    assert code == 0, err
    assert "one side is grey" in out
    assert "subsets of 5 instead of 1000" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "mnist5k", "--reference", "mnist5k:test", "--json", "/proc/x/y.json"], "/proc/x"),
        (["evaluate", "mnist5k", "--reference", "mnist5k:test", "--json", "."], "is a folder"),
        (["evaluate", "mnist5k:foo", "--reference", "mnist5k"], "mnist5k:test"),
        (["run", "--plugins", "noise", "--out", "/proc/foo"], "--out /proc/foo"),
        (["run", "--plugins", ","], "--plugins is empty"),
        (["run", "--plugins", "noise", "--set", "dcgan.lr=1e-4"], "'dcgan' is not in this run"),
        (["run", "--budget", "0steps"], "error: budget '0steps'"),
        (["report", "a", "b"], "--out"),
        (["sample", "somewhere", "--out", "x.npy"], ".npz"),
    ],
)
def test_what_cannot_be_written_or_done_is_told_before_any_work(ganbench, arguments, words):
    code, out, err = ganbench(*arguments)
    assert code == 2, (out, err)
    assert words in err
    assert "Traceback" not in err
