"""Perceptual path length (PPL): how much the image changes when the latent moves a very small step.

Paper: Karras et al. 2019 (StyleGAN), arXiv:1812.04948, section 4.1. Reference code: NVlabs stylegan
`metrics/perceptual_path_length.py`; torch-fidelity `metric_ppl.py`.

For two latents and a place t between them, PPL is the mean of LPIPS(G(z(t)), G(z(t + ε))) / ε², with ε = 1e-4 and the
VGG16 trunk, without the pairs below the 1st and above the 99th percentile.

Choices. t is uniform on [0, 1] (the paper's "full" path; torch-fidelity takes t = 0). Normal latents are interpolated
on the sphere with their lengths kept (StyleGAN scales them to length 1 first, which its generator undoes), uniform ones
on the line; in float64. Images stay float32: rounded to uint8, as torch-fidelity does by default, a step of ε vanishes
or is a whole grey level. Generator and LPIPS compute in full float32 without TF32, in whose 10 bits of a number a step
of ε drowns. Images above 256 pixels are averaged down to 256, as StyleGAN does, and not to 64; no crop. Both ends of a
step have one label, drawn evenly, and must have the same noise where a generator draws noise of its own (a trial's
does: it is seeded by batch). 2,000 pairs: the standard error is then a few percent.

Interval: bootstrap of the pairs, trimmed anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.errors import WeightsError
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.metrics.image_inputs import Generator
    from ganbench.metrics.inputs import MetricInputs

EPSILON = 1e-4
NUM_PAIRS = 2000
MAX_RESOLUTION = 256
TRIMMED = (1, 99)  # percentiles
NUM_RESAMPLES = 1000
CI_METHOD = f"bootstrap: 2.5 and 97.5 percentiles of {NUM_RESAMPLES} resamples of the steps"
_BATCH_SIZE = 16  # VGG16 on 16 images of 256 pixels takes about 1 GB
Floats = npt.NDArray[np.float64]


def interpolate(a: Floats, b: Floats, t: Floats, latent: str) -> Floats:
    """The latent at place t [N] between a and b [N, D]: on the sphere for "normal" ones, else on the line."""
    along = t[:, None]
    line = a + (b - a) * along
    if latent != "normal":
        return np.asarray(line)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        angle = np.arccos(np.clip((a * b).sum(axis=1) / lengths, -1, 1))[:, None]
        sphere = (np.sin((1 - along) * angle) * a + np.sin(along * angle) * b) / np.sin(angle)
    parallel = ~(np.sin(angle) > 1e-7)  # there is no one great circle, or a latent is 0
    return np.where(parallel, line, sphere)


def step_distances(
    generator: Generator, distance: Callable[[Tensor, Tensor], Tensor], places: Floats, seed: int
) -> Floats:
    """LPIPS / ε² of one step for each of the `places` t [N] on paths between random latents, float64 [N].

    `distance(a, b)` takes float32 images [B, C, H, W] in [-1, 1].
    """
    import torch  # noqa: PLC0415  # heavy, and listing metrics works without it

    from ganbench.features.arithmetic import exact_arithmetic  # noqa: PLC0415  # torch only when used

    num_pairs = len(places)
    ends = generator.draw_latents(2 * num_pairs, seed).cpu().double().numpy()
    path = ends[:num_pairs], ends[num_pairs:]
    steps = [interpolate(*path, places + shift, generator.latent).astype(np.float32) for shift in (0, EPSILON)]
    labels = None
    if generator.num_classes is not None:
        labels = torch.from_numpy(np.random.default_rng(seed).integers(generator.num_classes, size=num_pairs))
    parts = []
    with torch.inference_mode(), exact_arithmetic():
        for start in range(0, num_pairs, _BATCH_SIZE):
            part = slice(start, start + _BATCH_SIZE)
            asked = None if labels is None else labels[part]
            images = [_shrunk(generator.sample(torch.from_numpy(latents[part]), asked)) for latents in steps]
            parts.append(distance(*images).flatten().double().cpu().numpy())
    return np.asarray(np.concatenate(parts) / EPSILON**2)


def trimmed_mean(values: Floats) -> float:
    """Mean of the values from the 1st to the 99th percentile, both rounded outwards to a value and included."""
    low = np.percentile(values, TRIMMED[0], method="lower")
    high = np.percentile(values, TRIMMED[1], method="higher")
    return float(values[(values >= low) & (values <= high)].mean())


def compute_ppl(inputs: MetricInputs) -> MetricResult:
    """PPL of the trial's generator."""
    from ganbench.features.lpips import LpipsDistance  # noqa: PLC0415  # torch only when used

    generator = inputs.images.generator
    if generator is None:
        raise MetricUnavailableError(
            "PPL walks through latents and needs a trained generator: evaluate a trial's folder"
        )
    try:
        lpips = LpipsDistance(inputs.images.device, trunk="vgg16")
    except WeightsError as error:
        raise MetricUnavailableError(str(error)) from error
    rng = np.random.default_rng(inputs.seed)
    distances = step_distances(generator, lpips.distance, rng.random(NUM_PAIRS), inputs.seed)
    resampled = [trimmed_mean(rng.choice(distances, NUM_PAIRS)) for _ in range(NUM_RESAMPLES)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    details: dict[str, Any] = {
        "num_pairs": NUM_PAIRS,
        "epsilon": EPSILON,
        "latent": generator.latent,
        "trunk": "vgg16",
        "mean_untrimmed": float(distances.mean()),
        "seed": inputs.seed,
    }
    return MetricResult(trimmed_mean(distances), (float(low), float(high)), CI_METHOD, NUM_PAIRS, None, details)


def _shrunk(images: Tensor) -> Tensor:
    """Images [B, C, H, W] with no side above 256, averaged down."""
    from torch.nn.functional import adaptive_avg_pool2d  # noqa: PLC0415  # heavy

    if max(images.shape[2:]) <= MAX_RESOLUTION:
        return images
    height, width = (min(side, MAX_RESOLUTION) for side in images.shape[2:])
    return adaptive_avg_pool2d(images, (height, width))


PPL = MetricInfo(
    id="ppl",
    title="PPL",
    compute=compute_ppl,
    higher_is_better=False,
    needs=("generator", "lpips-vgg16"),
    uses_extractor=False,
    default=False,
    description="How smoothly images change along paths between latents: the perceptual length of a very small step.",
    range="0 and up; 0 for a generator that ignores its latents",
    bounds=(0, None),
    interval="Draw of the paths (bootstrap of the steps), for this generator.",
    choices="The paper's full path with ε = 1e-4 in the latents' own space, LPIPS 0.1 with the VGG16 trunk at the "
    "images' size (256 at most), float images, 1st to 99th percentile, 2,000 steps.",
    cost="4,000 images generated and as many passes of VGG16: about a minute on one CPU core at 64 pixels or less, "
    "16 times that at 256.",
    limits="Says nothing of quality: a generator that shows one image has 0. Values depend on the latents' space and "
    "the image size: compare only models with the same kind of latents.",
    paper="https://arxiv.org/abs/1812.04948",
    reference_code="https://github.com/NVlabs/stylegan/blob/master/metrics/perceptual_path_length.py",
)
