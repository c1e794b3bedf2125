"""SNGAN: the layers of the paper's table 3, spectral norm, the hinge loss, images and points."""

import pytest
import torch
from ganbench_plugins import sngan
from torch import nn

from ganbench.errors import UsageError
from ganbench.models.hinge import Hinge
from ganbench.types import Batch, DataSpec

DEFAULTS = sngan.ganbench_model().options


def build(spec, device="cpu", **options):
    with torch.device(device):
        return sngan.ganbench_build(spec, {**DEFAULTS, **options})


def images(channels=3, resolution=32):
    return DataSpec("image", channels, resolution)


def table(network):
    rows = []
    for layer in network.modules():
        kind = type(layer).__name__.removeprefix("Parametrized")
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            sizes = layer.kernel_size[0], layer.stride[0], layer.padding[0]
            rows.append((kind, layer.in_channels, layer.out_channels, *sizes, layer.bias is not None))
        elif isinstance(layer, nn.Linear):
            rows.append((kind, layer.in_features, layer.out_features, layer.bias is not None))
        elif isinstance(layer, nn.BatchNorm2d):
            rows.append(("BN", layer.num_features))
        elif isinstance(layer, nn.LeakyReLU):
            rows.append(("LeakyReLU", layer.negative_slope))
        elif isinstance(layer, nn.ReLU | nn.Tanh | nn.Dropout):
            rows.append(kind)
    return rows


def test_generator_is_the_papers():
    expected = [("Linear", 128, 4 * 4 * 512, False), ("BN", 512), "ReLU"]
    for coarse, fine in ((512, 256), (256, 128), (128, 64)):
        expected += [("ConvTranspose2d", coarse, fine, 4, 2, 1, False), ("BN", fine), "ReLU"]
    assert table(build(images(), "meta").generator) == [*expected, ("Conv2d", 64, 3, 3, 1, 1, True), "Tanh"]


def test_discriminator_is_the_papers():
    leaky = ("LeakyReLU", 0.1)
    expected, maps = [], 3
    for wide in (64, 128, 256):
        expected += [("Conv2d", maps, wide, 3, 1, 1, True), leaky, ("Conv2d", wide, wide, 4, 2, 1, True), leaky]
        maps = wide
    expected += [("Conv2d", 256, 512, 3, 1, 1, True), leaky, ("Linear", 4 * 4 * 512, 1, True)]
    assert table(build(images(), "meta").discriminator) == expected


@pytest.mark.parametrize(
    ("resolution", "base", "maps"), [(28, 7, [4, 8, 16]), (48, 6, [4, 8, 16, 32]), (128, 4, [4, 8, 16, 32, 32, 32])]
)
def test_sizes_double_from_four_six_or_seven(resolution, base, maps):
    gan = build(images(1, resolution), "meta", width=4)
    assert table(gan.generator)[0][2] == maps[-1] * base**2
    assert [row[2] for row in table(gan.generator) if row[0] == "ConvTranspose2d"] == maps[-2::-1]
    assert [row[2] for row in table(gan.discriminator) if row[0] == "Conv2d" and row[3] == 3] == maps
    assert resolution in sngan.ganbench_model().resolutions
    with pytest.raises(UsageError, match="resolution 30"):
        build(images(1, 30))


def test_every_weight_of_the_discriminator_has_a_largest_singular_value_of_one():
    torch.manual_seed(0)
    gan = build(images(1, 28), width=4).train()
    for _ in range(40):  # one power iteration each
        gan.discriminator(torch.randn(2, 1, 28, 28))
    gan.eval()
    layers = [layer for layer in gan.discriminator if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 6
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2).item()
        assert largest == pytest.approx(1.0, abs=0.03)
    assert not any(nn.utils.parametrize.is_parametrized(layer) for layer in gan.generator.modules())


def test_another_activation_replaces_the_papers():
    assert "ReLU" in table(build(images(), "meta", activation_discriminator="relu").discriminator)


