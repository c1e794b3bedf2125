"""DINOv2 and CLIP from small random weights in the published files' forms: same keys, dtypes and containers."""

import socket
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision.transforms as T
from PIL import Image
from timm.layers import resample_abs_pos_embed
from torch import nn
from torch_fidelity.feature_extractor_clip import CLIPVisual, FeatureExtractorCLIP, convert_weights

from ganbench.errors import WeightsError
from ganbench.features import clip, dinov2
from ganbench.features.builtin import ganbench_extractors
from ganbench.features.clip import Clip
from ganbench.features.dinov2 import DinoV2, resample_positions

INFOS = {info.name: info for info in ganbench_extractors()}
WIDTH, DEPTH = 128, 2  # two heads of 64


def pictures(shape, channels=3, n=2):
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (n, channels, *shape), dtype=np.uint8))


def as_pillow(images):
    return [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]


@pytest.fixture
def offline(monkeypatch):
    """Any use of the network fails."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(torch.hub, "load", refuse)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)


def dinov2_state(seed=0):
    """Meta's keys; the position embeddings are for 37 x 37 patches, as in the published file."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator) * 0.1

    state = {"cls_token": draw(1, 1, WIDTH), "pos_embed": draw(1, 1 + 37 * 37, WIDTH), "mask_token": draw(1, WIDTH)}
    state |= {"patch_embed.proj.weight": draw(WIDTH, 3, 14, 14), "patch_embed.proj.bias": draw(WIDTH)}
    for block in (f"blocks.{i}." for i in range(DEPTH)):
        for name, out, width in (
            ("attn.qkv", 3 * WIDTH, WIDTH),
            ("attn.proj", WIDTH, WIDTH),
            ("mlp.fc1", 4 * WIDTH, WIDTH),
            ("mlp.fc2", WIDTH, 4 * WIDTH),
        ):
            state |= {f"{block}{name}.weight": draw(out, width), f"{block}{name}.bias": draw(out)}
        for name in ("norm1", "norm2"):
            state |= {f"{block}{name}.weight": 1 + draw(WIDTH), f"{block}{name}.bias": draw(WIDTH)}
        state |= {f"{block}{name}.gamma": 1 + draw(WIDTH) for name in ("ls1", "ls2")}
    return state | {"norm.weight": 1 + draw(WIDTH), "norm.bias": draw(WIDTH)}


