"""Groups of options, and how optimisers and latents are made from them."""

import math

import pytest
import torch
from torch import nn

from ganbench.errors import UsageError
from ganbench.models import (
    ADAM,
    GAME,
    LATENT,
    NETWORKS,
    OptionGroup,
    adams,
    at_least_zero,
    chosen,
    count,
    decay,
    gan_with_adams,
    learning_rate,
    option,
    share,
)

ONE, TWO = option("one", 1, "the first"), option("two", "b", "the second")


def test_groups_join_and_the_later_one_wins():
    both = ONE | TWO | option("one", 5, "the first, anew")
    assert both == OptionGroup({"one": 5, "two": "b"}, {"one": "the first, anew", "two": "the second"})
    assert ONE.defaults == {"one": 1}


def test_a_variant_has_its_own_defaults_under_the_same_help():
    assert (ONE | TWO).but(two="c") == OptionGroup({"one": 1, "two": "c"}, {"one": "the first", "two": "the second"})
    with pytest.raises(KeyError, match="no option 'three' in this group, which has one, two"):
        (ONE | TWO).but(three=3)


def test_a_variant_leaves_out_what_has_no_effect_on_it():
    assert (ONE | TWO).without("one") == TWO


def test_every_option_is_explained():
    with pytest.raises(AssertionError, match="every option is explained"):
        OptionGroup({"one": 1}, {})
    for name, meaning in (NETWORKS | GAME).help.items():
        assert len(meaning) > 10, name


def make(**given):
    torch.manual_seed(0)
    return gan_with_adams(nn.Linear(4, 2), nn.Linear(2, 1), {**GAME.defaults, **given})


def rates(gan):
    return [gan.optimizers[name].param_groups[0]["lr"] for name in ("generator", "discriminator")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [2e-4, 2e-4]),
        ({"lr": 1e-3}, [1e-3, 1e-3]),
        ({"lr": 2e-4, "lr_discriminator": 4e-5}, [2e-4, 4e-5]),  # a fifth, as report S4's
        ({"lr": 0.0, "lr_discriminator": 1e-3}, [0.0, 1e-3]),
    ],
)
def test_the_discriminator_may_have_its_own_rate(given, expected):
    assert rates(make(**given)) == expected
    assert learning_rate("encoder", {"lr": 1e-3, "lr_discriminator": 1e-4}) == 1e-3


def test_the_rate_and_the_betas_are_those_of_adams_first_step():
    """After one step of Adam from zero moments, every weight has moved by the rate, against its gradient's sign."""
    gan = make(lr=1e-2, lr_discriminator=1e-3, beta1=0.3, beta2=0.9)
    before = gan.discriminator.weight.detach().clone()
    gan.minimize("discriminator", (gan.discriminator.weight * torch.tensor([[2.0, -3.0]])).sum())
    moved = gan.discriminator.weight.detach() - before
    torch.testing.assert_close(moved, torch.tensor([[-1e-3, 1e-3]]), rtol=1e-3, atol=0)
    state = gan.optimizers["discriminator"].state[gan.discriminator.weight]
    torch.testing.assert_close(state["exp_avg"], torch.tensor([[2.0, -3.0]]) * 0.7)
    torch.testing.assert_close(state["exp_avg_sq"], torch.tensor([[4.0, 9.0]]) * 0.1)


def test_an_adam_for_each_network_by_its_name():
    encoder, decoder = nn.Linear(2, 1), nn.Linear(1, 2)
    found = adams({"encoder": encoder, "decoder": decoder}, ADAM.defaults)
    assert list(found) == ["encoder", "decoder"]
    assert found["encoder"].param_groups[0]["params"] == list(encoder.parameters())
    assert {group["betas"] for each in found.values() for group in each.param_groups} == {(0.5, 0.999)}


@pytest.mark.parametrize(("latent", "std"), [("normal", 1.0), ("uniform", 3**-0.5)])
def test_latents_have_the_asked_length_and_law(latent, std):
    gan = make(latent_dim=3, latent=latent)
    torch.manual_seed(0)
    latents = gan.sample_latents(5000)
    assert latents.shape == (5000, 3)
    assert latents.std().item() == pytest.approx(std, rel=0.02)
    assert (latents.abs().max().item() <= 1) is (latent == "uniform")


def test_the_gan_keeps_its_options():
    assert make(n_critic=3).options["n_critic"] == 3
    assert make().latent_dim == LATENT.defaults["latent_dim"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", -1e-4), ("lr", math.inf), ("lr", math.nan), ("lr_discriminator", -1.0), ("beta1", 1.0), ("beta1", -0.1),
        ("beta2", 1.5), ("latent_dim", 0), ("latent", "cauchy"), ("n_critic", 0), ("n_critic", -1),
        ("max_accuracy", 1.01), ("diffaugment", "blur"), ("label_smoothing", -1.0), ("smoothing", "both"),
        ("noisy_labels", 1.1),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused_by_name_when_the_model_is_built(name, value):
    with pytest.raises(UsageError, match=rf"option {name}: expected .*, got"):
        make(**{name: value})


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (share, [0, 0.5, 1], [-0.01, 1.01, math.nan]),
        (at_least_zero, [0, 3.5], [-1e-9, math.inf, math.nan]),
        (decay, [0, 0.999], [1, -0.5, math.nan]),
        (count, [1, 7], [0, -3]),
    ],
)
def test_numbers_are_read_within_their_bounds(read, good, bad):
    assert [read({"x": value}, "x") for value in good] == good
    for value in bad:
        with pytest.raises(UsageError, match=r"option x: expected .* got"):
            read({"x": value}, "x")


def test_a_text_option_is_one_of_its_choices():
    assert chosen({"x": "b"}, "x", ("a", "b")) == "b"
    with pytest.raises(UsageError, match="option x: expected one of a, b, got 'c'"):
        chosen({"x": "c"}, "x", ("a", "b"))
