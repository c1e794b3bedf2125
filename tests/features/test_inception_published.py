"""Published numbers from the real weights: the examples in the documentation of torchmetrics.

Skipped where GANBENCH_WEIGHTS names no folder that `ganbench weights fetch inception-trunk` or `inception` has filled.
"""

import os

import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganbench.features.builtin import missing_inception
from ganbench.features.inception import Inception

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("published_weights")]
BATCH_SIZE = 20


@pytest.fixture
def published_weights(monkeypatch):
    """The folder that the user, or tox, names."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", os.environ["GANBENCH_PUBLISHED_WEIGHTS"])
    if missing_inception() is not None:
        pytest.skip("the Inception's weights are not on this machine")


class Blank(FeatureExtractorInceptionV3):
    """torch-fidelity's network as initialised: building it draws what the documented examples drew."""

    def load_state_dict(self, *args, **kwargs):
        """Keep what was drawn."""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The two sets of 100 images of the examples, and the global generator's state after drawing them."""
    nothing = tmp_path_factory.mktemp("nothing") / "empty.pth"
    torch.save({}, nothing)
    with torch.random.fork_rng():
        torch.manual_seed(123)
        Blank("example", ["2048"], feature_extractor_weights_path=str(nothing))
        real = torch.randint(0, 200, (100, 3, 299, 299), dtype=torch.uint8)
        fake = torch.randint(100, 255, (100, 3, 299, 299), dtype=torch.uint8)
        return real, fake, torch.get_rng_state()


def test_fid_of_the_64_features_after_the_first_pooling(example):
    extractor = Inception("cpu")

    def statistics(images):
        with torch.inference_mode():
            parts = [
                extractor._trunk[:4](extractor.prepare(batch)).mean(dim=(2, 3)) for batch in images.split(BATCH_SIZE)
            ]
        features = torch.cat(parts).double().numpy()
        return features.mean(axis=0), np.cov(features, rowvar=False)

    (mu, sigma), (other_mu, other_sigma) = (statistics(images) for images in example[:2])
    roots = np.sqrt(np.linalg.eigvals(sigma @ other_sigma).astype(complex)).real.sum()
    fid = ((mu - other_mu) ** 2).sum() + np.trace(sigma) + np.trace(other_sigma) - 2 * roots
    assert fid == pytest.approx(12.7202, abs=1e-4)


def test_kid_with_the_examples_own_draws(example):
    real, fake, state = example
    extractor = Inception("cpu")
    real, fake = (torch.cat([extractor(batch)[0] for batch in x.split(BATCH_SIZE)]).double() for x in (real, fake))
    with torch.random.fork_rng():
        torch.set_rng_state(state)
        distances = torch.stack(
            [_squared_mmd(real[torch.randperm(100)[:50]], fake[torch.randperm(100)[:50]]) for _ in range(100)]
        )
    assert float(distances.mean()) == pytest.approx(0.0337, abs=1e-4)
    assert float(distances.std(correction=0)) == pytest.approx(0.0023, abs=1e-4)


def _squared_mmd(x, y):
    """Unbiased, with the kernel (x·y / d + 1)³."""

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    n = len(x)
    within = sum((kernel(z, z).sum() - kernel(z, z).diagonal().sum()) / (n * (n - 1)) for z in (x, y))
    return within - 2 * kernel(x, y).mean()
