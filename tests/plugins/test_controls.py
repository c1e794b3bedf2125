import math

import pytest
import torch
from ganbench_plugins import memorizer, noise

from ganbench.types import Batch, DataSpec

SPEC = DataSpec("image", 1, 8)
POINTS = DataSpec("points", dim=2)


def make_memorizer(spec=SPEC, capacity=10):
    return memorizer.ganbench_build(spec, {"capacity": capacity})


def images(num, seed=0):
    pixels = torch.randint(0, 256, (num, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
    return pixels / 127.5 - 1


def show(gan, real):
    assert memorizer.ganbench_train(gan, iter([Batch(real)]), 0) == {}


def replay(gan, num=400):
    return memorizer.ganbench_sample(gan, torch.linspace(-1, 1, num)[:, None], None)


def distinct(samples):
    return torch.unique(samples.flatten(1), dim=0)


def test_noise_samples_are_the_latents():
    for spec in (SPEC, POINTS):  # before any points were seen
        gan = noise.ganbench_build(spec, {})
        latents = gan.sample_latents(2000)
        samples = noise.ganbench_sample(gan, latents, None)
        assert samples.shape == (2000, *spec.shape)
        assert torch.equal(samples.flatten(1), latents)
        assert -1 <= samples.min() < -0.99 < 0.99 < samples.max() <= 1
        assert samples.var().item() == pytest.approx(1 / 3, rel=0.05)


def test_noise_uses_up_one_batch_and_has_no_state():
    gan = noise.ganbench_build(SPEC, {})
    batches = iter([Batch(images(2)), Batch(images(2))])
    assert noise.ganbench_train(gan, batches, 0) == {}
    assert len(list(batches)) == 1
    assert gan.latent_dim == math.prod(SPEC.shape)
    assert not list(gan.parameters())


def test_noise_of_points_fills_the_box_of_those_it_saw():
    gan = noise.ganbench_build(POINTS, {})
    for seen in ([[1.0, 5.0], [2.0, 9.0]], [[4.0, 6.0], [3.0, 7.0]]):
        noise.ganbench_train(gan, iter([Batch(torch.tensor(seen))]), 0)
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.5]])
    assert noise.ganbench_sample(gan, corners, None).tolist() == [[1, 5], [4, 9], [2.5, 8]]
    resumed = noise.ganbench_build(POINTS, {})
    resumed.load_state_dict(gan.state_dict())
    assert torch.equal(noise.ganbench_sample(resumed, corners, None), noise.ganbench_sample(gan, corners, None))


def test_memorizer_replays_exactly_what_it_saw():
    gan = make_memorizer()
    real = images(7)
    show(gan, real)
    assert torch.equal(distinct(replay(gan)), distinct(real))  # to the bit, and all of them: it is partly full


def test_memorizer_without_a_memory_is_black():
    assert torch.equal(replay(make_memorizer(), 3), torch.full((3, 1, 8, 8), -1.0))


def test_memorizer_keeps_each_image_once():
    gan = make_memorizer()
    real = images(4)
    show(gan, torch.cat([real, real[:2]]))  # an epoch may end within a batch
    show(gan, real)
    assert gan.generator.count == 4
    show(gan, torch.cat([real, images(3, seed=1)]))
    assert gan.generator.count == 7
    assert torch.equal(distinct(replay(gan)), distinct(torch.cat([real, images(3, seed=1)])))


def test_memorizer_stops_at_its_capacity():
    gan = make_memorizer(capacity=5)
    show(gan, images(3))
    show(gan, images(9, seed=1))
    show(gan, images(9, seed=2))
    assert gan.generator.count == 5
    assert torch.equal(distinct(replay(gan)), distinct(torch.cat([images(3), images(9, seed=1)[:2]])))


def test_memorizer_draws_each_image_equally_often():
    gan = make_memorizer()
    show(gan, images(8))
    _, counts = torch.unique(replay(gan, 8001).flatten(1), dim=0, return_counts=True)
    assert counts.min() >= 999
    assert counts.max() <= 1002


def test_memorizer_holds_points():
    gan = make_memorizer(POINTS)
    points = torch.randn(6, 2) * 4
    show(gan, points)
    show(gan, points)
    assert torch.equal(distinct(replay(gan)), distinct(points))
    assert gan.generator.count == 6


def test_memorizers_state_holds_its_memory():
    gan, other = make_memorizer(), make_memorizer()
    show(gan, images(4))
    other.load_state_dict(gan.state_dict())
    assert torch.equal(replay(gan), replay(other))
    show(other, images(4))  # known: the hash was loaded too
    assert other.generator.count == 4
