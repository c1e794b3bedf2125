import copy
import io

import pytest
import torch
from torch import nn

from ganbench.models import GAN, adam, mlp, spectral_norm_


def make_gan(*, spectral=False):
    generator, discriminator = mlp(2, 3, hidden=8), mlp(3, 1, hidden=8)
    if spectral:
        spectral_norm_(discriminator)
    optimizers = {"generator": adam(generator, 1e-2), "discriminator": adam(discriminator, 1e-2)}
    return GAN(generator, discriminator, latent_dim=2, optimizers=optimizers, options={"lr": 1e-2})


def train_step(gan):
    fake = gan.generator(gan.sample_latents(8))
    gan.minimize("discriminator", gan.discriminator(fake.detach()).mean() - gan.discriminator(torch.ones(8, 3)).mean())
    gan.minimize("generator", -gan.discriminator(fake).mean())


def same(state, other):
    return all(torch.equal(value, other[name]) for name, value in state.items() if isinstance(value, torch.Tensor))


@pytest.mark.parametrize(("latent", "low", "high"), [("normal", -6.0, 6.0), ("uniform", -1.0, 1.0)])
def test_latents_follow_the_named_law(latent, low, high):
    torch.manual_seed(0)
    latents = GAN(latent_dim=5, latent=latent).sample_latents(4000)
    assert latents.shape == (4000, 5)
    assert latents.min() >= low
    assert latents.max() <= high
    assert latents.std() == pytest.approx(1.0 if latent == "normal" else 3**-0.5, abs=0.02)


def test_unknown_latent_is_refused():
    with pytest.raises(ValueError, match="'normal' or 'uniform'"):
        GAN(latent_dim=1, latent="cauchy")


def test_device_is_known_without_parameters():
    with torch.device("meta"):
        assert GAN(latent_dim=1).device.type == "meta"
    assert GAN(latent_dim=1).device.type == "cpu"


def test_minimize_leaves_the_other_networks_gradients_alone():
    gan = make_gan()
    fake = gan.generator(gan.sample_latents(4))
    gan.minimize("discriminator", gan.discriminator(fake.detach()).mean())
    before = [parameter.grad.clone() for parameter in gan.discriminator.parameters()]
    gan.minimize("generator", gan.discriminator(fake).mean())
    assert all(torch.equal(a, p.grad) for a, p in zip(before, gan.discriminator.parameters(), strict=True))
    assert all(parameter.grad is not None for parameter in gan.generator.parameters())


def test_update_sums_the_losses_of_its_block():
    gan, summed = make_gan(), None
    summed = copy.deepcopy(gan)
    x, y = torch.randn(4, 3), torch.randn(4, 3)
    with gan.update("discriminator") as backward:
        backward(gan.discriminator(x).mean())
        backward(gan.discriminator(y).square().mean())
    summed.minimize("discriminator", summed.discriminator(x).mean() + summed.discriminator(y).square().mean())
    assert same(gan.state_dict(), summed.state_dict())


def test_update_skips_the_step_when_its_block_fails():
    gan = make_gan()
    before = copy.deepcopy(gan.state_dict())
    with pytest.raises(RuntimeError, match="boom"), gan.update("discriminator"):
        raise RuntimeError("boom")
    assert same(before, gan.state_dict())


def test_update_passes_over_frozen_parameters():
    gan = make_gan()
    gan.discriminator[0].weight.requires_grad_(False)
    gan.minimize("discriminator", gan.discriminator(torch.ones(2, 3)).mean())
    assert gan.discriminator[0].weight.grad is None
    assert gan.discriminator[2].weight.grad is not None


@pytest.mark.parametrize("spectral", [False, True])
def test_deepcopy_trains_on_its_own(spectral):
    gan = make_gan(spectral=spectral)
    train_step(gan)
    twin, before = copy.deepcopy(gan), copy.deepcopy(gan.state_dict())
    torch.manual_seed(1)
    train_step(twin)
    assert same(before, gan.state_dict())  # the original did not move
    assert not same(before, twin.state_dict())  # the copy did
    torch.manual_seed(1)
    train_step(gan)
    assert same(gan.state_dict(), twin.state_dict())
    own = {id(parameter) for parameter in twin.parameters()}
    held = {id(p) for o in twin.optimizers.values() for group in o.param_groups for p in group["params"]}
    assert held == own


def test_state_dict_survives_a_safe_load():
    gan, other = make_gan(), make_gan()
    train_step(gan)
    file = io.BytesIO()
    torch.save(gan.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for model in (gan, other):
        torch.manual_seed(2)
        train_step(model)
    assert same(gan.state_dict(), other.state_dict())


def test_loading_a_live_state_does_not_share_the_moments():
    gan, other = make_gan(), make_gan()
    train_step(gan)
    other.load_state_dict(gan.state_dict())
    moments = [v["exp_avg"].clone() for v in gan.optimizers["generator"].state.values()]
    train_step(other)
    assert all(
        torch.equal(a, v["exp_avg"]) for a, v in zip(moments, gan.optimizers["generator"].state.values(), strict=True)
    )


def test_progress_is_part_of_the_state():
    gan, other = make_gan(), make_gan()
    assert gan.progress == 0.0
    gan.progress = 0.375
    assert copy.deepcopy(gan).progress == 0.375
    other.load_state_dict(gan.state_dict())
    assert other.progress == 0.375


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.SGD])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("taken", [True, False])
def test_a_conditional_step_is_taken_whole_or_not_at_all(make, fused, taken):
    layer = nn.Linear(3, 1)
    fuse = {"fused": fused} if make is torch.optim.Adam else {"momentum": 0.9, "foreach": fused}
    gan = GAN(discriminator=layer, latent_dim=1, optimizers={"discriminator": make(layer.parameters(), 0.1, **fuse)})
    gan.minimize("discriminator", layer(torch.ones(1, 3)).sum())
    plain, before = copy.deepcopy(gan), copy.deepcopy(gan.state_dict())
    x = torch.tensor([[1.0, -2.0, 3.0]])
    with gan.update("discriminator") as backward:
        backward(gan.discriminator(x).sum())
        backward.only_if(torch.tensor(taken))
    plain.minimize("discriminator", plain.discriminator(x).sum())
    expected = plain.state_dict() if taken else before
    assert same(gan.state_dict(), expected)
    mine, theirs = (
        state["_extra_state"]["optimizers"]["discriminator"]["state"] for state in (gan.state_dict(), expected)
    )
    for i, state in mine.items():
        names = [name for name in state if name != "step" or fused]  # unfused, Adam counts its steps on the host
        assert all(torch.equal(state[name], theirs[i][name]) for name in names if torch.is_tensor(state[name]))


def test_a_step_that_is_not_taken_keeps_the_weights_even_from_gradients_that_are_not_finite():
    gan = make_gan()
    before = copy.deepcopy(gan.state_dict())
    with gan.update("discriminator") as backward:
        backward(gan.discriminator(torch.full((2, 3), float("inf"))).sum())
        backward.only_if(torch.tensor(False))
    assert same(before, gan.state_dict())


def test_autocast_sees_the_weights_of_the_last_step():
    layer = nn.Linear(4, 1, bias=False)
    gan = GAN(discriminator=layer, latent_dim=1, optimizers={"discriminator": adam(layer, 0.5)})
    x = torch.ones(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        gan.minimize("discriminator", layer(x).float().mean())
        inside = layer(x).float()
    torch.testing.assert_close(inside, layer(x), rtol=0.02, atol=0.02)
