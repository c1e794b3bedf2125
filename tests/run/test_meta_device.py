"""A training step on torch's `meta` device: nothing is created on the CPU and nothing is read back."""

import numpy as np
import pytest
import torch

from ganbench.data.batches import BatchStream
from ganbench.registry import load_registry
from ganbench.run.training import prepare
from ganbench.types import DataSpec

REGISTRY = load_registry()
IMAGES = np.zeros((32, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(32) % 10
SPEC = DataSpec("image", channels=3, resolution=32, num_classes=10)


@pytest.mark.parametrize("name", sorted(REGISTRY.variants))
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_whole_step_with_augmentation_stays_on_the_device(name, precision):
    variant, device = REGISTRY.variant(name), torch.device("meta")
    with device:
        gan = variant.build_gan(SPEC, variant.info.options)
    gan = prepare(gan, device).train()
    stream = BatchStream(IMAGES, LABELS, batch_size=16, seed=0, device=device, augment=("flip", "rotate", "crop"))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        outputs = variant.train_step(gan, stream, 0)
    assert all(value.device == device for value in outputs.values())
    assert all(parameter.device == device for parameter in gan.parameters())
