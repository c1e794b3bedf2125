"""How varied a model's samples are as it trains: two distances in pixels (or between points) over those of real data.

A small batch of samples is compared with itself. `diversity` is the mean distance between two samples,
`diversity_nearest` the mean distance of a sample to its nearest other one; each is divided by its mean over batches of
as many real training samples, so that 1 is as varied as the data and 0 is all alike. Either has a blind spot that the
other sees. Samples that repeat a few images, as those of a conditional generator that ignores its latents, are far
apart on average but have twins: the birthday paradox (Arora and Zhang 2018, arXiv:1706.08224) as a distance, so that
near copies count too. With n samples from k equally frequent images the second is about (1 - 1/k)^(n-1): 0.2 for 64
samples from 40 images, 0.53 from 100. Points in one of many modes need not have twins, but are close on average.

Euclidean distances, computed by differences, since the shortcut by products rounds those of twins to something else.
Images are clamped to [-1, 1] and averaged down to at most 32 pixels a side: that bounds the cost, and fine noise upon
the same image is no variety. Samples have the same latents and labels each time, so the curve shows the training alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganbench.data.pixels import to_float
from ganbench.run.sampling import Labels, Sampler
from ganbench.seeding import derive_seed
from ganbench.types import ImageSource, PointSet

DIVERSITY, NEAREST = "diversity", "diversity_nearest"  # in the history
NUM_SAMPLES = 64
NUM_REAL_BATCHES = 16
MAX_RESOLUTION = 32
LINES_PER_LOOK = 5  # lines of the history from one look to the next: costs well below 1 % of the training then


class DiversityMeter:
    """Compares samples of one model, all from the same latents, with real ones.

    Args:
        sampler: Of the model; its seed decides which latents and which real samples are taken.
        labels: int64, at least `NUM_SAMPLES`, for a conditional model.
        real: The training split. Where it has fewer than `NUM_SAMPLES`, as few samples are drawn.
    """

    def __init__(self, sampler: Sampler, labels: Labels | None, real: ImageSource | PointSet) -> None:
        self.sampler = sampler
        self.num_samples = min(NUM_SAMPLES, len(real))
        self._labels = None if labels is None else labels[: self.num_samples]
        self._device = sampler.gan.device
        self._latents = sampler.latents(range(self.num_samples)).to(self._device)
        self._real = self._real_spread(real) if self.num_samples >= 2 else None

    def __call__(self) -> Mapping[str, Tensor]:
        """`diversity` and `diversity_nearest` of the model as it is now: 0-d tensors on its device, not waited for.

        Training does not notice: see `ganbench.run.sampling.evaluation_mode`. NaN where real data do not differ.
        """
        if self._real is None:
            return {}
        samples = self.sampler.generate(self._latents, self._labels)
        ratios = spread(samples) / self._real
        return {DIVERSITY: ratios[0], NEAREST: ratios[1]}

    def _real_spread(self, real: ImageSource | PointSet) -> Tensor:
        rng = np.random.default_rng(derive_seed("diversity", "real", self.sampler.seed))
        num_batches = min(NUM_REAL_BATCHES, len(real) // self.num_samples)
        order = rng.permutation(len(real))[: num_batches * self.num_samples]
        spreads = []
        for indexes in np.split(order, num_batches):
            if isinstance(real, PointSet):
                batch = torch.from_numpy(real.points[indexes])
            else:
                batch = to_float(torch.from_numpy(real.take(indexes)).permute(0, 3, 1, 2))
            spreads.append(spread(batch))
        return torch.stack(spreads).mean(dim=0).to(self._device)


def spread(samples: Tensor) -> Tensor:
    """Mean distance between two of the samples and mean distance to the nearest other one, as float32 [2].

    Args:
        samples: Images float32 [N, C, H, W] in [-1, 1], or points [N, D]; N >= 2.
    """
    if samples.dim() == 4:
        samples = samples.clamp(-1.0, 1.0)
        if max(samples.shape[2:]) > MAX_RESOLUTION:
            samples = F.adaptive_avg_pool2d(samples, MAX_RESOLUTION)
    rows = samples.flatten(1)  # [N, D]
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")  # [N, N]
    num_samples = len(rows)
    mean = distances.sum() / (num_samples * (num_samples - 1))
    others = distances + torch.diag(torch.full_like(distances[0], torch.inf))
    return torch.stack([mean, others.amin(dim=1).mean()])
