"""A small variant with batch norm, dropout and optimisers with momentum: all that a resumed run must keep."""

import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ganbench import GAN, ModelInfo, adam, hookimpl
from ganbench.config import TrainingSection
from ganbench.data.batches import BatchStream
from ganbench.registry import Registry, Source
from ganbench.types import DataSpec

SIZE = 8


def small_networks(spec):
    generator = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, SIZE * SIZE), nn.Tanh())
    generator.append(nn.Unflatten(1, (spec.channels, SIZE, SIZE)))
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3))
    return generator, discriminator.append(nn.Linear(16, 1))


def ganbench_build(spec, options):
    generator, discriminator = small_networks(spec)
    optimizers = {"generator": adam(generator, 1e-3), "discriminator": adam(discriminator, 1e-3)}
    return GAN(generator, discriminator, latent_dim=4, optimizers=optimizers)


def ganbench_train(gan, batches, step):
    real = next(batches).real
    fake = gan.generator(gan.sample_latents(len(real)))
    real_logits, fake_logits = gan.discriminator(real), gan.discriminator(fake.detach())
    loss_d = (softplus(-real_logits) + softplus(fake_logits)).mean()
    gan.minimize("discriminator", loss_d)
    loss_g = softplus(-gan.discriminator(fake)).mean()
    gan.minimize("generator", loss_g)
    return {"loss_d": loss_d, "loss_g": loss_g, "real_logits": real_logits, "fake_logits": fake_logits}


def register(**replaced):
    """The variant of this file, some hooks replaced."""
    hooks = {
        "ganbench_model": lambda: ModelInfo(name="small", title="Small"),
        "ganbench_build": ganbench_build,
        "ganbench_train": ganbench_train,
        "ganbench_sample": lambda gan, latents, labels: gan.generator(latents),
    } | replaced
    module = types.ModuleType("small_plugin")
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    registry = Registry()
    assert registry.add(module, Source("small", "tests", "0")), registry.failures
    return registry.variant("small")


@pytest.fixture
def make_variant():
    return register


@pytest.fixture
def spec():
    return DataSpec("image", channels=1, resolution=SIZE)


@pytest.fixture
def make_stream():
    images = np.random.default_rng(0).integers(0, 256, (50, SIZE, SIZE, 1), dtype=np.uint8)

    def make(seed=1, device="cpu"):
        return BatchStream(images, None, batch_size=16, seed=seed, device=device, augment=("flip",))

    return make


@pytest.fixture
def make_settings():
    def make(budget="30steps", **changes):
        values = {"budget": budget, "batch_size": 16, "log_every_steps": 5, "heldout_every_steps": 10} | changes
        return TrainingSection(**values)

    return make


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
