"""Every option of every built-in plugin does something, and what it says; options added later must join the table."""

from itertools import count

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench.errors import UsageError
from ganbench.registry import load_registry
from ganbench.types import Batch, DataSpec

VARIANTS = {
    name: variant
    for name, variant in load_registry().variants.items()
    if variant.source.distribution == "ganbench" and variant.info.options
}
SPEC = DataSpec("image", 3, 28, num_classes=4)
SMALL = {
    "width": 4, "units_generator": 8, "units_discriminator": 8, "capacity": 7, "latent_dim": 6, "n_critic": 1,
    "lr": 0.01,
}  # fmt: skip

# Another value of each option; of two, the one that is not the variant's default. A switch is turned over.
OTHER = {
    "width": (6,),
    "pixel_range": ("[0,1]", "[-1,1]"),
    "activation_generator": ("elu",),
    "activation_discriminator": ("elu",),
    "norm_generator": ("layer",),
    "norm_discriminator": ("layer", "none"),
    "batch_norm_momentum": (0.5,),
    "dropout": (0.6,),
    "lr": (0.02,),
    "lr_discriminator": (0.003,),
    "beta1": (0.7,),
    "beta2": (0.95,),
    "rho": (0.5,),
    "latent_dim": (9,),
    "latent": ("uniform", "normal"),
    "label_smoothing": (0.3,),
    "smoothing": ("two-sided",),
    "noisy_labels": (0.5,),
    "n_critic": (2,),
    "generator_steps": (2,),
    "diffaugment": ("translation",),
    "max_accuracy": (0.0,),
    "class_smoothing": (0.3,),
    "clip": (0.001,),
    "penalty_weight": (1.0,),
    "kernel": (5,),
    "init": ("glorot",),
    "pixel_std": (0.5,),
    "num_codes": (4,),
    "continuous_codes": (3,),
    "lambda_categorical": (0.2,),
    "lambda_continuous": (0.2,),
    "units_generator": (12,),
    "units_discriminator": (12,),
    "layers_generator": (3,),
    "layers_discriminator": (3,),
    "maxout_pieces": (3,),
    "packing": (3,),
    "capacity": (5,),
}
CONTEXT = {  # options without which another has nothing to act on
    "smoothing": {"label_smoothing": 0.2},
    "batch_norm_momentum": {"norm_generator": "batch"},
}
BAD = {
    "width": [0, -1],
    "pixel_range": ["[0,255]"],
    "activation_generator": ["gelu"],
    "activation_discriminator": ["gelu"],
    "norm_generator": ["group"],
    "norm_discriminator": ["group"],
    "batch_norm_momentum": [1.5],
    "dropout": [-0.1, 1.5],
    "lr": [-1e-4],
    "lr_discriminator": [-1e-4],
    "beta1": [1.0],
    "beta2": [-0.5],
    "rho": [1.0],
    "latent_dim": [0],
    "latent": ["cauchy"],
    "label_smoothing": [1.5],
    "smoothing": ["both"],
    "noisy_labels": [-0.5],
    "n_critic": [0],
    "generator_steps": [0],
    "diffaugment": ["blur"],
    "max_accuracy": [2.0],
    "class_smoothing": [-0.5],
    "clip": [-1.0],
    "penalty_weight": [-1.0],
    "init": ["zeros"],
    "kernel": [0, 8],
    "pixel_std": [-1.0],
    "num_codes": [0],
    "continuous_codes": [-1],
    "lambda_categorical": [-1.0],
    "lambda_continuous": [-1.0],
    "units_generator": [0],
    "units_discriminator": [0],
    "layers_generator": [0],
    "layers_discriminator": [0],
    "maxout_pieces": [0],
    "packing": [0],
    "capacity": [0],
}
EVERY = [(name, option) for name, variant in VARIANTS.items() for option in variant.info.options]


def having(*options):
    return [name for name, variant in VARIANTS.items() if set(options) <= set(variant.info.options)]


def build(name, **options):
    variant = VARIANTS[name]
    small = {key: value for key, value in SMALL.items() if key in variant.info.options}
    torch.manual_seed(0)
    gan = variant.build_gan(SPEC, variant.options({**small, **options})).train()
    gan.progress = 0.55
    return gan


def batches(taken=None):
    for seed in count():
        rng = torch.Generator().manual_seed(seed)
        if taken is not None:
            taken.append(seed)
        real = torch.rand(6, *SPEC.shape, generator=rng) * 2 - 1
        yield Batch(real, torch.randint(0, 4, (6,), generator=rng))