def dinov2_forward(state, pixels, positions):
    """The paper's network written out: class token after the last norm."""
    x = F.conv2d(pixels, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14)
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], dim=1) + positions

    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    for block in (f"blocks.{i}" for i in range(DEPTH)):
        q, k, v = (
            part.unflatten(2, (-1, 64)).transpose(1, 2)
            for part in linear(norm(x, f"{block}.norm1"), f"{block}.attn.qkv").chunk(3, dim=2)
        )
        attended = ((q @ k.transpose(2, 3)) / 8).softmax(dim=3) @ v
        x = x + state[f"{block}.ls1.gamma"] * linear(attended.transpose(1, 2).flatten(2), f"{block}.attn.proj")
        hidden = F.gelu(linear(norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
        x = x + state[f"{block}.ls2.gamma"] * linear(hidden, f"{block}.mlp.fc2")
    return norm(x, "norm")[:, 0]


@pytest.fixture
def dino(tmp_path, monkeypatch, offline):
    state = dinov2_state()
    path = tmp_path / "dinov2_vitl14_pretrain.pth"
    torch.save(state, path)
    monkeypatch.setattr(dinov2, "require_weights", lambda name: path)
    return DinoV2("cpu"), state


@pytest.mark.parametrize("shape", [(32, 32), (40, 64), (300, 224)])
def test_dinov2s_input_is_torchvisions_of_pillow_images(dino, shape):
    transform = T.Compose(
        [
            T.Resize((224, 224), T.InterpolationMode.BICUBIC),
            T.ToTensor(),
            T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    images = pictures(shape)
    expected = torch.stack([transform(image) for image in as_pillow(images)])
    torch.testing.assert_close(dino[0].prepare(images), expected, rtol=0, atol=1e-6)


def test_dinov2_computes_its_paper(dino):
    extractor, state = dino
    images = pictures((32, 32))
    features, logits = extractor(images)
    expected = dinov2_forward(state, extractor.prepare(images), resample_positions(state["pos_embed"], 16))
    assert logits is None
    assert features.shape == (2, WIDTH)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
    assert not extractor.has_logits
    assert "224px" in extractor.identity.resize


def test_dinov2_with_timms_positions_would_be_another_network(dino):
    extractor, state = dino
    images = pictures((32, 32))
    wrong = resample_abs_pos_embed(state["pos_embed"], [16, 16], num_prefix_tokens=1)
    other = dinov2_forward(state, extractor.prepare(images), wrong)
    assert (other - extractor(images)[0]).abs().max() > 1e-2


def test_positions_keep_their_token_and_turn_no_axis():
    """A ramp down the rows stays one, and another across the columns."""
    ramp = torch.arange(37.0)
    planes = torch.stack([ramp[:, None].expand(37, 37), ramp.expand(37, 37)])
    embedding = torch.cat([torch.full((1, 1, 2), 5.0), planes.flatten(1).T[None]], dim=1)
    token, patches = resample_positions(embedding, 16).split([1, 256], dim=1)
    down, across = patches.reshape(16, 16, 2).unbind(dim=2)
    assert (token == 5).all()
    torch.testing.assert_close(down, across.T)
    assert (down.diff(dim=0)[1:-1] > 2).all()
    assert down.diff(dim=1).abs().max() < 1e-4
    assert resample_positions(embedding, 37) is embedding


class Archive(CLIPVisual):
    """Image and text sides as in OpenAI's file: half precision but for embeddings and norms."""

    def __init__(self):
        super().__init__(
            embed_dim=48, image_resolution=56, vision_layers=DEPTH, vision_width=WIDTH, vision_patch_size=14
        )
        self.transformer = nn.Linear(4, 4)  # the text side, by a name of its own
        self.positional_embedding = nn.Parameter(torch.randn(77, 4))
        self.text_projection = nn.Parameter(torch.randn(4, 48))
        self.logit_scale = nn.Parameter(torch.ones([]))

    def forward(self, x):
        return x


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        archive = Archive().eval()
    convert_weights(archive)
    archive.visual.proj.data = archive.visual.proj.data.half()
    path = tmp_path_factory.mktemp("clip") / "ViT-L-14-336px.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated, but that is the published format
        torch.jit.save(torch.jit.trace(archive, torch.zeros(1)), path)
    return path


@pytest.fixture
def clip_extractor(clip_file, monkeypatch, offline):
    monkeypatch.setattr(clip, "require_weights", lambda name: clip_file)
    return Clip("cpu")


@pytest.mark.parametrize("shape", [(32, 32), (40, 64), (90, 61)])
def test_clips_input_is_the_central_square_resized_by_pillow(clip_extractor, shape):
    transform = T.Compose(
        [
            T.CenterCrop(min(shape)),
            T.Resize((56, 56), T.InterpolationMode.BICUBIC),
            T.ToTensor(),
            T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ]
    )
    images = pictures(shape)
    expected = torch.stack([transform(image) for image in as_pillow(images)])
    torch.testing.assert_close(clip_extractor.prepare(images), expected, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.load:FutureWarning")  # torch-fidelity's own loading
def test_clips_embedding_is_torch_fidelitys_scaled_to_length_one(clip_extractor, clip_file):
    peer = FeatureExtractorCLIP("clip-vit-l-14-336px", ["clip"], feature_extractor_weights_path=str(clip_file))
    images = pictures((32, 32))
    with torch.no_grad():
        expected = peer.model.visual(clip_extractor.prepare(images))
    features, logits = clip_extractor(images)
    assert logits is None
    assert features.shape == (2, 48)
    torch.testing.assert_close(features, expected / expected.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
    assert not clip_extractor.has_logits
    assert clip_extractor.identity.resize.startswith("56px")


@pytest.mark.parametrize("name", ["dino", "clip_extractor"])
def test_grey_counts_as_three_equal_channels(request, name):
    loaded = request.getfixturevalue(name)
    extractor = loaded[0] if name == "dino" else loaded
    grey = pictures((28, 28), channels=1)
    torch.testing.assert_close(extractor(grey)[0], extractor(grey.repeat(1, 3, 1, 1))[0], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["dinov2", "clip"])
def test_without_weights_the_remedy_is_named_and_nothing_is_downloaded(name, tmp_path, monkeypatch, offline):
    for variable in ("GANBENCH_WEIGHTS", "GANBENCH_CACHE", "TORCH_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert f"ganbench weights fetch {name}" in INFOS[name].missing()
    assert "no classes" in INFOS[name].logits_missing()
    with pytest.raises(WeightsError, match=f"ganbench weights fetch {name}"):
        INFOS[name].load("cpu")
