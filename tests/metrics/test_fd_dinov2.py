"""FD-DINOv2 is the Fréchet distance of its own extractor's features, by that name."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from ganbench.metrics.fd_dinov2 import FD_DINOV2
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.types import FeatureSet, ImageSet

RNG = np.random.default_rng(0)
FEATURES = {
    "samples": RNG.normal(size=(300, 24)).astype(np.float32) @ RNG.normal(size=(24, 24)).astype(np.float32),
    "reference": RNG.normal(size=(250, 24)).astype(np.float32) + 0.5,
}


def inputs():
    sets = {name: ImageSet(name, np.zeros((len(x), 8, 8, 3), np.uint8)) for name, x in FEATURES.items()}
    images = ImageInputs(sets["samples"], sets["reference"], sets["reference"])
    return MetricInputs(images, lambda source: FeatureSet(FEATURES[source.name]))


def test_agrees_with_the_matrix_root_of_full_rank_covariances():
    a, b = (FEATURES[name].astype(np.float64) for name in ("samples", "reference"))
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real  # full rank: here SciPy's root is sound
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    result = FD_DINOV2.compute(inputs())
    assert result.value == pytest.approx(expected, rel=1e-6)
    assert (result.num_samples, result.num_reference) == (300, 250)
    assert result.ci95[0] < result.value < result.ci95[1]


def test_is_never_computed_on_another_extractor_nor_called_fid():
    assert FD_DINOV2.extractor == "dinov2"
    assert FD_DINOV2.title == "FD-DINOv2"
