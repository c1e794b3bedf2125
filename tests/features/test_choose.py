"""`auto` prefers the canonical extractor and says which one it took and why."""

import pytest

from ganbench.errors import UnknownNameError, WeightsError
from ganbench.features import choose_extractor
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
    info, reason = choose_extractor("auto", infos(canonical_lacks="no file x.pth; get it from y"))
    assert info.name == "efficientnet-lite0"
    assert "since the weights of the canonical Inception are not here" in reason
    assert "`ganbench weights fetch inception`" in reason
    assert "inception-trunk" in reason


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
