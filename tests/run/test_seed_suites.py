"""The suites of the seed reports against the reports' facts: recipe, data, budget, and what each printed."""

from pathlib import Path

import pytest

from ganbench.config import read_benchmark
from ganbench.registry import load_registry
from ganbench.run.entries import resolve_entries

FOLDER = Path(__file__).parents[2] / "benchmarks" / "suites" / "seeds"
ADAM_DCGAN = {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "lr_discriminator": 0.0}
LEAKY, SN = {"activation_generator": "leaky_relu", "activation_discriminator": "leaky_relu"}, {"spectral_norm": True}
PLAIN = {"norm_generator": "none", "norm_discriminator": "none", "spectral_norm": False}
IN_G = {"norm_generator": "batch", "norm_discriminator": "none"}
TURNED = {"augment": "flip,rotate"}
KERAS = {"norm_generator": "batch", "norm_discriminator": "batch", "batch_norm_momentum": 0.2}

DATA = {  # suite: dataset, resolution, images, budget, trainings
    "s0-stl10-64": ("stl10", 64, None, "200epochs", 1),
    "s1-mnist20k": ("mnist", None, 20_000, "100epochs", 1),
    "s2-cifar10": ("cifar10", None, None, "500epochs", 1),
    "s3-cifar10": ("cifar10", None, None, "500epochs", 2),
    "s4-celeba-32": ("celeba", 32, None, "12epochs", 1),
    "s4-celeba-64": ("celeba", 64, None, "40epochs", 1),
    "s4-folder-128": ("folder:", 128, None, "100epochs", 1),
}
RECIPES = {  # what the report says of each model
    ("s0-stl10-64", "dcgan"): ("dcgan", ADAM_DCGAN | {"width": 64, "latent": "normal", "joint_batch": False}),
    ("s0-stl10-64", "dcgan-sn"): ("dcgan", ADAM_DCGAN | IN_G | SN),
    ("s1-mnist20k", "dcgan-selu-20"): ("dcgan-selu", {"budget": "20epochs", "activation_generator": "selu"}),
    ("s1-mnist20k", "dcgan-selu-100"): ("dcgan-selu", {"budget": "100epochs", "activation_generator": "selu"}),
    ("s2-cifar10", "dcgan-1"): ("dcgan", LEAKY | PLAIN | {"pixel_range": "[0,1]"}),
    ("s2-cifar10", "dcgan-2"): ("dcgan", LEAKY | PLAIN | {"pixel_range": "[-1,1]"}),
    ("s2-cifar10", "dcgan-3"): ("dcgan", LEAKY | IN_G | SN | {"pixel_range": "[-1,1]", "augment": ""}),
    ("s2-cifar10", "dcgan-4"): ("dcgan", IN_G | SN | TURNED | {"activation_generator": "relu"}),
    ("s2-cifar10", "cgan-1"): ("cgan", LEAKY | SN | {"latent_dim": 128, "label_smoothing": 0.0, "augment": ""}),
    ("s2-cifar10", "cgan-2"): ("cgan", LEAKY | SN | TURNED | {"latent_dim": 128, "label_smoothing": 0.2}),
    ("s2-cifar10", "sncgan"): ("sncgan", KERAS | SN | {"latent_dim": 128, "dropout": 0.25}),
    ("s2-cifar10", "wgan-gp"): ("wgan-gp", {"penalty_weight": 10.0, "n_critic": 5}),
    ("s3-cifar10", "acgan"): (
        "acgan",
        {"minibatch_discrimination": False, "label_smoothing": 0.0, "latent": "uniform"},
    ),
    ("s3-cifar10", "vtgan"): ("vtgan", {"minibatch_discrimination": True, "label_smoothing": 0.1, "latent": "uniform"}),
    ("s4-celeba-32", "dcgan-dropout"): ("dcgan-dropout", ADAM_DCGAN | {"kernel": 3}),
    ("s4-celeba-64", "v1"): ("dcgan-dropout", ADAM_DCGAN | {"kernel": 3}),
    ("s4-celeba-64", "v2"): ("dcgan-dropout", ADAM_DCGAN | {"kernel": 5, "lr_discriminator": 2e-4 / 5}),
    ("s4-folder-128", "v1"): (
        "dcgan-dropout",
        {"kernel": 3, "lr": 1e-4, "beta1": 0.9, "label_smoothing": 0.0, "init": "glorot"},
    ),
    ("s4-folder-128", "v2"): ("dcgan-dropout", ADAM_DCGAN | {"kernel": 3, "label_smoothing": 0.2, "init": "normal"}),
    ("s4-folder-128", "slow-d"): ("dcgan-dropout", ADAM_DCGAN | {"kernel": 5, "lr_discriminator": 2e-4 / 5}),
}
PRINTED = {
    ("s0-stl10-64", "dcgan"): {"parameters": "3,576,704 / 2,765,568"},
    ("s1-mnist20k", "dcgan-selu-20"): {"loss_d": "1.41", "loss_g": "0.53"},
    ("s1-mnist20k", "dcgan-selu-100"): {"modes": "3: only 1, 5 and 7 are left"},
    ("s2-cifar10", "dcgan-1"): {"loss_g": "stuck at 0.89 from epoch 200", "loss_d": "0.68"},
    ("s2-cifar10", "dcgan-3"): {"training": "converges at epochs 200 to 400, then diverges"},
    ("s2-cifar10", "dcgan-4"): {"fid": "2.31"},
    ("s2-cifar10", "cgan-2"): {"training": "mode collapse"},
    ("s2-cifar10", "sncgan"): {"fid": "2.22"},
    ("s2-cifar10", "wgan-gp"): {"training": "stable, dear"},
    ("s3-cifar10", "acgan"): {"is": "4.02 ± 0.18 and 4.01 ± 0.22"},
    ("s3-cifar10", "vtgan"): {"is": "4.14 ± 0.20 and 4.13 ± 0.29", "cost": "1.49 × AC-GAN's"},
    ("s4-celeba-64", "v1"): {"d_recall": "above 99 %: vanishing gradient"},
    ("s4-celeba-64", "v2"): {"samples": "the best"},
    ("s4-folder-128", "v1"): {"d_recall": "99.9 %: the generator stopped learning"},
    ("s4-folder-128", "slow-d"): {"samples": "the best, on faces"},
    ("s4-folder-128", "noisy"): {"training": "no gain"},
    ("s4-folder-128", "paused-d"): {"training": "no gain"},
}


