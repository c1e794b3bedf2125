"""PPL in closed form for linear generators, against torch-fidelity, and with two wrong forms that must differ."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganbench.errors import WeightsError
from ganbench.features import lpips as lpips_module
from ganbench.metrics import path_length
from ganbench.metrics.image_inputs import Generator, ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.path_length import PPL, interpolate, step_distances, trimmed_mean
from ganbench.types import ImageSet, MetricUnavailableError

DIM, SIZE = 6, 4


def squared_distance(a, b):
    assert a.dtype == torch.float32
    return (a - b).double().square().mean(dim=(1, 2, 3))


def as_images(values):
    """Rows [N, 16] as images [N, 1, 4, 4]."""
    return values.reshape(-1, 1, SIZE, SIZE)


WEIGHTS = torch.randn(DIM, SIZE * SIZE, generator=torch.Generator().manual_seed(0)) / 10


def linear(latents, labels=None):
    assert labels is None
    return as_images(latents @ WEIGHTS)


def draw(latent):
    def draw_latents(n, seed):
        rng = np.random.RandomState(seed)
        values = rng.randn(n, DIM) if latent == "normal" else rng.rand(n, DIM) * 2 - 1
        return torch.from_numpy(values).float()

    return draw_latents


def toy(latent, sample=linear, num_classes=None):
    return Generator(sample, draw(latent), latent, num_classes)


def test_on_a_line_each_step_has_the_length_of_the_path():
    ends = draw("uniform")(400, 3).double()
    expected = ((ends[200:] - ends[:200]) @ WEIGHTS.double()).square().mean(dim=1)
    places = np.random.default_rng(0).random(200)
    assert np.allclose(step_distances(toy("uniform"), squared_distance, places, 3), expected, rtol=0.02, atol=1e-4)


def test_a_step_is_taken_at_its_place_on_the_path():
    """G(z) = z² has the speed 2 z(t) (b - a)."""

    def squares(latents, labels):
        return as_images(torch.nn.functional.pad(latents.square(), (0, SIZE * SIZE - DIM)))

    ends = draw("uniform")(400, 3).double().numpy()
    first, second = ends[:200], ends[200:]
    places = np.random.default_rng(0).random(200)
    speed = 2 * (first + (second - first) * places[:, None]) * (second - first)
    measured = step_distances(toy("uniform", squares), squared_distance, places, 3)
    assert np.allclose(measured, np.square(speed).sum(axis=1) / SIZE**2, rtol=0.02, atol=1e-3)


def test_on_the_sphere_a_step_has_the_length_of_its_arc():
    """Latents of length r at an angle w: the speed is r w everywhere, for a generator that keeps lengths."""
    radius = 2.5

    def on_sphere(n, seed):
        latents = draw("normal")(n, seed)
        return radius * latents / latents.norm(dim=1, keepdim=True)

    def padded(latents, labels):
        return as_images(torch.nn.functional.pad(latents, (0, SIZE * SIZE - DIM)))

    ends = on_sphere(400, 1).double()
    angles = torch.acos((ends[:200] * ends[200:]).sum(dim=1) / radius**2)
    expected = (radius * angles).square() / (SIZE * SIZE)
    generator = Generator(padded, on_sphere, "normal", None)
    measured = step_distances(generator, squared_distance, np.random.default_rng(0).random(200), 1)
    assert np.allclose(measured, expected, rtol=0.02)


def test_interpolation_meets_its_ends_and_keeps_lengths():
    rng = np.random.default_rng(0)
    a, b, t = rng.standard_normal((9, 5)), rng.standard_normal((9, 5)), rng.random(9)
    for latent in ("normal", "uniform"):
        assert np.allclose(interpolate(a, b, np.zeros(9), latent), a)
        assert np.allclose(interpolate(a, b, np.ones(9), latent), b)
    unit = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    assert np.allclose(np.linalg.norm(interpolate(*unit, t, "normal"), axis=1), 1)
    assert np.linalg.norm(interpolate(*unit, t, "uniform"), axis=1).max() < 1


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_parallel_opposite_and_zero_latents_go_along_the_line(factor):
    a = np.ones((1, 3))
    middle = interpolate(a, factor * a, np.array([0.25]), "normal")
    assert np.allclose(middle, a * (1 - 0.25 + 0.25 * factor))


class _TorchFidelity:
    """The same steps through torch-fidelity, with our toy generator and distance registered there.

    Untrimmed: its trimming names an argument of np.percentile that NumPy 2.4 no longer has.
    """

    @staticmethod
    def raw(latent, interpolation, num_pairs, seed):
        from torch_fidelity import GenerativeModelModuleWrapper, register_sample_similarity
        from torch_fidelity.metric_ppl import calculate_ppl
        from torch_fidelity.registry import SAMPLE_SIMILARITY_REGISTRY
        from torch_fidelity.sample_similarity_base import SampleSimilarityBase

        class Squared(SampleSimilarityBase):
            def __init__(self, name, **kwargs):
                super().__init__(name)

            def forward(self, in0, in1):
                return squared_distance(in0, in1)

        class Module(torch.nn.Module):
            def forward(self, latents):
                return linear(latents)

        if "ganbench-squared" not in SAMPLE_SIMILARITY_REGISTRY:
            register_sample_similarity("ganbench-squared", Squared)
        wrapped = GenerativeModelModuleWrapper(Module(), DIM, latent, 0, make_eval=True)
        return calculate_ppl(
            1, input1=wrapped, input1_model_num_samples=num_pairs, input1_model_z_size=DIM, rng_seed=seed, cuda=False,
            input1_model_z_type=latent, input1_model_num_classes=0, batch_size=50, verbose=False,
            ppl_z_interp_mode=interpolation, ppl_sample_similarity="ganbench-squared", ppl_reduction="none",
            ppl_sample_similarity_dtype="float32", ppl_discard_percentile_lower=None,
            ppl_discard_percentile_higher=None,
        )["perceptual_path_length_raw"]  # fmt: skip


@pytest.mark.parametrize(("latent", "interpolation"), [("normal", "slerp_any"), ("uniform_0_1", "lerp")])
def test_it_agrees_with_torch_fidelity_at_the_start_of_each_path(latent, interpolation):
    def draw_latents(n, seed):  # in torch-fidelity's order: all first ends, then all second ends
        rng = np.random.RandomState(seed)
        return torch.from_numpy(rng.randn(n, DIM) if latent == "normal" else rng.rand(n, DIM)).float()

    theirs = _TorchFidelity.raw(latent, interpolation, 300, 11)
    generator = Generator(linear, draw_latents, latent, None)
    ours = step_distances(generator, squared_distance, np.zeros(300), 11)
    assert trimmed_mean(ours) == pytest.approx(trimmed_mean(theirs), rel=2e-3)
    assert np.allclose(ours, theirs, rtol=0.05)


def test_the_trimmed_mean_leaves_out_what_lies_beyond_the_percentiles():
    values = np.random.default_rng(0).permutation(np.arange(1001.0))
    values[values == 1000] = 1e12
    assert trimmed_mean(values) == 500  # 10..990 are kept
    assert trimmed_mean(np.arange(1000.0)) == 499.5  # 9..990: places 9.99 and 989.01 are rounded outwards
    assert trimmed_mean(np.arange(1000.0) ** 2) == pytest.approx(np.mean(np.arange(9.0, 991) ** 2))
    assert trimmed_mean(np.array([3.0])) == 3


def test_rounding_images_to_uint8_is_another_number():
    """Wrong: a step of 1e-4 is lost in 256 grey levels, or is a whole one."""

    def rounded(latents, labels):
        return ((linear(latents) * 127.5 + 127.5).round() - 127.5) / 127.5

    places = np.random.default_rng(0).random(500)
    exact = trimmed_mean(step_distances(toy("normal"), squared_distance, places, 0))
    wrong = trimmed_mean(step_distances(toy("normal", rounded), squared_distance, places, 0))
    assert wrong > 5 * exact or wrong < exact / 5


def test_latents_scaled_to_length_1_are_another_number():
    """Wrong for generators that do not scale their latents themselves: the path lies far inside the prior."""

    def unit(n, seed):
        latents = draw("normal")(n, seed)
        return latents / latents.norm(dim=1, keepdim=True)

    places = np.random.default_rng(0).random(500)
    right = trimmed_mean(step_distances(toy("normal"), squared_distance, places, 0))
    wrong = trimmed_mean(step_distances(Generator(linear, unit, "normal", None), squared_distance, places, 0))
    assert right == pytest.approx(DIM * wrong, rel=0.5)


def test_both_ends_of_a_step_have_one_label_and_all_labels_come():
    seen = []

    def labelled(latents, labels):
        seen.append(labels)
        return linear(latents) + 100 * labels[:, None, None, None]

    generator = toy("normal", labelled, num_classes=3)
    distances = step_distances(generator, lambda a, b: squared_distance(a, b), np.full(90, 0.5), 0)
    assert distances.max() < 1e4  # a change of label would be 1e12
    first, second = torch.cat(seen[::2]), torch.cat(seen[1::2])
    assert torch.equal(first, second)
    assert set(first.tolist()) == {0, 1, 2}


def test_images_above_256_pixels_are_averaged_down():
    shapes = []

    def large(latents, labels):
        return linear(latents).repeat_interleave(80, dim=2).repeat_interleave(40, dim=3)

    def noting(a, b):
        shapes.append(a.shape[1:])
        return squared_distance(a, b)

    step_distances(toy("normal", large), noting, np.zeros(2), 0)
    assert shapes == [(1, 256, 160)]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_size_of_the_batches_changes_nothing(size, monkeypatch):
    places = np.random.default_rng(0).random(40)
    whole = step_distances(toy("normal"), squared_distance, places, 0)
    monkeypatch.setattr(path_length, "_BATCH_SIZE", size)
    assert np.allclose(step_distances(toy("normal"), squared_distance, places, 0), whole, rtol=1e-2)


def inputs_of(generator, seed=0):
    images = ImageSet("images", np.zeros((4, SIZE, SIZE, 1), np.uint8))
    inputs = ImageInputs(images, images, images, generator=generator, seed=seed)
    return MetricInputs(inputs, lambda images: pytest.fail("features are not needed"))


def test_the_result_has_an_interval_and_is_fixed_by_the_seed(monkeypatch):
    asked = []

    def make(device, trunk):
        asked.append((device, trunk))
        return SimpleNamespace(distance=squared_distance)

    monkeypatch.setattr(lpips_module, "LpipsDistance", make)
    first, again, other = (PPL.compute(inputs_of(toy("uniform"), seed)) for seed in (0, 0, 1))
    assert asked[0] == ("cpu", "vgg16")
    assert first == again
    assert first.value != other.value
    assert first.ci95[0] < first.value < first.ci95[1]
    assert first.num_samples == 2000
    # the mean of |b - a|² over a uniform prior on [-1, 1] is 2/3 in each dimension
    expected = 2 / 3 * float(WEIGHTS.square().sum()) / (SIZE * SIZE)
    assert first.details["mean_untrimmed"] == pytest.approx(expected, rel=0.1)
    spread = math.sqrt(step_distances(toy("uniform"), squared_distance, np.zeros(2000), 0).var() / 2000)
    assert first.ci95[1] - first.ci95[0] == pytest.approx(2 * 1.96 * spread, rel=0.25)


def test_without_a_generator_or_weights_it_says_what_to_do(monkeypatch):
    with pytest.raises(MetricUnavailableError, match="evaluate a trial's folder"):
        PPL.compute(inputs_of(None))

    def missing(device, trunk):
        raise WeightsError(f"{trunk} is missing")

    monkeypatch.setattr(lpips_module, "LpipsDistance", missing)
    with pytest.raises(MetricUnavailableError, match="vgg16 is missing"):
        PPL.compute(inputs_of(toy("normal")))


def test_generator_and_distance_run_without_tf32_whatever_the_caller_has_set(monkeypatch):
    """Wrong: cuDNN's default lets convolutions round to 10 bits, in which a step of 1e-4 drowns."""
    cudnn, matmul, seen = torch.backends.cudnn, torch.backends.cuda.matmul, []

    def noting(result):
        seen.append((cudnn.enabled, cudnn.allow_tf32, matmul.allow_tf32))
        return result

    with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        step_distances(
            toy("normal", lambda latents, labels: noting(linear(latents))),
            lambda a, b: noting(squared_distance(a, b)),
            np.zeros(3),
            0,
        )
        assert seen == [(True, False, False)] * 3
        assert cudnn.allow_tf32
