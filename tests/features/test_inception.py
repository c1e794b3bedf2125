"""The Inception against torch-fidelity's own, with random weights in the published files' forms."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganbench.errors import WeightsError
from ganbench.features import builtin, inception
from ganbench.features.inception import Inception, inception_trunk, load_inception


class Blank(FeatureExtractorInceptionV3):
    """torch-fidelity's network as initialised, without a weights file."""

    def load_state_dict(self, *args, **kwargs):
        """Keep what was drawn."""


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """torch-fidelity's network with random weights that keep activations of order 1."""
    nothing = tmp_path_factory.mktemp("nothing") / "empty.pth"
    torch.save({}, nothing)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Blank("peer", ["2048", "logits_unbiased", "logits"], feature_extractor_weights_path=str(nothing))
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if isinstance(module, nn.BatchNorm2d):
                module.bias.normal_(0, 0.1)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def full_file(peer, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "full.pth"
    torch.save(peer.state_dict(), path)
    return path


@pytest.fixture
def only(monkeypatch, full_file):
    """Call with the names of the weights that are here: inception, inception-trunk, both or none."""
    layers, _ = inception.read_full_file(full_file)

    def make_present(*names):
        def find(name):
            return full_file if name in names else None

        for module in (inception, builtin):
            monkeypatch.setattr(module, "find_weights", find)
        monkeypatch.setattr(inception, "require_weights", lambda name: Path("trunk"))
        monkeypatch.setattr(inception, "load_inception_trunk", lambda path: layers)

    make_present("inception")
    return make_present


def pictures(n=2, size=32, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("size", [32, 299])
def test_features_and_logits_are_torch_fidelitys(only, peer, size):
    images = pictures(size=size)
    features, logits = Inception("cpu")(images)
    expected, expected_logits, _ = peer(images)
    assert features.shape == (2, 2048)
    assert expected.std() > 0.1  # the comparison means something
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-4)


def half_pixel_bilinear(images):
    return (F.interpolate(images.float(), (299, 299), mode="bilinear", align_corners=False) - 128) / 128


def pixels_from_minus_one_to_one(images):
    return Inception("cpu").prepare(images) * 128 / 127.5 + 0.5 / 127.5


@pytest.mark.parametrize("wrong", [half_pixel_bilinear, pixels_from_minus_one_to_one])
def test_wrong_inputs_are_told_apart(only, wrong):
    extractor, images = Inception("cpu"), pictures()
    with torch.no_grad():
        other = extractor._trunk(wrong(images)).mean(dim=(2, 3))
    assert (other - extractor(images)[0]).abs().max() > 1e-3


def test_wrong_epsilon_is_told_apart(only, monkeypatch):
    images = pictures()
    right = Inception("cpu")(images)[0]
    monkeypatch.setattr(inception, "_EPSILON", 1e-5)  # PyTorch's default
    assert (Inception("cpu")(images)[0] - right).abs().max() > 1e-4


def test_wrong_pooling_is_told_apart(only, monkeypatch):
    extractor, images = Inception("cpu"), pictures()
    right = extractor(images)[0]
    monkeypatch.setattr(F, "avg_pool2d", partial(_with_padding, F.avg_pool2d))  # torchvision's counts the padding
    assert (extractor(images)[0] - right).abs().max() > 1e-3


def _with_padding(pool, *args, count_include_pad, **kwargs):
    return pool(*args, count_include_pad=not count_include_pad, **kwargs)


def test_both_files_give_one_identity_and_equal_features(only):
    images = pictures()
    full = Inception("cpu")
    only("inception-trunk")
    trunk = Inception("cpu")
    assert trunk.identity == full.identity
    assert torch.equal(trunk(images)[0], full(images)[0])
    assert (full.has_logits, trunk.has_logits) == (True, False)
    assert trunk(images)[1] is None


def test_the_identity_changes_with_a_single_weight_and_with_the_resize(only):
    layers, _ = load_inception()
    before = inception.trunk_sha256(layers)
    changed = [layer._replace(mean=layer.mean.clone()) for layer in layers]
    changed[93].mean[0] += 1e-3
    assert inception.trunk_sha256(changed) != before
    names = ["inception", "inception-clean", "inception-friendly"]
    identities = [Inception("cpu", name).identity for name in names]
    assert {identity.weights_sha256 for identity in identities} == {before}
    assert len({identity.resize for identity in identities}) == 3
    assert [identity.name for identity in identities] == names


@pytest.mark.parametrize(
    ("name", "resampling", "centre", "scale"),
    [
        ("inception-clean", Image.Resampling.BICUBIC, 128, 128),
        ("inception-friendly", Image.Resampling.BILINEAR, 127.5, 127.5),
    ],
)
def test_inputs_of_the_variants_are_pillows(only, name, resampling, centre, scale):
    images = pictures(size=48)
    channels = [Image.fromarray(channel.numpy().astype(np.float32)) for channel in images.flatten(0, 1)]
    resized = np.stack([np.asarray(channel.resize((299, 299), resampling)) for channel in channels]).clip(0, 255)
    expected = ((resized - centre) / scale).reshape(2, 3, 299, 299)
    np.testing.assert_allclose(Inception("cpu", name).prepare(images).numpy(), expected, rtol=0, atol=1e-6)


def test_only_the_friendly_variant_has_biased_logits(only, peer):
    images = pictures(size=299)  # no resize: the variants differ in pixel range and bias alone
    _, unbiased, biased = peer(images)
    torch.testing.assert_close(Inception("cpu", "inception-clean")(images)[1], unbiased, rtol=1e-4, atol=1e-4)
    features, logits = Inception("cpu", "inception-friendly")(images)
    torch.testing.assert_close(logits, peer.fc(features), rtol=1e-4, atol=1e-4)
    assert (logits - features @ peer.fc.weight.T).abs().max() > 1e-3
    assert (biased - unbiased).abs().max() > 1e-3


def test_grey_counts_as_three_equal_channels_and_batches_do_not_matter(only):
    extractor, grey = Inception("cpu"), pictures(3, channels=1)
    together = extractor(grey)[0]
    torch.testing.assert_close(together, extractor(grey.repeat(1, 3, 1, 1))[0], rtol=0, atol=0)
    alone = torch.cat([extractor(image[None])[0] for image in grey])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_building_it_leaves_the_global_generator_alone(only):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    Inception("cpu")
    assert torch.equal(torch.rand(1), expected)


def test_a_network_with_a_gamma_is_not_tensorflows(only, peer, full_file):
    state = peer.state_dict() | {"Mixed_5b.branch1x1.bn.weight": torch.full((64,), 0.9)}
    path = full_file.with_name("gamma.pth")
    torch.save(state, path)
    with pytest.raises(WeightsError, match="gamma"):
        inception.read_full_file(path)


def test_a_wrong_number_of_layers_is_refused(only):
    layers, _ = load_inception()
    with pytest.raises(ValueError, match="shorter"):
        inception_trunk(layers[:-1])


def test_what_is_missing_is_said_with_the_commands(only):
    info = {info.name: info for info in builtin.ganbench_extractors()}["inception"]
    assert (info.missing(), info.logits_missing()) == (None, None)
    only("inception-trunk")
    assert info.missing() is None
    assert "`ganbench weights fetch inception`" in info.logits_missing()
    only()
    assert "`ganbench weights fetch inception-trunk`" in info.missing()
    assert info.logits_missing() is None
    with pytest.raises(WeightsError, match="ganbench weights fetch inception"):
        info.load("cpu")