def outcome(name, **options):
    """Weights, buffers and samples after two iterations; not the optimisers' moments."""
    variant, gan = VARIANTS[name], build(name, **options)
    stream = batches()
    torch.manual_seed(1)
    for step in range(2):
        variant.train_step(gan, stream, step)
    torch.manual_seed(2)
    latents, labels = gan.eval().sample_latents(5), torch.arange(5) % 4 if variant.info.uses_labels(SPEC) else None
    with torch.no_grad():
        samples = variant.sample_batch(gan, latents, labels, SPEC.shape)
    tensors = {key: value for key, value in gan.state_dict().items() if isinstance(value, torch.Tensor)}
    return {**tensors, "samples": samples}


def differ(first, second):
    return first.keys() != second.keys() or any(
        first[key].shape != second[key].shape or not torch.equal(first[key], second[key]) for key in first
    )


def other_value(name, option, context):
    default = {**VARIANTS[name].info.options, **SMALL, **context}[option]
    if isinstance(default, bool):
        return not default
    assert option in OTHER, f"{name} has an option '{option}' that no test gives another value: add it to OTHER"
    return next(value for value in OTHER[option] if value != default)


@pytest.mark.parametrize(("name", "option"), EVERY)
def test_another_value_changes_the_model_or_what_it_learns(name, option):
    known = VARIANTS[name].info.options
    context = {key: value for key, value in CONTEXT.get(option, {}).items() if key in known}
    usual, again = outcome(name, **context), outcome(name, **context)
    assert not differ(usual, again)  # so that a difference is the option's
    changed = outcome(name, **{**context, option: other_value(name, option, context)})
    assert differ(usual, changed)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_option_is_explained_and_its_default_survives(name):
    variant = VARIANTS[name]
    assert variant.info.options.keys() == variant.info.option_help.keys()
    assert all(len(meaning) > 10 for meaning in variant.info.option_help.values())
    defaults = variant.options({})
    assert defaults == dict(variant.info.options)
    assert variant.options(defaults) == defaults
    assert {type(value) for value in defaults.values()} <= {bool, int, float, str}


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [(name, option, value) for name, option in EVERY if option in BAD for value in BAD[option]],
)
def test_a_value_that_makes_no_sense_is_refused_by_name_when_the_model_is_built(name, option, value):
    with pytest.raises(UsageError, match=rf"\b{option}\b"):
        build(name, **{option: value})


def test_every_option_that_is_no_switch_has_a_value_that_is_refused():
    switches = {o for v in VARIANTS.values() for o, default in v.info.options.items() if isinstance(default, bool)}
    assert {option for _, option in EVERY} - switches == set(BAD)


@pytest.mark.parametrize("name", having("lr", "lr_discriminator"))
def test_each_network_learns_at_its_own_rate(name):
    gan = build(name, lr=0.01, lr_discriminator=0.002)
    assert {key: each.param_groups[0]["lr"] for key, each in gan.optimizers.items()} == {
        "generator": 0.01,
        "discriminator": 0.002,
    }
    same = build(name, lr=0.01, lr_discriminator=0.0)
    assert {each.param_groups[0]["lr"] for each in same.optimizers.values()} == {0.01}


@pytest.mark.parametrize("name", having("beta1", "beta2"))
def test_betas_reach_every_optimiser(name):
    gan = build(name, beta1=0.6, beta2=0.9)
    assert {group["betas"] for each in gan.optimizers.values() for group in each.param_groups} == {(0.6, 0.9)}


@pytest.mark.parametrize("name", having("n_critic"))
def test_n_critic_is_the_number_of_batches_of_an_iteration(name):
    for n_critic in (1, 3):
        taken = []
        VARIANTS[name].train_step(build(name, n_critic=n_critic), batches(taken), 0)
        assert len(taken) == n_critic


@pytest.mark.parametrize("name", having("latent_dim"))
def test_the_latent_is_of_the_asked_length(name):
    """Codes, which are drawn with the latent, are not counted."""
    assert build(name, latent_dim=9).latent_dim - build(name, latent_dim=4).latent_dim == 5


@pytest.mark.parametrize("name", having("latent"))
def test_latents_follow_the_asked_law(name):
    assert build(name, latent="uniform").sample_latents(500).abs().max() <= 1
    assert build(name, latent="normal").sample_latents(500).abs().max() > 1


def kinds(network):
    return {type(layer).__name__ for layer in network.modules()}


ACTIVATIONS = {"ReLU", "LeakyReLU", "SELU", "ELU"}


@pytest.mark.parametrize("name", having("activation_generator"))
def test_the_generator_has_the_asked_activation_alone(name):
    assert kinds(build(name, activation_generator="elu").generator) & ACTIVATIONS == {"ELU"}


@pytest.mark.parametrize("name", having("activation_discriminator"))
def test_the_discriminator_has_the_asked_activation_alone(name):
    assert kinds(build(name, activation_discriminator="elu").discriminator) & ACTIVATIONS == {"ELU"}


NORMS = {
    "batch": {"BatchNorm1d", "BatchNorm2d"},
    "instance": {"InstanceNorm2d"},
    "layer": {"GroupNorm", "LayerNorm"},
    "none": set(),
}


