"""`gan`, `lsgan`, `wgan` and `wgan-gp`: layers, parameters, optimisers, the game that each plays, and points."""

import copy
import math
from importlib import import_module

import pytest
import torch
from torch import nn
from torch.optim import Adam, RMSprop

from ganbench.errors import UsageError
from ganbench.models.critics import gradient_penalty
from ganbench.models.mlps import Maxout
from ganbench.types import Batch, DataSpec

IMAGES, POINTS = DataSpec("image", 1, 28), DataSpec("points", dim=2)
PACGAN = {
    "latent_dim": 2,
    "norm_generator": "batch",
    "units_generator": 400,
    "layers_generator": 4,
    "units_discriminator": 200,
    "layers_discriminator": 3,
    "dropout": 0.0,
}


def plugin(name):
    return import_module(f"ganbench_plugins.{name.replace('-', '_')}")


def build(name, spec=IMAGES, device="cpu", **options):
    with torch.device(device):
        return plugin(name).ganbench_build(spec, {**plugin(name).ganbench_model().options, **options}).train()


def small(name, **options):
    torch.manual_seed(0)
    sizes = {"units_generator": 8, "units_discriminator": 6} if name == "gan" else {"width": 4}
    return build(name, **sizes, **options)


def batches(num=1, size=4):
    rng = torch.Generator().manual_seed(3)
    return [Batch(torch.rand(size, 1, 28, 28, generator=rng) * 2 - 1) for _ in range(num)]


def train(name, gan, real):
    torch.manual_seed(1)
    return plugin(name).ganbench_train(gan, iter(real), 0)


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def kinds(network):
    return [type(layer).__name__ for layer in network]


def ring(num=256, modes=8, radius=2.0):
    """Points of `modes` Gaussians on a circle, σ 0.02."""
    angles = torch.randint(modes, (num,)) * (2 * math.pi / modes)
    return torch.stack([angles.cos(), angles.sin()], 1) * radius + torch.randn(num, 2) * 0.02


# gan


def test_gan_has_the_papers_kinds_of_layers():
    gan = build("gan", device="meta")
    assert kinds(gan.generator) == ["Linear", "ReLU", "Linear", "ReLU", "Linear", "Unflatten", "Sigmoid", "Rescale"]
    assert kinds(gan.discriminator) == ["Rescale", "Flatten", *["Maxout", "Dropout"] * 2, "Linear", "Flatten"]
    assert num_parameters(gan.generator) == 101 * 1200 + 1201 * 1200 + 1201 * 784
    assert num_parameters(gan.discriminator) == 785 * 1200 + 241 * 1200 + 241
    assert {layer.p for layer in gan.discriminator if isinstance(layer, nn.Dropout)} == {0.5}
    assert {layer.pieces for layer in gan.discriminator if isinstance(layer, Maxout)} == {5}


def test_gan_makes_pacgans_networks_of_options():
    gan = build("gan", POINTS, device="meta", **PACGAN)
    shared = build("lsgan", POINTS, device="meta", latent_dim=2)
    assert str(gan.generator) == str(shared.generator)
    assert str(gan.discriminator) == str(shared.discriminator)
    assert num_parameters(gan.generator) == 484_802
    assert num_parameters(gan.discriminator) == 405_201


@pytest.mark.parametrize(("spec", "stds"), [(IMAGES, (0.0288675, 0.00288675)), (POINTS, (0.02, 0.02))])
def test_gan_begins_with_weights_of_its_papers_spread(spec, stds):
    torch.manual_seed(0)
    gan = build("gan", spec)
    assert gan.generator[2].weight.std().item() == pytest.approx(stds[0], rel=0.01)
    assert gan.discriminator[-4].linear.weight.std().item() == pytest.approx(stds[1], rel=0.01)
    assert gan.discriminator[-2].weight.std().item() == pytest.approx(stds[1], rel=0.2)


@pytest.mark.parametrize("pixel_range", ["[-1,1]", "[0,1]"])
def test_gan_ends_in_the_pixels_range(pixel_range):
    gan = small("gan", pixel_range=pixel_range)
    with torch.no_grad():
        gan.generator[4].bias.fill_(0.5)
        gan.generator[4].weight.zero_()
    pixels = plugin("gan").ganbench_sample(gan, gan.sample_latents(2), None)
    expected = math.tanh(0.5) if pixel_range == "[-1,1]" else 2 / (1 + math.exp(-0.5)) - 1
    assert pixels.unique().tolist() == pytest.approx([expected], abs=1e-6)


# lsgan


