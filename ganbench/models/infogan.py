"""What InfoGAN (Chen 2016, arXiv:1606.03657) adds to a GAN: codes in the latent, and a network that reads them off.

The networks follow the paper's MNIST table and the authors' code (github.com/openai/InfoGAN): 28 px and width 64 give
the table. Other resolutions double and halve more often, other widths scale every layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.models.init import normal_init_
from ganbench.models.layers import feature_maps, upsampling_plan
from ganbench.models.losses import NonSaturating, Terms, class_cross_entropy
from ganbench.models.style import Style
from ganbench.types import DataSpec

Reading = tuple[Tensor, Tensor, Tensor]  # source logits [N], category logits [N, K], means of the continuous codes


class Codes(NamedTuple):
    """One categorical code, int64 [N], and continuous codes in (-1, 1), float32 [N, num_continuous]."""

    categories: Tensor
    continuous: Tensor


@dataclass(frozen=True)
class CodeSizes:
    """How a latent is divided: [num_categories | num_continuous | noise]."""

    num_categories: int
    num_continuous: int

    @property
    def num_coordinates(self) -> int:
        """Length of the part of the latent that the codes are computed from."""
        return self.num_categories + self.num_continuous

    def of(self, latents: Tensor) -> Codes:
        """The codes of latents [N, D] from N(0, I), computed so that they have the distributions that the paper draws.

        The largest of K normals is each of them equally often, so its place is the category; 2Φ(x) - 1 with Φ the
        normal distribution function is uniform on (-1, 1).
        """
        categorical, continuous, _ = self._split(latents)
        return Codes(categorical.argmax(1), torch.erf(continuous / math.sqrt(2)))

    def encode(self, latents: Tensor) -> Tensor:
        """Latents [N, D] with the codes in place of what they are computed from: [one-hot | continuous | noise]."""
        codes = self.of(latents)
        one_hot = F.one_hot(codes.categories, self.num_categories)
        return torch.cat([one_hot.to(latents.dtype), codes.continuous, self._split(latents)[2]], dim=1)

    def _split(self, latents: Tensor) -> tuple[Tensor, ...]:
        rest = latents.shape[1] - self.num_coordinates
        return torch.split(latents, [self.num_categories, self.num_continuous, rest], dim=1)


class CodedGenerator(nn.Module):
    """Codes and noise → dense 16·width → dense to maps of 4x4 or 7x7 → transposed 4x4 convolutions of stride 2.

    Batch norm after every layer but the last; in dense layers it is over units, as in the authors' code.
    """

    def __init__(self, spec: DataSpec, sizes: CodeSizes, latent_dim: int, width: int, style: Style) -> None:
        super().__init__()
        self.sizes = sizes
        base, num_doublings = upsampling_plan(spec.resolution)
        maps = feature_maps(width, num_doublings)[::-1]
        layers = [
            *_dense(latent_dim, 16 * width, style),
            *_dense(16 * width, maps[0] * base**2, style),
            nn.Flatten(),
            nn.Unflatten(1, (maps[0], base, base)),
        ]
        for coarse, fine in pairwise(maps):
            layers += style.normed(nn.ConvTranspose2d(coarse, fine, 4, 2, 1, bias=False), fine)
        layers += [nn.ConvTranspose2d(maps[-1], spec.channels, 4, 2, 1), *style.output()]
        self.layers = normal_init_(nn.Sequential(*layers))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [N, latent_dim] from N(0, I) → images [N, C, H, W]."""
        images: Tensor = self.layers(self.sizes.encode(latents))
        return images


class ReadingDiscriminator(nn.Module):
    """4x4 convolutions of stride 2 → dense 16·width, shared by the source head and by Q, which reads the codes off.

    Q: dense 2·width, batch norm, activation, then logits of the category and means of the continuous codes. No batch
    norm on the first convolution and on either output.
    """

    def __init__(self, spec: DataSpec, sizes: CodeSizes, width: int, style: Style) -> None:
        super().__init__()
        self.sizes = sizes
        base, num_halvings = upsampling_plan(spec.resolution)
        maps = feature_maps(width, num_halvings)
        layers = [*style.input(), *style.activated(nn.Conv2d(spec.channels, maps[0], 4, 2, 1))]
        for fine, coarse in pairwise(maps):
            layers += style.normed(nn.Conv2d(fine, coarse, 4, 2, 1, bias=False), coarse)
        self.trunk = nn.Sequential(*layers, *_dense(maps[-1] * base**2, 16 * width, style), nn.Flatten())
        self.source_head = nn.Linear(16 * width, 1)
        reading = nn.Linear(2 * width, sizes.num_coordinates)
        self.code_head = nn.Sequential(*_dense(16 * width, 2 * width, style), nn.Flatten(), reading)
        style.finished(normal_init_(self))

    def forward(self, images: Tensor) -> Reading:
        """Images [N, C, H, W] → source logits [N], category logits [N, K], means [N, num_continuous]."""
        features = self.trunk(images)
        category_logits, means = self.code_head(features).tensor_split([self.sizes.num_categories], dim=1)
        return self.source_head(features).squeeze(1), category_logits, means


def _dense(inputs: int, units: int, style: Style) -> list[nn.Module]:
    """[N, inputs] or maps of as many values → [N, units, 1, 1], normalised and activated."""
    return [nn.Flatten(), nn.Linear(inputs, units, bias=False), *style.normed(nn.Unflatten(1, (units, 1, 1)), units)]


@dataclass(frozen=True)
class InformationMaximizing:
    """The game of InfoGAN: both networks also minimise -E log Q(c | G(z, c)), the codes' error on fakes.

    `adversarial` acts on the source. Terms are already weighted: "category" by `categorical_weight`, "continuous" by
    `continuous_weight`. Real samples have no known codes, hence no such terms.
    """

    adversarial: NonSaturating
    categorical_weight: float = 1.0
    continuous_weight: float = 1.0

    def real(self, output: Reading, labels: object) -> Terms:
        """The source term alone."""
        return self.adversarial.real(output[0], labels)

    def fake(self, output: Reading, labels: Codes) -> Terms:
        """Source and code terms."""
        return {**self.adversarial.fake(output[0], labels), **self._codes(output, labels)}

    def generator(self, output: Reading, labels: Codes) -> Terms:
        """Source and code terms."""
        return {**self.adversarial.generator(output[0], labels), **self._codes(output, labels)}

    def logits(self, output: Reading) -> Tensor:
        """The source logits."""
        return output[0]

    def _codes(self, output: Reading, codes: Codes) -> Terms:
        _, category_logits, means = output
        return {
            "category": self.categorical_weight * class_cross_entropy(category_logits, codes.categories),
            "continuous": self.continuous_weight * gaussian_nll(means, codes.continuous),
        }


def gaussian_nll(means: Tensor, values: Tensor) -> Tensor:
    """Mean over samples of Σ_j (v_j - μ_j)²/2 + log(2π)/2, for variance 1; both [N, J]; 0-d float32."""
    squares = (values.float() - means.float()).square()
    return (squares + math.log(2 * math.pi)).sum(1).mean() / 2
