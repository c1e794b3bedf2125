"""The control that shows half of the classes: which it keeps, and on which data it stands."""

import numpy as np
import pytest
import torch
from ganbench_plugins import half

from ganbench.errors import UsageError
from ganbench.run.plan import RunRequest, plan_run
from ganbench.types import Batch, DataSpec


def images(num, seed=0):
    pixels = torch.randint(0, 256, (num, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
    return pixels / 127.5 - 1


def rows(samples):
    return {tuple(sample.flatten().tolist()) for sample in samples}


@pytest.mark.parametrize(("num_classes", "num_kept"), [(2, 1), (3, 2), (10, 5)])
def test_it_replays_all_images_of_the_first_half_of_the_classes_and_no_other(num_classes, num_kept):
    gan = half.ganbench_build(DataSpec("image", 1, 8, num_classes=num_classes), {"capacity": 100})
    real, labels = images(30), torch.arange(30) % num_classes
    stream = iter([Batch(real[:15], labels[:15]), Batch(real[15:], labels[15:]), Batch(real[:15], labels[:15])])
    for step in range(3):
        assert half.ganbench_train(gan, stream, step) == {}
    samples = half.ganbench_sample(gan, torch.linspace(-1, 1, 500)[:, None], None)
    assert rows(samples) == rows(real[labels < num_kept])


def test_it_keeps_no_more_than_its_capacity():
    gan = half.ganbench_build(DataSpec("image", 1, 8, num_classes=2), {"capacity": 4})
    half.ganbench_train(gan, iter([Batch(images(20), torch.arange(20) % 2)]), 0)
    samples = half.ganbench_sample(gan, torch.linspace(-1, 1, 100)[:, None], None)
    assert rows(samples) == rows(images(20)[:8:2])


@pytest.fixture
def plain(tmp_path):
    """A dataset with so many classes, or without labels."""

    def save(num_classes):
        arrays = {"images": np.random.default_rng(0).integers(0, 256, (40, 32, 32, 1), dtype=np.uint8)}
        if num_classes:
            arrays["labels"] = np.arange(40) % num_classes
        np.savez(tmp_path / "data.npz", **arrays)
        return f"npz:{tmp_path / 'data.npz'}"

    return save


@pytest.mark.parametrize(("num_classes", "there"), [(0, False), (1, False), (2, True)])
def test_it_stands_on_the_board_of_data_with_classes_only(plain, num_classes, there):
    plan = plan_run(RunRequest(plugins=("dcgan",), dataset=plain(num_classes)))
    controls = ("noise", "memorizer", *(["half"] if there else []))
    assert plan.plugins == (*controls, "dcgan")
    assert plan.benchmark.controls == controls
    assert plan.run.configuration["benchmark"]["controls"] == list(controls)
    assert ("half" in plan.run.configuration["plugins"]) == there


def test_as_a_model_it_is_refused_where_there_are_no_classes(plain):
    with pytest.raises(UsageError, match=r"'half' needs labels of 2 classes or more; .* has none"):
        plan_run(RunRequest(plugins=("dcgan", "half"), dataset=plain(0)))


def test_a_wrong_option_of_a_control_is_refused_not_left_out(plain):
    with pytest.raises(UsageError, match="capacity"):
        plan_run(RunRequest(plugins=("dcgan",), dataset=plain(2), assignments=("half.capacity=0",)))