def test_lsgan_is_dcgan_but_for_the_loss():
    ours, theirs = build("lsgan", DataSpec("image", 3, 64)), build("dcgan", DataSpec("image", 3, 64))
    assert str(ours.generator) == str(theirs.generator)
    assert str(ours.discriminator) == str(theirs.discriminator)
    assert num_parameters(ours.generator) == 3_576_704
    assert num_parameters(ours.discriminator) == 2_765_568
    assert not any(isinstance(layer, nn.Sigmoid) for layer in ours.modules())


def test_lsgan_minimises_half_squares_and_reports_probabilities():
    gan = small("lsgan", label_smoothing=0.2)
    by_hand, real = copy.deepcopy(gan), batches()
    out = train("lsgan", gan, real)
    torch.manual_seed(1)
    fake = by_hand.generator(by_hand.sample_latents(4))
    on_real, on_fake = by_hand.discriminator(real[0].real), by_hand.discriminator(fake.detach())
    loss_d = ((on_real - 0.9) ** 2).mean() / 2 + (on_fake**2).mean() / 2
    torch.testing.assert_close(out["loss_d"], loss_d.detach())
    torch.testing.assert_close(out["real_logits"].sigmoid(), on_real.detach().clamp(0, 1), atol=1e-5, rtol=1e-4)
    assert torch.equal(out["fake_logits"] < 0, on_fake < 0.5)
    by_hand.minimize("discriminator", loss_d)
    loss_g = ((by_hand.discriminator(fake) - 1) ** 2).mean() / 2
    torch.testing.assert_close(out["loss_g"], loss_g.detach())


# wgan


def test_wgan_trains_by_rmsprop_five_steps_to_one():
    gan = small("wgan")
    for optimizer in gan.optimizers.values():
        assert isinstance(optimizer, RMSprop)
        assert optimizer.defaults["lr"] == 5e-5
        assert optimizer.defaults["alpha"] == 0.99
        assert optimizer.defaults["momentum"] == 0
    real = iter(batches(6))
    train("wgan", gan, real)
    assert len(list(real)) == 1
    steps = {name: optimizer.state_dict()["state"][0]["step"].item() for name, optimizer in gan.optimizers.items()}
    assert steps == {"discriminator": 5, "generator": 1}


def test_wgan_clips_the_critic_alone():
    gan = small("wgan", clip=0.003)
    train("wgan", gan, batches(5))
    largest = torch.stack([p.abs().max() for p in gan.discriminator.parameters()])
    assert largest.max().item() == pytest.approx(0.003)
    assert largest.min() > 0
    assert max(p.abs().max() for p in gan.generator.parameters()) > 0.5  # batch norm's scales are about 1


def test_wgan_without_clipping_keeps_large_weights():
    gan = small("wgan", clip=0.0)
    train("wgan", gan, batches(5))
    assert max(p.abs().max() for p in gan.discriminator.parameters()) > 0.5


def test_wgan_is_the_update_written_out():
    gan = small("wgan", n_critic=2)
    by_hand, real = copy.deepcopy(gan), batches(2)
    out = train("wgan", gan, real)
    torch.manual_seed(1)
    for batch in real:
        fake = by_hand.generator(by_hand.sample_latents(4))
        distance = by_hand.discriminator(batch.real).mean() - by_hand.discriminator(fake.detach()).mean()
        by_hand.minimize("discriminator", -distance)
        for parameter in by_hand.discriminator.parameters():
            parameter.data.clamp_(-0.01, 0.01)
    loss_g = -by_hand.discriminator(fake).mean()
    by_hand.minimize("generator", loss_g)
    torch.testing.assert_close(out["wasserstein"], distance.detach())
    torch.testing.assert_close(out["loss_d"], -distance.detach())
    torch.testing.assert_close(out["loss_g"], loss_g.detach())
    assert "real_logits" not in out
    for mine, theirs in zip(gan.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


# wgan-gp


def test_wgan_gp_has_the_papers_settings():
    gan = build("wgan-gp", DataSpec("image", 3, 32), device="meta")
    for optimizer in gan.optimizers.values():
        assert isinstance(optimizer, Adam)
        assert optimizer.defaults["lr"] == 1e-4
        assert optimizer.defaults["betas"] == (0.0, 0.9)
    assert gan.options["n_critic"] == 5
    assert gan.options["penalty_weight"] == 10.0
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in gan.discriminator.modules())
    norms = [layer for layer in gan.discriminator if isinstance(layer, nn.GroupNorm)]
    assert [(layer.num_groups, layer.num_channels) for layer in norms] == [(1, 128), (1, 256)]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in gan.generator) == 3