def test_setting_c():
    gan = build(images(), "meta")
    assert {optimizer.defaults["lr"] for optimizer in gan.optimizers.values()} == {2e-4}
    assert {optimizer.defaults["betas"] for optimizer in gan.optimizers.values()} == {(0.5, 0.999)}
    assert DEFAULTS["n_critic"] == 1
    assert (gan.latent, gan.latent_dim) == ("normal", 128)


def test_hinge_by_hand():
    output = torch.tensor([-2.0, -0.5, 0.0, 0.5, 3.0])
    assert Hinge().real(output, None)["source"].item() == pytest.approx((3 + 1.5 + 1 + 0.5 + 0) / 5)
    assert Hinge().fake(output, None)["source"].item() == pytest.approx((0 + 0.5 + 1 + 1.5 + 4) / 5)
    assert Hinge().generator(output, None)["source"].item() == pytest.approx(-0.2)
    assert Hinge().logits(output) is output


def test_hinge_pushes_only_what_is_within_the_margin():
    output = torch.tensor([-2.0, 0.5, 3.0], requires_grad=True)
    for loss, slopes in (
        (Hinge().real(output, None), [-1 / 3, -1 / 3, 0]),
        (Hinge().fake(output, None), [0, 1 / 3, 1 / 3]),
        (Hinge().generator(output, None), [-1 / 3, -1 / 3, -1 / 3]),
    ):
        (gradient,) = torch.autograd.grad(loss["source"], output)
        torch.testing.assert_close(gradient, torch.tensor(slopes))


def test_hinge_is_float32_under_bfloat16():
    output = torch.tensor([0.1, -0.3], dtype=torch.bfloat16)
    terms = (Hinge().real(output, None), Hinge().fake(output, None), Hinge().generator(output, None))
    assert {term["source"].dtype for term in terms} == {torch.float32}


def test_an_iteration_reports_the_hinge_losses():
    torch.manual_seed(0)
    gan = build(images(1, 28), width=4).train()
    out = sngan.ganbench_train(gan, iter([Batch(torch.rand(6, 1, 28, 28) * 2 - 1)]), 0)
    expected = (1 - out["real_logits"]).relu().mean() + (1 + out["fake_logits"]).relu().mean()
    torch.testing.assert_close(out["loss_d"], expected)
    assert out["loss_g"].isfinite()


@pytest.mark.parametrize(("channels", "resolution"), [(1, 32), (3, 48), (3, 64)])
def test_trains_and_samples_images(channels, resolution):
    gan = build(images(channels, resolution), width=2).train()
    real = torch.rand(4, channels, resolution, resolution) * 2 - 1
    assert all(v.isfinite().all() for v in sngan.ganbench_train(gan, iter([Batch(real)]), 0).values())
    with torch.no_grad():
        samples = sngan.ganbench_sample(gan.eval(), gan.sample_latents(3), None)
    assert samples.shape == (3, channels, resolution, resolution)
    assert samples.abs().max() <= 1


def test_trains_and_samples_points():
    torch.manual_seed(0)
    gan = build(DataSpec("points", dim=2), latent_dim=2).train()
    angles = torch.arange(64) % 8 * torch.pi / 4
    ring = torch.stack([angles.cos(), angles.sin()], 1) + 0.01 * torch.randn(64, 2)
    outs = [sngan.ganbench_train(gan, iter([Batch(ring)]), step) for step in range(3)]
    assert all(value.isfinite().all() for out in outs for value in out.values())
    with torch.no_grad():
        assert sngan.ganbench_sample(gan.eval(), gan.sample_latents(5), None).shape == (5, 2)
    dense = [layer for layer in gan.discriminator.modules() if isinstance(layer, nn.Linear)]
    assert all(nn.utils.parametrize.is_parametrized(layer, "weight") for layer in dense)