@pytest.mark.parametrize(
    ("name", "network"), [(name, end) for end in ("generator", "discriminator") for name in having(f"norm_{end}")]
)
def test_a_network_has_the_asked_norm_alone_and_offers_those_that_the_help_names(name, network):
    option = f"norm_{network}"
    meaning = VARIANTS[name].info.option_help[option].replace(",", " ").split()
    for value, allowed in NORMS.items():
        if value not in meaning:
            with pytest.raises(UsageError, match=f"option {option}: expected"):
                build(name, **{option: value})
            continue
        found = {kind for kind in kinds(getattr(build(name, **{option: value}), network)) if "Norm" in kind}
        assert found - {"_SpectralNorm"} <= allowed
        assert bool(found - {"_SpectralNorm"}) is bool(allowed)


@pytest.mark.parametrize("name", having("batch_norm_momentum"))
def test_every_batch_norm_has_the_asked_momentum(name):
    context = {"norm_generator": "batch"} if "norm_generator" in VARIANTS[name].info.options else {}
    gan = build(name, batch_norm_momentum=0.3, **context)
    ends = nn.ModuleList([gan.generator, *([gan.discriminator] if gan.discriminator else [])])
    momenta = [layer.momentum for layer in ends.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    assert momenta
    assert set(momenta) == {0.3}


@pytest.mark.parametrize("name", having("dropout"))
def test_dropout_is_in_the_discriminator_alone(name):
    shares = [layer.p for layer in build(name, dropout=0.35).discriminator.modules() if isinstance(layer, nn.Dropout)]
    assert set(shares) == {0.35}
    assert "Dropout" not in kinds(build(name, dropout=0.35).generator)
    assert "Dropout" not in kinds(build(name, dropout=0.0))


@pytest.mark.parametrize("name", having("spectral_norm"))
def test_spectral_norm_is_on_every_layer_of_the_discriminator(name):
    layers = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    for wanted in (True, False):
        discriminator = build(name, spectral_norm=wanted).discriminator
        found = [is_parametrized(layer) for layer in discriminator.modules() if isinstance(layer, layers)]
        assert set(found) == {wanted}


@pytest.mark.parametrize("name", having("pixel_range"))
@pytest.mark.parametrize("pixel_range", ["[0,1]", "[-1,1]"])
def test_the_networks_work_with_pixels_in_the_asked_range(name, pixel_range):
    gan = build(name, pixel_range=pixel_range)
    assert ("Sigmoid" in kinds(gan.generator)) is (pixel_range == "[0,1]")
    if gan.discriminator is None:
        return
    first = next(layer for layer in gan.discriminator.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    lowest = []
    first.register_forward_pre_hook(lambda layer, inputs: lowest.append(inputs[0].min().item()))
    VARIANTS[name].train_step(gan, batches(), 0)
    assert lowest
    assert all((low >= 0) is (pixel_range == "[0,1]") for low in lowest)


@pytest.mark.parametrize("name", having("joint_batch"))
def test_a_joint_batch_is_one_pass_of_the_discriminator(name):
    sizes = {}
    for joint in (False, True):
        gan, seen = build(name, joint_batch=joint), []
        gan.discriminator.register_forward_pre_hook(lambda network, inputs, seen=seen: seen.append(len(inputs[0])))
        VARIANTS[name].train_step(gan, batches(), 0)
        sizes[joint] = seen
    assert sizes[False][:2] == [6, 6]
    assert sizes[True][0] == 12
    assert len(sizes[True]) == len(sizes[False]) - 1


@pytest.mark.parametrize("name", having("diffaugment"))
def test_diffaugment_changes_all_that_the_discriminator_judges(name):
    """Cut images have a hole of zeros; these have none by themselves."""
    gan, zeros = build(name, diffaugment="cutout"), []
    gan.discriminator.register_forward_pre_hook(
        lambda network, inputs: zeros.append((inputs[0] == 0).flatten(1).float().mean(1).min().item())
    )
    VARIANTS[name].train_step(gan, batches(), 0)
    assert sum(share > 0.05 for share in zeros) >= 3  # reals, fakes, and fakes for the generator; a penalty adds more


@pytest.mark.parametrize("name", having("max_accuracy"))
def test_the_discriminator_is_left_alone_above_its_greatest_accuracy(name):
    """At 0, it steps only where it is wrong on every image."""
    gan = build(name, max_accuracy=0.0)
    before = [parameter.detach().clone() for parameter in gan.optimizers["discriminator"].param_groups[0]["params"]]
    out = VARIANTS[name].train_step(gan, batches(), 0)
    assert (out["real_logits"] > 0).any() or (out["fake_logits"] < 0).any()
    after = gan.optimizers["discriminator"].param_groups[0]["params"]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