def suite(name):
    return read_benchmark(FOLDER / f"{name}.toml")


@pytest.mark.parametrize("name", DATA)
def test_data_and_budget_are_the_reports(name):
    found, data = suite(name), suite(name).data
    assert (data.dataset, data.resolution, data.num_train, found.training.budget, found.seeds) == DATA[name]


@pytest.mark.parametrize(("name", "entry"), RECIPES)
def test_each_model_has_the_reports_recipe(name, entry):
    found = {each.name: each for each in resolve_entries(suite(name), load_registry(), ())}[entry]
    plugin, recipe = RECIPES[name, entry]
    assert found.variant.name == plugin
    settings = {**found.options, **found.host_options}
    assert {key: settings[key] for key in recipe} == pytest.approx(recipe)


@pytest.mark.parametrize("small", ["", "-small"])
@pytest.mark.parametrize("name", DATA)
def test_only_what_the_report_printed_is_called_published(name, small):
    """A report's verdict on its samples is not a recall that it never printed."""
    found = suite(name + small)
    published = {(name, key): entry.published for key, entry in found.entries.items() if entry.published}
    assert published == {key: words for key, words in PRINTED.items() if key[0] == name}


def test_s3_is_measured_as_the_report_did():
    found = suite("s3-cifar10")
    assert (found.protocol, found.evaluation.num_samples, found.evaluation.rank_by) == ("vtgan-2019", 1507, "is")
