"""Samples depend on seed and index alone; interpolation and class shares are what they claim."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganbench.run import sampling
from ganbench.run.sampling import (
    INTERPOLATION_COLUMNS,
    INTERPOLATION_ROWS,
    Sampler,
    interpolation,
    proportional_labels,
    slerp,
)
from ganbench.seeding import seed_everything


@pytest.fixture
def gan(make_variant, spec):
    seed_everything(0)
    return make_variant().build_gan(spec, {}).train()


def test_the_batch_size_changes_no_sample(gan, make_variant, spec, monkeypatch):
    sampler = Sampler(make_variant(), gan, spec, seed=4)
    whole = sampler.images(250, None)
    monkeypatch.setattr(sampling, "BATCH_SIZE", 7)
    small = sampler.images(250, None).astype(int)
    assert whole.shape == (250, 8, 8, 1)
    assert whole.dtype == np.uint8
    assert np.abs(whole - small).max() <= 1  # a rounding of the matrix product may fall on the edge of a level
    assert np.mean(whole != small) < 1e-3
    assert not np.array_equal(whole, Sampler(make_variant(), gan, spec, seed=5).images(250, None))


def test_the_first_samples_do_not_depend_on_how_many_are_drawn(gan, make_variant, spec):
    sampler = Sampler(make_variant(), gan, spec, seed=4)
    assert np.array_equal(sampler.images(300, None)[:100], sampler.images(100, None))


def test_sampling_changes_neither_mode_nor_weights_nor_random_numbers(gan, make_variant, spec):
    def noisy(gan, latents, labels):
        assert not gan.training
        assert not torch.is_grad_enabled()
        return gan.generator(latents) + 0.01 * torch.randn(len(latents), 1, 8, 8)

    before = {name: value.clone() for name, value in gan.generator.state_dict().items()}
    seed_everything(1)
    expected = torch.rand(3)
    seed_everything(1)
    sampler = Sampler(make_variant(ganbench_sample=noisy), gan, spec, seed=4)
    first = sampler.images(150, None)
    assert torch.equal(torch.rand(3), expected)
    assert gan.training
    assert all(torch.equal(value, before[name]) for name, value in gan.generator.state_dict().items())
    assert np.array_equal(first, sampler.images(150, None))  # the plugin's own noise is seeded too


def test_a_module_kept_in_evaluation_mode_stays_there(gan, make_variant, spec):
    gan.discriminator.eval()
    Sampler(make_variant(), gan, spec, seed=4).images(3, None)
    assert gan.generator.training
    assert not gan.discriminator.training


def test_labels_reach_a_conditional_plugin_only(gan, spec, make_variant):
    seen = []

    def sample(gan, latents, labels):
        seen.append(labels)
        return gan.generator(latents)

    Sampler(make_variant(ganbench_sample=sample), gan, spec, 0).images(4, np.arange(4))
    assert seen == [None]


def test_slerp_keeps_ends_and_length():
    start, end = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    path = slerp(start, end, torch.tensor([0.0, 0.5, 1.0]))
    assert torch.allclose(path, torch.tensor([[2.0, 0.0], [2**0.5, 2**0.5], [0.0, 2.0]]), atol=1e-6)
    random = torch.randn(2, 64)
    lengths = slerp(random[0], random[1], torch.linspace(0, 1, 11)).norm(dim=1)
    assert torch.allclose(lengths, torch.lerp(random[0].norm(), random[1].norm(), torch.linspace(0, 1, 11)), atol=1e-4)
    same = slerp(random[0], random[0], torch.tensor([0.3]))
    assert torch.allclose(same[0], random[0], atol=1e-5)


def test_an_interpolation_row_runs_from_one_sample_to_another(gan, make_variant, spec):
    sampler = Sampler(make_variant(), gan, spec, seed=4)
    strip = interpolation(sampler, None)
    assert len(strip) == INTERPOLATION_ROWS * INTERPOLATION_COLUMNS
    ends = sampler.generate(sampler.latents(range(2)), None)
    assert torch.allclose(strip[0], ends[0], atol=1e-5)
    assert torch.allclose(strip[INTERPOLATION_COLUMNS - 1], ends[1], atol=1e-5)


@given(
    num_samples=st.integers(1, 500),
    shares=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=12).filter(lambda shares: sum(shares) > 0.1),
)
def test_labels_have_the_asked_shares(num_samples, shares):
    shares = np.array(shares)
    labels = proportional_labels(num_samples, shares)
    counts = np.bincount(labels, minlength=len(shares))
    assert counts.sum() == num_samples
    assert np.all(np.abs(counts - shares / shares.sum() * num_samples) < 1 + 1e-6)


def test_equal_shares_come_interleaved():
    assert proportional_labels(6, np.ones(3)).tolist() == [0, 1, 2, 0, 1, 2]
