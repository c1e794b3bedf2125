"""Each way of resizing against the library that defined it, and against the ways it is often confused with."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms.v2.functional as TF
from PIL import Image
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from ganbench.features import resizers
from ganbench.features.resizers import antialiased, pillow_bicubic, tf1_bilinear

SHAPES = [(1, 1), (28, 28), (32, 32), (64, 48), (256, 256), (300, 298), (299, 299), (400, 310)]
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def pictures(shape, channels=3, n=2, seed=0):
    """uint8 [N, C, H, W], channels-last in memory, as the host hands them over."""
    images = np.random.default_rng(seed).integers(0, 256, (n, *shape, channels), dtype=np.uint8)
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def pillow_floats(images, size, mode):
    """Pillow's resize of each channel as a float image: what clean-fid's and StudioGAN's resizers do."""
    channels = [Image.fromarray(channel.numpy().astype(np.float32)) for channel in images.flatten(0, 1)]
    resized = [np.asarray(channel.resize((size, size), FILTERS[mode])) for channel in channels]
    return np.stack(resized).reshape(*images.shape[:2], size, size).clip(0, 255)


@pytest.mark.parametrize("shape", SHAPES)
def test_tf1_bilinear_is_torch_fidelitys_bit_for_bit(shape):
    images = pictures(shape)
    expected = interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=(299, 299), align_corners=False)
    assert torch.equal(tf1_bilinear(images, 299), expected)


@pytest.mark.parametrize("wrong", [{"align_corners": False}, {"align_corners": True}, {"antialias": True}])
def test_pytorchs_bilinear_is_not_tf1s(wrong):
    images = pictures((32, 32))
    other = F.interpolate(images.float(), (299, 299), mode="bilinear", **wrong)
    assert (other - tf1_bilinear(images, 299)).abs().max() > 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_antialiased_is_pillows_on_floats_to_one_rounding(shape, mode):
    images = pictures(shape)
    expected = pillow_floats(images, 299, mode)
    np.testing.assert_allclose(antialiased(images, 299, mode).numpy(), expected, rtol=0, atol=4e-5)


def test_antialiased_bicubic_agrees_with_clean_fid_itself():
    resize = pytest.importorskip("cleanfid.resize").build_resizer("clean")
    images = pictures((32, 45))
    expected = np.stack([resize(image.permute(1, 2, 0).numpy()) for image in images]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(antialiased(images, 299, "bicubic").numpy(), expected, rtol=0, atol=4e-5)


def rounded_to_grey_levels(images):
    return TF.resize(images, [299, 299], TF.InterpolationMode.BICUBIC, antialias=True).float()


def not_antialiased(images):
    return F.interpolate(images.float(), (299, 299), mode="bicubic", align_corners=False).clamp(0, 255)


def not_clipped(images):
    return F.interpolate(images.float(), (299, 299), mode="bicubic", align_corners=False, antialias=True)


@pytest.mark.parametrize("wrong", [rounded_to_grey_levels, not_antialiased, not_clipped])
def test_wrong_bicubics_are_told_apart(wrong):
    images = pictures((400, 310))
    assert np.abs(wrong(images).numpy() - pillow_floats(images, 299, "bicubic")).max() > 0.1


def test_size_of_the_network_is_left_alone():
    images = pictures((299, 299))
    for resized in (tf1_bilinear(images, 299), antialiased(images, 299, "bicubic")):
        assert resized.dtype == torch.float32
        assert torch.equal(resized, images.float())
        resized.zero_()  # a new tensor: the images stay as they are
    assert images.any()


@pytest.mark.parametrize("shape", [(28, 28), (40, 64), (300, 224)])
def test_pillow_bicubic_stretches_as_torchvision_does_with_pillow(shape):
    images = pictures(shape)
    pillow = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    resized = [TF.resize(image, [224, 224], TF.InterpolationMode.BICUBIC) for image in pillow]
    expected = torch.stack([TF.pil_to_tensor(image) for image in resized])
    assert torch.equal(pillow_bicubic(images, 224), expected)


@pytest.mark.parametrize("shape", [(40, 64), (65, 40)])
def test_pillow_bicubic_crops_the_central_square(shape):
    images = pictures(shape)
    side = min(shape)
    top, left = ((length - side) // 2 for length in shape)
    square = images[:, :, top : top + side, left : left + side]
    assert torch.equal(pillow_bicubic(images, 96, crop=True), pillow_bicubic(square, 96))
    assert not torch.equal(pillow_bicubic(images, 96, crop=True), pillow_bicubic(images, 96))


@pytest.mark.parametrize("resize", [tf1_bilinear, lambda x, n: antialiased(x, n, "bilinear"), pillow_bicubic])
def test_channels_do_not_mix_and_a_flat_image_stays_flat(resize):
    images = pictures((20, 31), channels=3)
    alone = torch.cat([resize(images[:, c : c + 1], 64) for c in range(3)], dim=1)
    assert torch.equal(resize(images, 64), alone)
    flat = torch.full((1, 1, 9, 9), 77, dtype=torch.uint8)
    assert (resize(flat, 64).float() - 77).abs().max() < 1e-4


RESIZES = [tf1_bilinear, partial(antialiased, mode="bicubic"), partial(antialiased, mode="bilinear")]


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("num_bytes", [1, 200_000])
def test_pieces_give_the_same_bits_as_the_whole_batch(resize, channels, num_bytes, monkeypatch):
    images = pictures((70, 50), channels, n=7)
    whole = resize(images, 99)
    monkeypatch.setattr(resizers, "PIECE_BYTES", num_bytes)
    assert torch.equal(resize(images, 99), whole)


@pytest.mark.parametrize(("resize", "num_bytes"), [(RESIZES[0], 4), (RESIZES[1], 8)])
def test_large_batches_are_widened_a_piece_at_a_time(resize, num_bytes, monkeypatch):
    sizes = []
    for name in ("_tf1_bilinear", "_antialiased"):
        inner = getattr(resizers, name)
        wrapped = lambda images, inner=inner, **how: sizes.append(len(images)) or inner(images, **how)  # noqa: E731
        monkeypatch.setattr(resizers, name, wrapped)
    monkeypatch.setattr(resizers, "PIECE_BYTES", 3 * num_bytes * 3 * 40 * 40)
    assert resize(pictures((40, 40), n=8), 20).shape == (8, 3, 20, 20)
    assert sizes == [3, 3, 2]


def test_tf1_bilinear_copies_no_number_from_the_host(monkeypatch):
    monkeypatch.setattr(torch, "tensor", lambda *_, **__: pytest.fail("a tensor was made on the host"))
    assert tf1_bilinear(pictures((32, 32)), 299).shape[2:] == (299, 299)
