"""Latent arithmetic on class means, as a strip: arithmetic.npz and arithmetic.json.

Paper: Radford et al. 2016, arXiv:1511.06434, section 6.3.2, who average the latents of three faces that show something
and add and subtract such means. Here the classes are found by the benchmark's classifier, so an unconditional model is
needed: of a conditional one, the class is no part of the latent. Deliberate difference: a mean of many latents is short
and a generator has learnt from long ones only, so each mean, and what comes out, is brought to the mean length of the
drawn latents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ganbench.data.pixels import to_uint8
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.results.store import ARITHMETIC_FILE, ARITHMETIC_TABLE, write_arrays, write_json
from ganbench.run.sampling import Progress, Sampler
from ganbench.types import ImageSet

NUM_LATENTS, MAX_MEMBERS, MIN_MEMBERS = 2000, 100, 10
MAX_ROWS = 5
RULE = (
    f"Of {NUM_LATENTS:,} samples, the latents of the {MAX_MEMBERS} (or fewer) that the classifier is surest of are "
    "averaged for each class; means, and a - b + c of them, are brought to the mean length of the latents. a, b and c "
    f"are the classes with the most samples, in turn: up to {MAX_ROWS} of them with at least {MIN_MEMBERS} samples."
)


def write_arithmetic(folder: Path, sampler: Sampler, images: ImageInputs, progress: Progress) -> None:
    """Write both files, unless the samples show fewer than three classes often enough.

    Raises MetricUnavailableError where there is no classifier.
    """
    classifier, names = images.classifier, images.class_names
    drawn = ImageSet("latent arithmetic", sampler.images(NUM_LATENTS, None, progress))
    latents = sampler.latents(range(NUM_LATENTS))
    means = class_means(latents, classifier.probabilities(drawn))
    triples = class_triples(list(means))
    if not triples:
        return
    path = torch.cat([arithmetic_row(means, triple, mean_length(latents)) for triple in triples])
    rows = [[*(names[i] for i in triple), "{} - {} + {}".format(*(names[i] for i in triple))] for triple in triples]
    write_arrays(folder / ARITHMETIC_FILE, {"images": to_uint8(sampler.generate(path, None))})
    write_json(folder / ARITHMETIC_TABLE, {"rule": RULE, "rows": rows})


def class_means(latents: Tensor, probabilities: npt.NDArray[np.float32]) -> dict[int, Tensor]:
    """Mean latents [D] by class, the class with the most samples first; latents [N, D], probabilities [N, K]."""
    seen, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    counts = np.bincount(seen, minlength=probabilities.shape[1])
    means = {}
    for label in np.argsort(-counts, kind="stable"):
        if counts[label] >= MIN_MEMBERS:
            members = np.flatnonzero(seen == label)
            chosen = members[np.argsort(-surest[members], kind="stable")[:MAX_MEMBERS]]
            means[int(label)] = with_length(latents[torch.from_numpy(chosen)].mean(dim=0), mean_length(latents))
    return means


def class_triples(classes: Sequence[int]) -> list[tuple[int, int, int]]:
    """(a, b, c) in turn round the first 5 of `classes`: 3 rows of 3 classes, 5 of 5 or more, none below 3."""
    chosen = classes[:MAX_ROWS]
    if len(chosen) < 3:
        return []
    turned = [[*chosen[i:], *chosen[:i]] for i in range(len(chosen))]
    return [(a, b, c) for a, b, c, *_ in turned]


def arithmetic_row(means: Mapping[int, Tensor], triple: tuple[int, int, int], length: Tensor) -> Tensor:
    """Latents [4, D] of a, b, c and a - b + c."""
    a, b, c = (means[label] for label in triple)
    return torch.stack([a, b, c, with_length(a - b + c, length)])


def mean_length(latents: Tensor) -> Tensor:
    """Mean Euclidean length (0-d) of latents [N, D]."""
    length: Tensor = torch.linalg.vector_norm(latents, dim=1).mean()
    return length


def with_length(vector: Tensor, length: Tensor) -> Tensor:
    """`vector` [D] made as long as `length`; zero stays zero."""
    own: Tensor = torch.linalg.vector_norm(vector)
    return vector * (length / own.clamp_min(torch.finfo(vector.dtype).tiny))
