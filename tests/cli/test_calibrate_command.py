"""The command: what it prints, what it refuses, where it goes on."""

import pytest
from typer.testing import CliRunner

from ganbench.cli import main
from ganbench.cli.app import app
from ganbench.cli.calibrate_command import _duration
from ganbench.results.calibration import MEASUREMENTS_FILE

POINTS = ("calibrate", "--dataset", "ring8", "-n", "300,400", "--seeds", "3", "--repetitions", "5", "--faults", "drop")


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command as the user does; gives the exit code and all that it printed."""

    def start(*arguments):
        monkeypatch.setattr("sys.argv", ["ganbench", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return stop.value.code, printed.out + printed.err

    return start


def test_points_end_to_end(call, tmp_path):
    out = tmp_path / "ring"
    code, text = call(*POINTS, "--out", out)
    assert code == 0
    assert "seen from, n = 300" in text
    assert "seen from, n = 400" in text
    assert "modes, 1 dropped class, n = 300: the interval held 7 in" in text
    assert str(out / "index.html") in text
    before = (out / MEASUREMENTS_FILE).read_bytes()
    assert call(*POINTS, "--out", out)[0] == 0
    assert (out / MEASUREMENTS_FILE).read_bytes() == before
    code, text = call(*POINTS, "--metrics", "modes", "--out", out)
    assert code == 2
    assert "another configuration" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-n", "many"), "--num-samples many: expected whole numbers"),
        (("--seeds", ""), "--seeds is empty"),
        (("--faults", "dorp"), "unknown fault 'dorp'. Did you mean drop"),
        (("--metrics", "fid"), "metric 'fid' is not for points"),
        (("-n", "90000"), "Ask for fewer samples"),
    ],
)
def test_wrong_uses_are_told_with_a_remedy(call, tmp_path, arguments, message):
    code, text = call("calibrate", "--dataset", "ring8", *arguments, "--out", tmp_path / "out")
    assert code == 2
    assert message in text


def test_the_help_names_every_fault():
    from ganbench.run.faults import FAULTS

    text = CliRunner().invoke(app, ["calibrate", "--help"], terminal_width=200).output
    assert all(name in text for name in FAULTS)


def test_durations():
    assert _duration(59.9) == "0:59"
    assert _duration(3723) == "1:02:03"
