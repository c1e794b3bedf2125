"""docs/calibration.md and the boards' summary come from one script, and agree with each other."""

import importlib.util
import re
from pathlib import Path

import pytest

from ganbench.registry import load_registry
from ganbench.report.calibration_page import gather
from ganbench.results.calibrated import stored_summaries
from ganbench.run.calibrate import calibrate
from ganbench.run.calibration_plan import CalibrationRequest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "calibration.md"
SCRIPT = ROOT / "benchmarks" / "calibration" / "page.py"


@pytest.fixture
def script(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("calibration_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAGE", tmp_path / "calibration.md")
    monkeypatch.setattr(module, "PICTURES", tmp_path / "calibration")
    monkeypatch.setattr(module, "SUMMARY", tmp_path / "calibrations.json")
    return module


def test_the_script_writes_page_pictures_and_summary(script, monkeypatch, tmp_path):
    request = CalibrationRequest(
        dataset="ring8", faults=("drop", "stray"), num_samples=(200,), num_seeds=(3,), repetitions=4,
        out=tmp_path / "ring",
    )  # fmt: skip
    calibrate(request, registry=load_registry(), device="cpu")
    monkeypatch.setattr("sys.argv", ["page.py", str(tmp_path / "ring")])
    script.main()
    text = (tmp_path / "calibration.md").read_text()
    assert "## ring8" in text
    assert "| Modes covered ↑ | 1 | " in text
    assert "seen from which size on, n = 200" in text
    assert "| modes | 1 dropped class | 7 | 200 | 4 |" in text
    for picture in re.findall(r"\]\((calibration/[^)]+)\)", text):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    assert '"data": "ring8"' in (tmp_path / "calibrations.json").read_text()
    assert "Unfinished" not in text
    calibration = gather(tmp_path / "ring")
    half = calibration.model_copy(update={"measured": []})
    assert "**Unfinished**: n = 200 is not measured yet." in script.section(half)


def test_the_page_in_the_docs_has_its_pictures_and_no_folder_of_anyone():
    text = PAGE.read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((calibration/[^)]+)\)", text)
    assert all((PAGE.parent / picture).is_file() for picture in pictures)
    assert not re.search(r"/(home|work|tmp|root|Users)/", text)


def test_boards_speak_of_what_the_page_shows():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n## {summary.data}\n" in text for summary in stored_summaries())
