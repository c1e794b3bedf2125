"""`ganbench verify` and `ganbench protocols`: what is printed, the JSON, the exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ganbench.cli import verify_command
from ganbench.cli.app import app
from ganbench.errors import UnknownNameError, UsageError
from ganbench.protocols import PROTOCOLS
from ganbench.protocols.page import protocol_page
from ganbench.results.recomputed import Comparison, Part
from ganbench.run.verify import Verification
from ganbench.run.verify_trial import VerifiedTrial

EXACT = Comparison("fid", 12.5, 12.5, "exact")
CLOSE = Comparison(
    "kid", 0.5, 0.5 * (1 + 1e-7), "within tolerance", (Part("ci95.0", 0.1, 0.10000001, "within tolerance"),)
)
COUNTS = tuple(Part(f"details.counts.{i}", i, i + 1, "differs") for i in range(9))
WRONG = Comparison("modes", 10.0, 9.0, "differs", COUNTS)


@pytest.fixture
def call(monkeypatch):
    def invoke(trials, *options, problems=()):
        asked = []

        def verify(path, device, cached, tolerance, progress):
            asked.append((path, device, cached, tolerance))
            progress("tiny, seed 0: features", 1, 2)
            return Verification(Path("RUN"), "cpu", cached, tolerance, tuple(trials), tuple(problems))

        monkeypatch.setattr(verify_command, "verify", verify)
        result = CliRunner().invoke(app, ["verify", "RUN", *options], env={"COLUMNS": "120"})
        return result, asked

    return invoke


def test_a_run_that_agrees_ends_with_0(call):
    result, asked = call([VerifiedTrial("tiny", 0, (EXACT, CLOSE))])
    assert result.exit_code == 0
    assert asked == [(Path("RUN"), "auto", False, 1e-6)]
    words = " ".join(result.output.split())
    assert "tiny, seed 0" in words
    assert "2 of 2 numbers of 1 trials agree (1 exactly, 1 within 1e-06" in words
    assert words.endswith("verified.")
    assert "NOT" not in words


def test_a_number_that_differs_ends_with_1_and_is_shown(call):
    result, _ = call([VerifiedTrial("tiny", 0, (EXACT, WRONG))])
    assert result.exit_code == 1
    words = " ".join(result.output.replace("│", " ").split())
    assert "modes 10 9 -1 differs" in words
    assert "modes: details.counts.5 5 6 1 differs" in words
    assert "details.counts.6" not in words
    assert "and 3 more" in words
    assert words.endswith("1 of 2 numbers of 1 trials agree (1 exactly): NOT verified.")


@pytest.mark.parametrize("where", ["trial", "run"])
def test_a_problem_ends_with_1_and_is_told(call, where):
    problem = ("samples.npz is [gone]",)
    trial = VerifiedTrial("tiny", 0, (EXACT,), problem if where == "trial" else ())
    result, _ = call([trial], problems=problem if where == "run" else ())
    assert result.exit_code == 1
    assert "samples.npz is [gone]" in result.output
    assert "1 problem told above: NOT verified." in " ".join(result.output.split())


def test_what_was_skipped_is_told_and_is_no_fault(call):
    result, _ = call([VerifiedTrial("tiny", 0, (EXACT,)), VerifiedTrial("tiny", 1, skipped="its status is 'failed'")])
    assert result.exit_code == 0
    assert "tiny, seed 1: its status is 'failed'" in result.output


def test_the_json_has_everything(call, tmp_path):
    path = tmp_path / "deep" / "out.json"
    options = ("--json", str(path), "--cached", "--device", "cpu", "--tolerance", "1e-4")
    result, asked = call([VerifiedTrial("tiny", 0, (EXACT, WRONG), ("p",))], *options, problems=("q",))
    assert result.exit_code == 1
    assert asked == [(Path("RUN"), "cpu", True, 1e-4)]
    content = json.loads(path.read_text())
    assert (content["agrees"], content["problems"], content["cached"], content["tolerance"]) == (
        False,
        ["q"],
        True,
        1e-4,
    )
    trial = content["trials"][0]
    assert (trial["plugin"], trial["seed"], trial["agrees"], trial["problems"]) == ("tiny", 0, False, ["p"])
    assert trial["metrics"]["fid"] == {
        "stored": 12.5, "recomputed": 12.5, "agreement": "exact", "difference": 0.0, "parts": [],
    }  # fmt: skip
    assert len(trial["metrics"]["modes"]["parts"]) == 9


@pytest.mark.parametrize("tolerance", ["-1e-6", "1", "nan"])
def test_a_tolerance_that_makes_no_sense_is_refused(call, tolerance):
    result, asked = call([], "--tolerance", tolerance)
    assert isinstance(result.exception, UsageError)
    assert asked == []


def test_a_json_path_that_is_a_folder_is_refused_before_the_work(call, tmp_path):
    result, asked = call([], "--json", str(tmp_path))
    assert isinstance(result.exception, UsageError)
    assert asked == []


def test_a_folder_without_a_run_ends_with_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ganbench", "verify", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "no run here" in done.stderr
    assert "Traceback" not in done.stderr


def invoke(*arguments):
    return CliRunner().invoke(app, ["protocols", *arguments], env={"COLUMNS": "160"})


def test_all_protocols_are_listed():
    assert all(name in invoke().output for name in PROTOCOLS)
    assert [item["name"] for item in json.loads(invoke("--json").output)] == list(PROTOCOLS)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_one_protocol_is_shown_in_three_forms(name):
    assert PROTOCOLS[name].title in invoke(name).output
    assert json.loads(invoke(name, "--json").output)["is_splits"] == PROTOCOLS[name].is_splits
    assert invoke(name, "--markdown").output == protocol_page(PROTOCOLS[name])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("nobody-v1",), UnknownNameError),
        (("--markdown",), UsageError),
        (("vtgan-2019", "--json", "--markdown"), UsageError),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, error):
    assert isinstance(invoke(*arguments).exception, error)
