"""Weight files are found by name, form and checksum, and what is missing is said with the remedy."""

import hashlib
import subprocess
import sys

import pytest

from ganbench.errors import UnknownNameError, WeightsError
from ganbench.features import weight_table
from ganbench.features.weight_table import WEIGHTS, Form, WeightFile
from ganbench.features.weights import find_weights, locate_weights, missing_weights, require_weights, weights_folder

FULL, SMALL = b"some weights, all of them", b"some weights"


def form(content, *files, **more):
    return Form(files[0], files, hashlib.sha256(content).hexdigest(), len(content), **more)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    forms = form(FULL, "net.pth", "other-net.pth", url="https://x/net"), form(SMALL, "small.ckpt", cache_folder="~/own")
    entry = WeightFile("net", "A net", "tests", "MIT", "", forms)
    monkeypatch.setattr(weight_table, "WEIGHTS", {"net": entry})
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "chosen"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for made in ("chosen", "torch/hub/checkpoints", "home/own"):
        (tmp_path / made).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("place", ["chosen/net.pth", "chosen/other-net.pth", "torch/hub/checkpoints/net.pth"])
def test_a_file_is_found_in_either_folder_under_either_name(folder, place):
    (folder / place).write_bytes(FULL)
    assert find_weights("net") == require_weights("net") == folder / place
    assert missing_weights("net") is None


@pytest.mark.parametrize("place", ["chosen/small.ckpt", "home/own/small.ckpt"])
def test_another_form_will_do_and_is_told_apart(folder, place):
    (folder / place).write_bytes(SMALL)
    assert locate_weights("net").form.kind == "small.ckpt"
    (folder / "torch/hub/checkpoints/net.pth").write_bytes(FULL)
    assert locate_weights("net").form.kind == "net.pth"  # the table's order decides, not the folder's


def test_the_chosen_folder_comes_before_torch_hub(folder):
    for place in ("torch/hub/checkpoints/net.pth", "chosen/net.pth"):
        (folder / place).write_bytes(FULL)
    assert find_weights("net") == folder / "chosen/net.pth"


def test_absent_weights_are_named_with_both_commands(folder):
    with pytest.raises(WeightsError) as caught:
        require_weights("net")
    for part in ("'net'", "A net", "ganbench weights fetch net", "ganbench weights import", "net.pth"):
        assert part in str(caught.value)


@pytest.mark.parametrize("damage", [FULL[:-1], FULL[:-1] + b"?"], ids=["cut", "changed"])
def test_a_damaged_file_is_not_taken_and_a_repaired_one_is(folder, damage):
    path = folder / "chosen/net.pth"
    path.write_bytes(damage)
    assert find_weights("net") is None
    assert f"{path} has another checksum" in (missing_weights("net") or "")
    path.write_bytes(FULL)
    assert find_weights("net") == path


def test_an_unknown_name_suggests_a_known_one():
    with pytest.raises(UnknownNameError, match="Did you mean alexnet"):
        find_weights("alexnett")


def test_files_are_kept_in_the_users_cache_unless_the_environment_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("GANBENCH_WEIGHTS", raising=False)
    assert weights_folder().parts[-2:] == ("ganbench", "weights")
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path


def test_every_form_can_be_had_from_somewhere_and_is_known_by_a_full_hash_and_its_own_size():
    forms = [(weight.name, form) for weight in WEIGHTS.values() for form in weight.forms]
    for name, each in forms:
        assert each.url or each.archive, name
        assert len(each.sha256) == 64 and int(each.sha256, 16), name
        assert bool(each.archive) == bool(each.member), name
    assert len({each.size for _, each in forms}) == len(forms)  # import tells files apart by size before it hashes
    assert len({each.files[0] for _, each in forms}) == len(forms)


@pytest.mark.parametrize("name", ["inception", "alexnet", "vgg16"])
def test_hashes_agree_with_the_digits_in_the_publishers_file_names(name):
    first = WEIGHTS[name].forms[0]
    assert all(file.removesuffix(".pth").endswith(f"-{first.sha256[:8]}") for file in first.files)


def test_addresses_and_hashes_agree_with_the_libraries_that_publish_them():
    clip = pytest.importorskip("torch_fidelity.feature_extractor_clip")
    inception = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    models = pytest.importorskip("torchvision.models")
    assert WEIGHTS["clip"].forms[0].url == clip.MODEL_URLS["clip-vit-l-14-336px"]
    assert WEIGHTS["clip"].forms[0].sha256 == clip.MODEL_METADATA["clip-vit-l-14-336px"]["hash"]
    assert WEIGHTS["inception"].forms[0].url == inception.URL_INCEPTION_V3
    for name, weights in (("alexnet", models.AlexNet_Weights), ("vgg16", models.VGG16_Weights)):
        assert WEIGHTS[name].forms[0].url == weights.IMAGENET1K_V1.url
        assert round(WEIGHTS[name].forms[0].size / 2**20, 3) == weights.IMAGENET1K_V1.meta["_file_size"]


def test_asking_for_weights_imports_no_torch():
    code = (
        "import sys; from ganbench.features.weights import missing_weights; "
        "missing_weights('clip'); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
