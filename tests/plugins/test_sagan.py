"""SAGAN's networks against its authors' tables, its game against the formulas."""

import copy

import pytest
import torch
from ganbench_plugins import sagan
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench.models.attention import SelfAttention
from ganbench.types import Batch, DataSpec


def build(resolution=32, channels=3, num_classes=4, device="cpu", **options):
    torch.manual_seed(0)
    with torch.device(device):
        spec = DataSpec("image", channels, resolution, num_classes=num_classes)
        return sagan.ganbench_build(spec, {**sagan.ganbench_model().options, **options}).train()


def small(**options):
    return build(**{"width": 4, "latent_dim": 8, **options})


def sizes(network):
    """(in, out, kernel, bias) of each 3x3 convolution, in order."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)]
    return [(layer.in_channels, layer.out_channels, layer.bias is not None) for layer in layers]


def attending(network, x, *args):
    """Shapes of the maps that attend."""
    seen = []
    hooks = [m.register_forward_hook(lambda m, i, o: seen.append(tuple(o.shape[1:]))) for m in network.modules()
             if isinstance(m, SelfAttention)]  # fmt: skip
    network(x, *args)
    for hook in hooks:
        hook.remove()
    return seen


def test_at_128_px_the_networks_are_the_authors():
    gan = build(128, num_classes=1000, device="meta")
    up = [(wide, narrow, False) for wide, narrow in ((1024, 1024), (1024, 512), (512, 256), (256, 128), (128, 64))]
    pairs = [row for wide, narrow, bias in up for row in ((wide, narrow, bias), (narrow, narrow, bias))]
    assert sizes(gan.generator) == [*pairs, (64, 3, True)]
    down = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024), (1024, 1024)]
    assert sizes(gan.discriminator) == [row for a, b in down for row in ((a, b, True), (b, b, True))]
    dense = gan.generator.start[0]
    assert (dense.in_features, dense.out_features) == (128, 1024 * 4 * 4)
    latents, labels = torch.empty(2, 128, device="meta"), torch.zeros(2, dtype=torch.long, device="meta")
    assert attending(gan.generator, latents, labels) == [(256, 32, 32)]
    assert attending(gan.discriminator, torch.empty(2, 3, 128, 128, device="meta"), labels) == [(128, 32, 32)]


@pytest.mark.parametrize(
    ("resolution", "up", "down", "start", "side"),
    [
        (28, [32, 16], [16, 32, 32], 7, 14),
        (32, [64, 32, 16], [16, 32, 64, 64], 4, 16),
        (64, [128, 64, 32, 16], [16, 32, 64, 128, 128], 4, 32),
    ],
)
def test_smaller_images_leave_the_widest_blocks_out(resolution, up, down, start, side):
    gan = build(resolution, channels=1, device="meta", width=16)
    assert [block.first.out_channels for block in gan.generator.blocks] == up
    assert gan.generator.start[0].out_features == up[0] * start**2
    assert [block.inner[-1].out_channels for block in gan.discriminator.blocks] == down
    assert [block.times for block in gan.discriminator.blocks] == [1] * len(up) + [0]
    labels = torch.zeros(2, dtype=torch.long, device="meta")
    (maps,) = attending(gan.discriminator, torch.empty(2, 1, resolution, resolution, device="meta"), labels)
    assert maps[1:] == (side, side)
    (maps,) = attending(gan.generator, torch.empty(2, 128, device="meta"), labels)
    assert maps[1:] == (side, side)


def test_spectral_norm_on_every_weight_of_both_networks():
    gan = small()
    for network in (gan.generator, gan.discriminator):
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        assert len(layers) > 10
        assert all(is_parametrized(layer, "weight") for layer in layers)
    for _ in range(30):  # power iterations
        gan.generator.train()(gan.sample_latents(4), torch.arange(4))
        gan.discriminator.train()(torch.randn(4, 3, 32, 32), torch.arange(4))
    for layer in gan.eval().modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1.0, abs=0.02)


def test_spectral_norm_of_each_network_can_be_left_out():
    first, second = small(spectral_norm_generator=False), small(spectral_norm=False)
    assert not any(is_parametrized(layer) for layer in first.generator.modules())
    assert any(is_parametrized(layer) for layer in first.discriminator.modules())
    assert any(is_parametrized(layer) for layer in second.generator.modules())
    assert not any(is_parametrized(layer) for layer in second.discriminator.modules())


def test_attention_can_be_left_out_and_changes_nothing_at_the_start():
    with_it, without = small(), small(attention=False)
    assert sum(isinstance(m, SelfAttention) for m in with_it.modules()) == 2
    assert not any(isinstance(m, SelfAttention) for m in without.modules())
    shared = {key: value for key, value in with_it.generator.state_dict().items() if "attention" not in key}
    without.generator.load_state_dict(shared)
    latents, labels = with_it.sample_latents(3), torch.tensor([0, 1, 2])
    with torch.no_grad():
        samples = [sagan.ganbench_sample(gan.eval(), latents, labels) for gan in (with_it, without)]
    torch.testing.assert_close(*samples)


def test_the_discriminator_adds_the_projection_of_the_class():
    gan = small().eval()
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([3, 0, 1, 1])
    network, seen = gan.discriminator, []
    network.head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        outputs, (sums,) = network(images, labels), seen
    classes = network.projection.weight  # [maps, classes], normalised
    for n, label in enumerate(labels.tolist()):
        expected = sums[n] @ network.head.weight[0] + network.head.bias[0] + sums[n] @ classes[:, label]
        torch.testing.assert_close(outputs[n], expected)


def test_without_labels_there_is_nothing_about_classes():
    gan = small(num_classes=None)
    assert gan.discriminator.projection is None
    assert not any(isinstance(layer, nn.Embedding) for layer in gan.modules())
    out = sagan.ganbench_train(gan, iter([Batch(torch.rand(4, 3, 32, 32) * 2 - 1)]), 0)
    assert out["loss_d"].isfinite()
    assert sagan.ganbench_sample(gan.eval(), gan.sample_latents(2), None).shape == (2, 3, 32, 32)


def test_two_rates_and_no_momentum():
    gan = small()
    rates = {name: (each.defaults["lr"], each.defaults["betas"]) for name, each in gan.optimizers.items()}
    assert rates == {"generator": (1e-4, (0.0, 0.9)), "discriminator": (4e-4, (0.0, 0.9))}


def test_the_iteration_reports_the_hinge_losses_of_its_outputs():
    gan = small()
    before = copy.deepcopy(gan.discriminator)
    labels = torch.arange(4)
    out = sagan.ganbench_train(gan, iter([Batch(torch.rand(4, 3, 32, 32) * 2 - 1, labels)]), 0)
    real, fake = out["real_logits"], out["fake_logits"]
    torch.testing.assert_close(out["loss_d"], (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean())
    assert any(not torch.equal(a, b) for a, b in zip(gan.discriminator.parameters(), before.parameters(), strict=True))


def test_pixels_in_0_1_reach_the_discriminator_rescaled():
    plain, rescaled = small(), small(pixel_range="[0,1]")
    rescaled.discriminator.load_state_dict(plain.discriminator.state_dict())
    images, labels = torch.rand(2, 3, 32, 32) * 2 - 1, torch.tensor([0, 1])
    with torch.no_grad():
        first = plain.discriminator.eval()((images + 1) / 2, labels)
        torch.testing.assert_close(rescaled.discriminator.eval()(images, labels), first)