def test_wgan_gp_judges_each_image_alone():
    gan = small("wgan-gp")
    images = batches()[0].real
    alone = torch.cat([gan.discriminator(image[None]) for image in images])
    torch.testing.assert_close(gan.discriminator(images), alone)


@pytest.mark.parametrize("norm", ["batch", "rms"])
def test_wgan_gp_refuses_batch_norm_in_the_critic(norm):
    with pytest.raises(UsageError, match=f"norm_discriminator: expected one of instance, layer, none, got '{norm}'"):
        build("wgan-gp", norm_discriminator=norm)


def test_wgan_gp_refuses_a_negative_weight():
    with pytest.raises(UsageError, match="option penalty_weight"):
        build("wgan-gp", penalty_weight=-1.0)


def test_wgan_refuses_a_negative_bound():
    with pytest.raises(UsageError, match="option clip"):
        build("wgan", clip=-0.01)


@pytest.mark.parametrize("norm", ["layer", "instance", "none"])
def test_wgan_gp_is_the_update_written_out(norm):
    gan = small("wgan-gp", n_critic=2, penalty_weight=3.0, norm_discriminator=norm)
    by_hand, real = copy.deepcopy(gan), batches(2)
    out = train("wgan-gp", gan, real)
    torch.manual_seed(1)
    for batch in real:
        fake = by_hand.generator(by_hand.sample_latents(4))
        distance = by_hand.discriminator(batch.real).mean() - by_hand.discriminator(fake.detach()).mean()
        penalty = 3 * gradient_penalty(by_hand.discriminator, batch.real, fake.detach())
        by_hand.minimize("discriminator", penalty - distance)
    loss_g = -by_hand.discriminator(fake).mean()
    by_hand.minimize("generator", loss_g)
    torch.testing.assert_close(out["wasserstein"], distance.detach())
    torch.testing.assert_close(out["loss_d_penalty"], penalty.detach())
    torch.testing.assert_close(out["loss_d"], (penalty - distance).detach())
    torch.testing.assert_close(out["loss_g"], loss_g.detach())
    assert "real_logits" not in out
    for mine, theirs in zip(gan.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_wgan_gp_takes_the_penalty_between_augmented_images():
    """Cutout leaves zeros in images without any, so a critic that is shown raw images would see none."""
    gan = small("wgan-gp", n_critic=1, diffaugment="cutout")
    seen = []
    gan.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        gan.generator[-2].weight.abs_().add_(0.1)
    train("wgan-gp", gan, [Batch(torch.full((8, 1, 28, 28), 0.5))])
    on_real, on_fake, between, again = seen
    assert (on_real == 0).any()
    assert (on_fake == 0).any()
    assert (between == 0).any()  # where the holes of a pair meet
    assert (again == 0).any()


# points


@pytest.mark.parametrize("name", ["gan", "lsgan", "wgan-gp"])
def test_points_of_a_ring_can_be_trained_on(name):
    torch.manual_seed(0)
    gan = build(name, POINTS, **(PACGAN if name == "gan" else {"latent_dim": 2}))
    stream = (Batch(ring()) for _ in range(10))
    for step in range(2):
        out = plugin(name).ganbench_train(gan, stream, step)
        assert all(value.isfinite().all() for value in out.values())
    samples = plugin(name).ganbench_sample(gan.eval(), gan.sample_latents(50), None)
    assert samples.shape == (50, 2)
    assert samples.dtype is torch.float32
    assert samples.unique(dim=0).shape == (50, 2)


@pytest.mark.parametrize("weight", [10.0, 2.0])
def test_wgan_gps_critic_finds_the_distance_of_two_clouds(weight):
    """Fakes stay at one place and real points a distance d away. A critic of slope s between them earns s·d and pays
    λ(s - 1)², so at its best s = 1 + d/(2λ), and the estimate is d·s."""
    torch.manual_seed(0)
    gan = build("wgan-gp", POINTS, penalty_weight=weight, lr=0.0, lr_discriminator=2e-3, beta1=0.5, n_critic=1)
    with torch.no_grad():
        gan.generator[-1].weight.zero_()
        gan.generator[-1].bias.copy_(torch.tensor([-0.6, 0.8]))
    stream = (Batch(torch.tensor([[0.6, -0.8]]).expand(32, 2)) for _ in range(150))
    estimates = [plugin("wgan-gp").ganbench_train(gan, stream, step)["wasserstein"].item() for step in range(150)]
    distance = 2.0
    slope = 1 + distance / (2 * weight)
    assert sum(estimates[-20:]) / 20 == pytest.approx(distance * slope, rel=0.03)
