"""The built-in extractors: what they say of themselves, and that the offline one computes what its network does."""

import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F

from ganbench.features.builtin import ganbench_extractors
from ganbench.features.weights import require_weights

INFOS = {info.name: info for info in ganbench_extractors()}


@pytest.fixture(scope="module")
def efficientnet():
    return INFOS["efficientnet-lite0"].load("cpu")


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (3, 3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_only_inception_is_canonical():
    assert [name for name, info in INFOS.items() if info.canonical] == ["inception"]


def test_names_are_unique_and_each_record_is_complete():
    assert len(INFOS) == 6
    for info in INFOS.values():
        assert info.resize
        assert info.paper.startswith("https://")


def test_listing_them_needs_no_torch():
    code = (
        "import sys; from ganbench.features.builtin import EXTRACTORS\n"
        "[(info.missing(), info.logits_missing()) for info in EXTRACTORS]\n"
        "assert not {'torch', 'timm', 'torch_fidelity', 'lpips'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("size", [28, 96, 130])
def test_efficientnet_agrees_with_timms_plain_forward_pass(efficientnet, size):
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (3, 3, size, size), dtype=torch.uint8, generator=generator)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    stored = torch.load(require_weights("efficientnet-lite0"), weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
    pixels = (F.interpolate(images.float(), (96, 96), mode="bilinear", antialias=True) - 127) / 128
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(pixels), pre_logits=True)
        expected_logits = network(pixels)
    features, logits = efficientnet(images)
    assert features.shape == (3, INFOS["efficientnet-lite0"].feature_dim)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-4)


def test_efficientnet_has_no_batch_norm_left(efficientnet):
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in efficientnet._network.modules())


def test_grey_counts_as_equal_channels(efficientnet, images):
    grey = images[:, :1]
    torch.testing.assert_close(efficientnet(grey)[0], efficientnet(grey.repeat(1, 3, 1, 1))[0], rtol=0, atol=0)


def test_features_do_not_depend_on_the_batch(efficientnet, images):
    alone = torch.cat([efficientnet(image[None])[0] for image in images])
    torch.testing.assert_close(efficientnet(images)[0], alone, rtol=1e-4, atol=1e-4)


def test_loading_leaves_the_global_generator_alone(efficientnet):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    INFOS["efficientnet-lite0"].load("cpu")
    assert torch.equal(torch.rand(1), expected)


def test_identity_has_checksum_and_resize(efficientnet):
    identity = efficientnet.identity
    assert identity.weights_sha256.startswith("57934424")
    assert len(identity.weights_sha256) == 64
    assert "96" in identity.resize


def test_a_smooth_picture_is_far_from_noise(efficientnet):
    ramp = torch.arange(28, dtype=torch.uint8).mul(9).expand(1, 3, 28, 28)
    noise = torch.randint(0, 256, (2, 3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    a, b, c = (efficientnet(x)[0].numpy() for x in (ramp, noise[:1], noise[1:]))
    assert np.linalg.norm(a - b) > 2 * np.linalg.norm(b - c)
