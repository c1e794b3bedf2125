"""`auto` prefers the canonical extractor and says which one it took and why."""

import hashlib

import pytest

from ganbench.errors import UnknownNameError, WeightsError
from ganbench.features import choose_extractor, weight_table
from ganbench.features.builtin import missing_inception
from ganbench.features.weight_table import Form, WeightFile
from ganbench.types import ExtractorInfo


def infos(canonical_lacks=None, offline_lacks=None, no_logits=None):
    def info(name, lack, canonical):
        return ExtractorInfo(
            name,
            name,
            load=lambda device: None,
            missing=lambda: lack,
            feature_dim=8,
            canonical=canonical,
            logits_missing=lambda: no_logits,
        )

    return [info("inception", canonical_lacks, True), info("efficientnet-lite0", offline_lacks, False)]


def test_auto_takes_the_canonical_one_where_its_weights_are_present():
    info, reason = choose_extractor("auto", infos())
    assert info.name == "inception"
    assert "canonical" in reason


def test_auto_takes_the_canonical_one_with_its_trunk_alone_and_says_what_is_missing():
    info, reason = choose_extractor("auto", infos(no_logits="no class layer: fetch it"))
    assert info.name == "inception"
    assert reason.endswith("no class layer: fetch it")


def test_auto_falls_back_and_names_the_commands_for_canonical_numbers():
    info, reason = choose_extractor("auto", infos(canonical_lacks="no file x.pth: get it from y"))
    assert info.name == "efficientnet-lite0"
    assert reason == "efficientnet-lite0, since no file x.pth: get it from y"


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """An empty weights folder, and a table whose Inception files are toys."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    for name in ("inception", "inception-trunk"):
        forms = (Form("k", (f"{name}.pth",), hashlib.sha256(name.encode()).hexdigest(), len(name)),)
        table = weight_table.WEIGHTS | {name: WeightFile(name, name, "tests", "MIT", "", forms)}
        monkeypatch.setattr(weight_table, "WEIGHTS", table)
    return tmp_path


def test_auto_says_that_the_weights_are_absent(weights):
    assert "are not here" in missing_inception()
    assert "`ganbench weights fetch inception`" in missing_inception()
    assert "`ganbench weights fetch inception-trunk`" in missing_inception()


@pytest.mark.parametrize("name", ["inception", "inception-trunk"])
def test_auto_says_which_file_is_damaged(weights, name):
    """The right size and other content; the old reason was that the weights are not here."""
    (weights / f"{name}.pth").write_bytes(bytes(len(name)))
    info, reason = choose_extractor("auto", infos(canonical_lacks=missing_inception()))
    assert info.name == "efficientnet-lite0"
    assert f"{name}.pth has another checksum" in reason
    assert f"`ganbench weights fetch {name}`" in reason
    assert "not here" not in reason


def test_a_damaged_file_beside_a_whole_one_is_no_matter(weights):
    (weights / "inception.pth").write_bytes(b"damaged")
    (weights / "inception-trunk.pth").write_bytes(b"inception-trunk")
    assert missing_inception() is None


def test_a_named_one_is_taken_even_if_the_canonical_one_is_present():
    assert choose_extractor("efficientnet-lite0", infos())[0].name == "efficientnet-lite0"


@pytest.mark.parametrize("name", ["inception", "auto"])
def test_missing_weights_raise_with_the_remedy(name):
    with pytest.raises(WeightsError, match="get it there"):
        choose_extractor(name, infos("get it there", "get it there"))


def test_an_unknown_name_is_answered_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean inception"):
        choose_extractor("incepton", infos())


def test_auto_without_any_built_in_extractor_says_so():
    with pytest.raises(UnknownNameError):
        choose_extractor("auto", [])
