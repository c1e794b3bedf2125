"""`ganbench compare` on stored runs: what it prints, what it writes, how it exits."""

from __future__ import annotations

import json

import pytest

from ganbench.cli import main
from ganbench.results.schema import Cost, MetricRecord, MetricsFile, Run, Trial
from ganbench.results.store import write_record

BENCHMARK = {"controls": ["noise"], "evaluation": {"rank_by": "fid"}}


@pytest.fixture
def stored(tmp_path):
    """Writes a run in which each model has one FID for each training seed."""

    def write(name, num_samples=100, **values):
        num_seeds = max(len(seeds) for seeds in values.values())
        run = Run(
            ganbench_version="1", created="2026-01-02", benchmark="b", title="B", protocol="ganbench-v1",
            configuration={"benchmark": BENCHMARK, "seeds": num_seeds, "name": name}, configuration_sha256="0",
            environment={}, plugins=[],
        )  # fmt: skip
        write_record(tmp_path / name / "run.json", run)
        for model, seeds in values.items():
            for seed, value in enumerate(seeds):
                folder = tmp_path / name / "trials" / model / f"seed-{seed}"
                trial = Trial(plugin=model, seed=seed, role="model", status="done", cost=Cost())
                write_record(folder / "trial.json", trial)
                fid = MetricRecord(
                    title="FID", value=value, ci95=(value - 0.5, value + 0.5), ci95_method="delta",
                    higher_is_better=False, num_samples=num_samples, num_reference=100, extractor=None, canonical=True,
                    protocol="ganbench-v1", seconds=1.0,
                )  # fmt: skip
                write_record(folder / "metrics.json", MetricsFile(metrics={"fid": fid}, provenance={}))
        return str(tmp_path / name)

    return write


def compare(monkeypatch, capsys, *arguments):
    """Exit code, and what was printed without the lines' ends."""
    monkeypatch.setattr("sys.argv", ["ganbench", "compare", *arguments])
    monkeypatch.setenv("COLUMNS", "160")
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    return stopped.value.code or 0, " ".join((printed.out + printed.err).split())


def test_a_regression_exits_with_4_only_where_it_is_asked_to(stored, monkeypatch, capsys):
    a, b = stored("a", m=(10.0, 11.0, 12.0), n=(50.0, 51.0, 52.0)), stored("b", m=(30.0, 31.0, 32.0), n=(50.5, 51, 52))
    assert compare(monkeypatch, capsys, a, b)[0] == 0
    code, printed = compare(monkeypatch, capsys, a, b, "--fail-on-regression")
    assert code == 4
    assert "B is: 1 × worse, 1 × no difference beyond noise." in printed
    assert "name: a → b" in printed
    assert "g +16" in printed
    code, _ = compare(monkeypatch, capsys, b, a, "--fail-on-regression")
    assert code == 0  # the other way round it is better


def test_noise_is_no_regression(stored, monkeypatch, capsys):
    a, b = stored("a", m=(10.0, 14.0, 12.0)), stored("b", m=(12.0, 13.0, 15.0))
    assert compare(monkeypatch, capsys, a, b, "--fail-on-regression")[0] == 0


def test_single_trainings_are_said_to_know_no_training_variance(stored, monkeypatch, capsys):
    _, printed = compare(monkeypatch, capsys, stored("a", m=(10.0,)), stored("b", m=(20.0,)))
    assert "Where a model was trained once, its training variance is unknown" in printed
    assert "+28 SE" in printed


def test_a_check_that_could_test_nothing_does_not_pass(stored, monkeypatch, capsys):
    a, b, other = stored("a", m=(10.0,)), stored("b", 50, m=(10.0,)), stored("c", z=(10.0,))
    code, printed = compare(monkeypatch, capsys, a, b, "--fail-on-regression")
    assert code == 2
    assert "FID cannot be compared: number of samples (100: first run; 50: second run)" in printed
    assert compare(monkeypatch, capsys, a, b)[0] == 0
    code, printed = compare(monkeypatch, capsys, a, other, "--fail-on-regression")
    assert code == 2
    assert "m is not compared: only in the first run" in printed


def test_the_json_holds_all(stored, monkeypatch, capsys, tmp_path):
    a, b = stored("a", m=(10.0, 11.0, 12.0)), stored("b", m=(30.0, 31.0, 32.0))
    compare(monkeypatch, capsys, a, b, "--json", str(tmp_path / "found.json"))
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["schema_version"], found["runs"]) == (1, [a, b])
    (test,) = found["tests"]
    assert (test["metric"], test["difference"], test["verdict"]) == ("fid", 20.0, "worse")
    assert test["ci95"][0] > 15
    assert test["effect_unit"] == "Hedges' g over training seeds"


def test_one_run_is_compared_model_by_model(stored, monkeypatch, capsys):
    code, printed = compare(monkeypatch, capsys, stored("a", m=(10.0, 11.0, 12.0), n=(30.0, 31.0, 32.0)))
    assert code == 0
    assert "m, n" in printed
    assert "B is: 1 × worse." in printed
    assert "There is nothing to compare." in compare(monkeypatch, capsys, stored("c", m=(1.0,)))[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "a", "a"], "3 runs are given: compare takes two"),
        (["a", "--fail-on-regression"], "needs two runs"),
        (["a", "a", "--metric", "fidd"], "Did you mean fid?"),
        (["a", "nowhere"], "not a run folder"),
        (["a", "a", "--json", "."], "is a folder; name a file"),
    ],
)
def test_wrong_usage_is_told(stored, monkeypatch, capsys, tmp_path, arguments, words):
    stored("a", m=(1.0,))
    monkeypatch.chdir(tmp_path)
    code, printed = compare(monkeypatch, capsys, *arguments)
    assert code == 2
    assert words in printed
