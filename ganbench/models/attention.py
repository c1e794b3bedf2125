"""Self-attention on feature maps (Zhang 2019, arXiv:1805.08318, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """y = γ·o + x, where every place of the maps x looks at all others.

    With 1x1 convolutions f, g, h, v without biases: β_{j,i} = softmax over i of f(x_i)ᵀg(x_j), not divided by a root,
    and o_j = v(Σ_i β_{j,i} h(x_i)). γ, one number, begins at 0, so that the layer begins as the identity; until γ has
    moved, the four convolutions have no gradient. f and g have C/8 maps as in the paper, h has C/2 as in the authors'
    code (the paper's C/8 would narrow v further). That code also halves the maps that f and h see by max pooling, to
    save memory; the paper does not, nor is it done here.
    """

    def __init__(self, num_maps: int) -> None:
        super().__init__()
        narrow, middle = max(1, num_maps // 8), max(1, num_maps // 2)
        self.keys = nn.Conv2d(num_maps, narrow, 1, bias=False)  # f
        self.queries = nn.Conv2d(num_maps, narrow, 1, bias=False)  # g
        self.values = nn.Conv2d(num_maps, middle, 1, bias=False)  # h
        self.output = nn.Conv2d(middle, num_maps, 1, bias=False)  # v
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        queries, keys, values = (_places(layer(features)) for layer in (self.queries, self.keys, self.values))
        seen = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)  # [N, 1, H·W, C/2]
        seen = seen.squeeze(1).mT.reshape(len(features), -1, *features.shape[2:])  # [N, C/2, H, W]
        attended: Tensor = self.output(seen)
        return features + self.gamma * attended


def attention_level(resolution: int, base: int) -> int:
    """After how many doublings from `base` to `resolution` maps attend: at half the resolution, but at most 32 pixels.

    At 128 px the paper finds attention best on maps of 32 pixels (its table 1); smaller images follow.
    """
    level = 0
    while base << (level + 1) <= min(32, resolution // 2):
        level += 1
    return level


def _places(maps: Tensor) -> Tensor:
    """[N, C, H, W] → [N, 1, H·W, C]: one head, one row for each place."""
    return maps.flatten(2).mT.unsqueeze(1)
