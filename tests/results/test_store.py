from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.errors import GanbenchError, UsageError
from ganbench.results.schema import MetricsFile, Trial
from ganbench.results.store import (
    append_history,
    keep_history_until,
    read_history,
    read_record,
    read_run,
    trial_folder,
    write_bytes,
    write_json,
    write_record,
)


def test_a_record_comes_back_as_it_was_written(tmp_path, make):
    path = tmp_path / "deep" / "metrics.json"
    record = MetricsFile(metrics={"fid": make.metric(3.5)}, provenance={"a": [1, "ü"]})
    write_record(path, record)
    assert read_record(path, MetricsFile) == record
    assert [item.name for item in path.parent.iterdir()] == ["metrics.json"]


def test_a_file_is_replaced_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    write_bytes(path, b"old")
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["run.json"]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    write_json(tmp_path / "x.json", {"a": math.nan, "b": [math.inf, 1.5]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [None, 1.5]}


def test_a_record_that_could_not_be_read_again_is_not_written(tmp_path, make):
    record = MetricsFile(metrics={"fid": make.metric(math.nan, half=None)}, provenance={})
    with pytest.raises(GanbenchError, match=r"metrics\.json: not written.*metrics\.fid\.value"):
        write_record(tmp_path / "metrics.json", record)
    assert not (tmp_path / "metrics.json").exists()


def test_details_that_are_not_finite_do_not_stop_a_record(tmp_path, make):
    record = MetricsFile(metrics={"fid": make.metric(1.0, details={"x": math.nan})}, provenance={})
    write_record(tmp_path / "metrics.json", record)
    assert read_record(tmp_path / "metrics.json", MetricsFile).metrics["fid"].details == {"x": None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"trial\.json: no such file.*ganbench run"),
        ("{", r"trial\.json: not readable as JSON"),
        ('{"schema_version": 2}', "newer ganbench.*schema 2.*up to 1.*upgrade"),
        ('{"plugin": "a", "surprise": 1}', r"trial\.json: not a valid trial\.json.*surprise"),
        ("[]", r"not a valid trial\.json"),
    ],
)
def test_errors_name_the_file_and_the_remedy(tmp_path, content, message):
    if content is not None:
        (tmp_path / "trial.json").write_text(content)
    with pytest.raises(UsageError, match=message):
        read_record(tmp_path / "trial.json", Trial)


def test_a_run_is_read_with_all_its_trials_in_order(tmp_path, make):
    write_record(tmp_path / "run.json", make.run())
    for plugin, seed in (("b", 0), ("a", 10), ("a", 2)):
        folder = trial_folder(tmp_path, plugin, seed)
        write_record(folder / "trial.json", make.trial(plugin, seed=seed).trial)
    append_history(trial_folder(tmp_path, "b", 0) / "history.jsonl", {"step": 20})
    write_record(trial_folder(tmp_path, "b", 0) / "metrics.json", make.fid("b", 3.0).metrics)
    results = read_run(tmp_path)
    assert [(item.trial.plugin, item.trial.seed) for item in results.trials] == [("a", 2), ("a", 10), ("b", 0)]
    assert results.trials[2].history == [{"step": 20}]
    assert results.trials[2].metrics.metrics["fid"].value == 3.0
    assert results.trials[0].metrics is None
    assert read_run(tmp_path / "run.json").path == tmp_path


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"not a run folder \(it holds no run\.json\)"):
        read_run(tmp_path)


def test_a_torn_last_line_is_ignored_and_cut_before_the_next(tmp_path):
    path = tmp_path / "history.jsonl"
    append_history(path, {"step": 20, "loss_d": math.nan})
    with path.open("a") as file:
        file.write('{"step": 4')
    assert read_history(path) == [{"step": 20, "loss_d": None}]
    append_history(path, {"step": 40})
    assert [line["step"] for line in read_history(path)] == [20, 40]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text('{"step": 1}\nnonsense\n{"step": 3}\n')
    with pytest.raises(UsageError, match=r"history\.jsonl, line 2"):
        read_history(path)


def test_a_history_is_kept_until_the_checkpoint(tmp_path):
    path = tmp_path / "history.jsonl"
    keep_history_until(path, 10)
    assert not path.exists()
    for step in (20, 40, 60):
        append_history(path, {"step": step})
    keep_history_until(path, 40)
    assert [line["step"] for line in read_history(path)] == [20, 40]


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.integers(0, 999), min_size=1, max_size=5), cut=st.integers(1, 200))
def test_cutting_a_history_anywhere_loses_no_whole_line(tmp_path_factory, steps, cut):
    path = tmp_path_factory.mktemp("history") / "history.jsonl"
    for step in steps:
        append_history(path, {"step": step})
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    assert [line["step"] for line in read_history(path)] == steps[: content.count(b"\n")]
