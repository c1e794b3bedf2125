"""Residual blocks of image GANs (Miyato 2018, arXiv:1802.05957, appendix B.4), and their conditional batch norm."""

from __future__ import annotations

from torch import Tensor, nn

from ganbench.models.growing import doubled, halved
from ganbench.models.style import Layer


class ConditionalBatchNorm(nn.Module):
    """Batch norm with a scale and a shift for each class (Dumoulin 2017, arXiv:1610.07629; de Vries 2017).

    All scales begin at 1, all shifts at 0. With `num_classes` None it is plain batch norm, blind to labels.
    """

    def __init__(self, num_maps: int, num_classes: int | None, momentum: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_maps, momentum=momentum, affine=num_classes is None)
        self.scales = self.shifts = None
        if num_classes is not None:
            self.scales, self.shifts = (nn.Embedding(num_classes, num_maps) for _ in range(2))
            nn.init.ones_(self.scales.weight)
            nn.init.zeros_(self.shifts.weight)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """[N, C, H, W], labels [N] → [N, C, H, W]."""
        normed: Tensor = self.norm(features)
        if self.scales is None or self.shifts is None:
            return normed
        scales, shifts = (each(labels)[:, :, None, None] for each in (self.scales, self.shifts))  # [N, C, 1, 1]
        styled: Tensor = normed * scales + shifts
        return styled


class UpBlock(nn.Module):
    """Norm, activation, doubling, 3x3; norm, activation, 3x3; plus a 1x1 convolution of the input, doubled.

    No biases: the norms, all but for the outermost sum, take out what they would add. The 1x1 convolution comes before
    the doubling, with which it commutes.
    """

    def __init__(
        self, in_maps: int, out_maps: int, activation: Layer, num_classes: int | None, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.first_norm = ConditionalBatchNorm(in_maps, num_classes, momentum)
        self.first = nn.Conv2d(in_maps, out_maps, 3, padding=1, bias=False)
        self.second_norm = ConditionalBatchNorm(out_maps, num_classes, momentum)
        self.second = nn.Conv2d(out_maps, out_maps, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(in_maps, out_maps, 1, bias=False)
        self.activation = activation()

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """[N, in_maps, H, W] → [N, out_maps, 2H, 2W]."""
        inner = self.first(doubled(self.activation(self.first_norm(features, labels))))
        inner = self.second(self.activation(self.second_norm(inner, labels)))
        summed: Tensor = inner + doubled(self.shortcut(features))
        return summed


class DownBlock(nn.Module):
    """Activation, 3x3, activation, 3x3, mean pooling; plus a 1x1 convolution of the input, pooled.

    Args:
        in_maps: Maps of the input.
        out_maps: Maps of the output.
        activation: Makes one.
        first: The input is an image: no activation before the first convolution.
        halving: Pool; without it, the size stays.
    """

    def __init__(
        self, in_maps: int, out_maps: int, activation: Layer, *, first: bool = False, halving: bool = True
    ) -> None:
        super().__init__()
        layers = [nn.Conv2d(in_maps, out_maps, 3, padding=1), activation(), nn.Conv2d(out_maps, out_maps, 3, padding=1)]
        self.inner = nn.Sequential(*([] if first else [activation()]), *layers)
        self.shortcut = nn.Conv2d(in_maps, out_maps, 1, bias=False) if halving or in_maps != out_maps else nn.Identity()
        self.times = int(halving)

    def forward(self, features: Tensor) -> Tensor:
        """[N, in_maps, H, W] → [N, out_maps, H/2, W/2], or [N, out_maps, H, W] without halving."""
        inner = self.inner(features.clone())  # activations work in place, and the shortcut needs the features too
        summed: Tensor = halved(inner, self.times) + self.shortcut(halved(features, self.times))
        return summed
