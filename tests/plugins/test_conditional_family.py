"""CGAN, AC-GAN, VT-GAN, InfoGAN: layers against the tables of reports and papers, losses by hand, what is special."""

import math
from importlib import import_module
from itertools import repeat

import pytest
import torch
from torch import nn

from ganbench.errors import UsageError
from ganbench.models.auxiliary import auxiliary_objective
from ganbench.models.infogan import Codes, CodeSizes, InformationMaximizing, gaussian_nll
from ganbench.models.losses import NonSaturating, Targets
from ganbench.types import Batch, DataSpec

LEAKY = ("LeakyReLU", 0.2)
VTGAN_ON = {"minibatch_discrimination": True, "label_smoothing": 0.1, "class_smoothing": 0.1}
VTGAN_OFF = {"minibatch_discrimination": False, "label_smoothing": 0.0, "class_smoothing": 0.0}


def load(name):
    return import_module(f"ganbench_plugins.{name}")


def spec(resolution=32, channels=3):
    return DataSpec("image", channels, resolution, num_classes=10)


def build(name, data=None, **options):
    plugin = load(name)
    return plugin.ganbench_build(data or spec(), {**plugin.ganbench_model().options, **options})


def shapes(name, data=None, **options):
    with torch.device("meta"):
        return build(name, data, **options)


def table(network):
    """(kind, in, out, kernel, stride, padding, bias) of each convolution and dense layer, other layers by name."""
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
            rows.append((kind, layer.negative_slope))
        elif isinstance(layer, nn.ReLU | nn.Tanh | nn.Sigmoid | nn.Dropout | nn.GroupNorm | nn.InstanceNorm2d | nn.ELU):
            rows.append(kind)
    return rows


def strides(network):
    return [layer.stride[0] for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def filters(network):
    return [layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def normalised(network):
    """Kinds of the layers whose weight is divided by its largest singular value."""
    is_parametrized = nn.utils.parametrize.is_parametrized
    return [is_parametrized(layer, "weight") for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def batch(data, size=6):
    rng = torch.Generator().manual_seed(3)
    real = torch.rand(size, *data.shape, generator=rng) * 2 - 1
    return Batch(real, torch.randint(0, 10, (size,), generator=rng))


def trained(name, steps=1, data=None, **options):
    """A narrow model after some iterations, and what the last reported."""
    data = data or spec(28, 1)
    torch.manual_seed(1)
    gan = build(name, data, width=4, **options).train()
    torch.manual_seed(2)
    for step in range(steps):
        reported = load(name).ganbench_train(gan, repeat(batch(data)), step)
    return gan, reported


# --- AC-GAN and VT-GAN ------------------------------------------------------------------------------------------------


def test_acgan_on_cifar_has_the_reports_discriminator():
    expected, channels = [], 3
    for kernel, stride, maps in ((5, 2, 16), (5, 1, 32), (3, 2, 64), (5, 1, 128), (3, 2, 256), (3, 1, 512)):
        normed = maps not in (16, 512)
        expected.append(("Conv2d", channels, maps, kernel, stride, kernel // 2, not normed))
        expected += [("BN", maps), LEAKY] if normed else [LEAKY]
        channels = maps
    heads = [("Linear", 512 * 4 * 4, 1, True), ("Linear", 512 * 4 * 4, 10, True)]
    assert table(shapes("acgan").discriminator) == expected + heads


@pytest.mark.parametrize("name", ["acgan", "vtgan"])
def test_both_have_the_reports_generator(name):
    gan = shapes(name)
    expected = [("Linear", 100 + 10, 512 * 2 * 2, True), LEAKY]
    for wide, narrow in ((512, 256), (256, 128), (128, 64)):
        expected += [("ConvTranspose2d", wide, narrow, 5, 2, 2, False), ("BN", narrow), LEAKY]
    assert table(gan.generator) == [*expected, ("ConvTranspose2d", 64, 3, 5, 2, 2, True), "Tanh"]
    assert gan.latent == "uniform"
    assert gan.latent_dim == 100


def test_vtgan_compares_the_batch_with_30_kernels_of_dimension_5():
    gan, plain = shapes("vtgan"), shapes("acgan")
    layer = gan.discriminator.layers[-1]
    assert layer.kernel_shape == (30, 5)
    assert layer.weight.shape == (8192, 150)
    assert gan.discriminator.source_head.in_features == gan.discriminator.class_head.in_features == 8192 + 30
    more = num_parameters(gan.discriminator) - num_parameters(plain.discriminator)
    assert more == 8192 * 150 + 30 * (1 + 10)
    assert num_parameters(gan.generator) == num_parameters(plain.generator)


@pytest.mark.parametrize(
    ("resolution", "expected", "last_size", "maps"),
    [
        (16, [2, 1, 2, 1, 1, 1], 4, [256, 128, 64]),
        (28, [2, 1, 2, 1, 2, 1], 4, [512, 256, 128, 64]),
        (64, [2, 1, 2, 1, 2, 2], 4, [512, 512, 256, 128, 64]),
        (128, [2, 1, 2, 2, 2, 2], 4, [512, 512, 512, 256, 128, 64]),
    ],
)
def test_auxiliary_networks_adapt_to_the_resolution(resolution, expected, last_size, maps):
    gan = shapes("vtgan", spec(resolution))
    assert strides(gan.discriminator) == expected
    assert gan.discriminator.source_head.in_features == 512 * last_size**2 + 30
    assert table(gan.generator)[0] == ("Linear", 110, maps[0] * 2 * 2, True)
    assert filters(gan.generator) == [*maps[1:], 3]


def test_auxiliary_networks_scale_every_layer_with_the_width():
    gan = shapes("vtgan", width=16)
    assert filters(gan.discriminator) == [4, 8, 16, 32, 64, 128]
    assert filters(gan.generator) == [64, 32, 16, 3]
    assert table(gan.generator)[0] == ("Linear", 110, 128 * 2 * 2, True)


def test_acgan_takes_the_styles_of_its_options():
    gan = shapes(
        "acgan",
        activation_generator="elu",
        activation_discriminator="relu",
        norm_generator="layer",
        norm_discriminator="none",
        dropout=0.5,
        spectral_norm=True,
        pixel_range="[0,1]",
    )
    drawing, judging = table(gan.generator), table(gan.discriminator)
    assert [row for row in drawing if isinstance(row, str)] == ["ELU", *["GroupNorm", "ELU"] * 3, "Sigmoid"]
    assert [row for row in judging if isinstance(row, str)] == ["ReLU", "Dropout"] * 6
    assert all(row[-1] for row in judging if isinstance(row, tuple))  # biases where no norm follows
    assert normalised(gan.discriminator) == [True] * 8
    black = torch.full((1, 3, 32, 32), -1.0, device="meta")
    assert gan.discriminator.layers[0](black).shape == black.shape  # the rescaling to [0, 1]


def test_vtgan_with_all_off_is_acgan_bit_for_bit():
    (plain, _), (off, _) = trained("acgan", steps=3), trained("vtgan", steps=3, **VTGAN_OFF)
    (on, _), (vtgan, _) = trained("acgan", steps=3, **VTGAN_ON), trained("vtgan", steps=3)
    for one, other in ((plain, off), (on, vtgan)):
        mine, theirs = one.state_dict(), other.state_dict()
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine if key != "_extra_state")


@pytest.mark.parametrize("off", VTGAN_OFF)
def test_each_addition_of_vtgan_can_be_switched_off_alone(off):
    (_, full), (_, less) = trained("vtgan"), trained("vtgan", **{off: VTGAN_OFF[off]})
    assert full["loss_d"] != less["loss_d"]
    changed = {name for name in ("loss_d_source", "loss_d_class") if full[name] != less[name]}
    everything = {"loss_d_source", "loss_d_class"}
    expected = {"label_smoothing": {"loss_d_source"}, "class_smoothing": {"loss_d_class"}}
    assert changed == expected.get(off, everything)


def test_vtgan_compares_reals_with_reals_and_fakes_with_fakes():
    real = batch(spec(28, 1)).real
    for name, depends in (("acgan", False), ("vtgan", True)):
        discriminator = trained(name)[0].discriminator.eval()
        together, alone = discriminator(real)[0][:1], discriminator(real[:1])[0]
        assert torch.allclose(together, alone, atol=1e-5) is not depends


def log_softmax(row):
    log_z = math.log(sum(math.exp(x) for x in row))
    return [x - log_z for x in row]


def test_vtgans_loss_follows_the_reports_formula():
    source, classes = torch.tensor([1.5, -0.5]), torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.2, 0.9]])
    labels = torch.tensor([0, 2])
    options = {"label_smoothing": 0.2, "smoothing": "one-sided", "noisy_labels": 0.0, "class_smoothing": 0.3}
    game = auxiliary_objective(options)

    def by_hand(target, smoothing):
        p = [1 / (1 + math.exp(-x)) for x in source.tolist()]
        on_source = -sum(target * math.log(x) + (1 - target) * math.log(1 - x) for x in p) / 2
        on_class = 0.0
        for row, label in zip(classes.tolist(), labels.tolist(), strict=True):
            targets = [1 - smoothing * 2 / 3 if c == label else smoothing / 3 for c in range(3)]  # k = 3
            on_class -= sum(t * log_q for t, log_q in zip(targets, log_softmax(row), strict=True)) / 2
        return {"source": on_source, "class": on_class}

    for terms, expected in (
        (game.real((source, classes), labels), by_hand(0.9, 0.3)),  # 1 - ε/2
        (game.fake((source, classes), labels), by_hand(0.0, 0.0)),
        (game.generator((source, classes), labels), by_hand(1.0, 0.0)),
    ):
        assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["acgan", "vtgan"])
def test_a_class_smoothing_that_is_no_share_is_refused_when_built(name):
    with pytest.raises(UsageError, match=r"class_smoothing: expected a share from 0 to 1, got 1\.5"):
        build(name, spec(), width=4, class_smoothing=1.5)


# --- CGAN -------------------------------------------------------------------------------------------------------------


def test_cgan_on_cifar_has_138_and_13_input_channels_and_the_chosen_layers():
    gan = shapes("cgan")
    drawing = [("Linear", 138, 138 * 8 * 8, True), LEAKY]
    for wide in (138, 128):
        drawing += [("ConvTranspose2d", wide, 128, 5, 2, 2, False), ("BN", 128), LEAKY]
    assert table(gan.generator) == [*drawing, ("Conv2d", 128, 3, 5, 1, 2, True), "Tanh"]
    judging, maps = [], 13
    for wider, stride in ((64, 2), (128, 2), (256, 1)):
        judging += [("Conv2d", maps, wider, 5, stride, 2, True), LEAKY]
        maps = wider
    assert table(gan.discriminator) == [*judging, ("Linear", 256 * 8 * 8, 1, True)]


def test_cgan_is_larger_than_sncgan_as_the_report_says():
    gan, winner = shapes("cgan"), shapes("sncgan")
    assert num_parameters(gan.generator) == 2_088_963
    assert num_parameters(gan.discriminator) == 1_061_633
    more_g, more_d = (
        num_parameters(getattr(gan, network)) - num_parameters(getattr(winner, network))
        for network in ("generator", "discriminator")
    )
    assert (more_g, more_d) == (864_387, 388_097)
    assert more_g == pytest.approx(850_000, rel=0.05)
    assert more_d == pytest.approx(400_000, rel=0.05)


def test_cgan_has_spectral_norm_in_the_discriminator_only():
    gan = shapes("cgan")
    assert normalised(gan.discriminator) == [True] * 4
    assert not any(normalised(gan.generator))
    assert not any(normalised(shapes("cgan", spectral_norm=False).discriminator))


@pytest.mark.parametrize(
    ("resolution", "base", "doubled", "halved"),
    [
        (8, 8, [], [1]),
        (28, 7, [2, 2], [2, 2, 1]),
        (30, 8, [2, 2], [2, 2, 1]),
        (64, 8, [2, 2, 2], [2, 2, 2, 1]),
        (128, 8, [2, 2, 2, 2], [2, 2, 2, 2, 1]),
    ],
)
def test_cgan_doubles_from_and_halves_to_at_most_8_pixels(resolution, base, doubled, halved):
    gan = shapes("cgan", spec(resolution, 1), width=16)
    assert table(gan.generator)[0] == ("Linear", 138, 138 * base**2, True)
    assert strides(gan.generator) == [*doubled, 1]
    assert strides(gan.discriminator) == halved
    assert filters(gan.discriminator) == [16 * min(2**i, 8) for i in range(len(halved))]
    latents, labels = torch.zeros(2, 128, device="meta"), torch.zeros(2, dtype=torch.long, device="meta")
    images = gan.generator(latents, labels)
    assert images.shape == (2, 1, resolution, resolution)
    assert gan.discriminator(images, labels).shape == (2,)


def test_cgans_discriminator_is_told_the_label():
    gan, _ = trained("cgan")
    real = batch(spec(28, 1), size=1).real.expand(2, -1, -1, -1)
    first, second = gan.discriminator.eval()(real, torch.tensor([3, 4]))
    assert first != second


def test_cgan_2_smooths_the_real_side():
    (_, plain), (_, smooth) = trained("cgan"), trained("cgan", label_smoothing=0.2)
    # -t·log p - (1-t)·log(1-p) = softplus(l) - t·l, so a target lowered by 0.1 adds 0.1·l
    torch.testing.assert_close(smooth["loss_d"], plain["loss_d"] + 0.1 * plain["real_logits"].mean())


# --- InfoGAN ----------------------------------------------------------------------------------------------------------


def test_infogan_on_mnist_has_the_papers_layers():
    gan = shapes("infogan", spec(28, 1))
    assert gan.latent_dim == 74
    assert gan.latent == "normal"
    assert table(gan.generator) == [
        ("Linear", 74, 1024, False),
        ("BN", 1024),
        "ReLU",
        ("Linear", 1024, 7 * 7 * 128, False),
        ("BN", 7 * 7 * 128),
        "ReLU",
        ("ConvTranspose2d", 128, 64, 4, 2, 1, False),
        ("BN", 64),
        "ReLU",
        ("ConvTranspose2d", 64, 1, 4, 2, 1, True),
        "Tanh",
    ]
    trunk = [("Conv2d", 1, 64, 4, 2, 1, True), LEAKY, ("Conv2d", 64, 128, 4, 2, 1, False), ("BN", 128), LEAKY]
    trunk += [("Linear", 7 * 7 * 128, 1024, False), ("BN", 1024), LEAKY]
    assert table(gan.discriminator.trunk) == trunk
    assert table(gan.discriminator.source_head) == [("Linear", 1024, 1, True)]
    expected = [("Linear", 1024, 128, False), ("BN", 128), LEAKY, ("Linear", 128, 12, True)]
    assert table(gan.discriminator.code_head) == expected


@pytest.mark.parametrize(("resolution", "base", "maps"), [(32, 4, [32, 16, 8]), (64, 4, [64, 32, 16, 8])])
def test_infogan_doubles_its_width_with_the_resolution(resolution, base, maps):
    gan = shapes("infogan", spec(resolution), width=8, num_codes=5, continuous_codes=3, latent_dim=20)
    assert gan.latent_dim == 28
    assert [row[1:3] for row in table(gan.generator) if row[0] == "Linear"] == [(28, 128), (128, maps[0] * base**2)]
    assert filters(gan.generator) == [*maps[1:], 3]
    assert filters(gan.discriminator) == maps[::-1]
    assert table(gan.discriminator.code_head)[-1] == ("Linear", 16, 8, True)


def test_infogan_takes_the_papers_rates_and_reads_codes_with_the_discriminators_optimiser():
    gan = build("infogan", spec(28, 1), width=4)
    assert gan.optimizers["generator"].defaults["lr"] == 1e-3
    assert gan.optimizers["discriminator"].defaults["lr"] == 2e-4
    assert gan.optimizers["discriminator"].defaults["betas"] == (0.5, 0.999)
    held = {id(p) for group in gan.optimizers["discriminator"].param_groups for p in group["params"]}
    assert held == {id(p) for p in gan.discriminator.parameters()}
    assert {id(p) for p in gan.discriminator.code_head.parameters()} < held


def test_codes_are_the_largest_place_and_the_normal_distribution_function():
    sizes = CodeSizes(num_categories=3, num_continuous=2)
    latents = torch.tensor([[0.1, 2.0, -3.0, 0.0, 1.0, 0.7], [-0.2, -0.4, -0.1, -1.96, 8.0, -0.7]])
    codes = sizes.of(latents)
    assert codes.categories.tolist() == [1, 2]
    # 2Φ(1) - 1 = 0.6826895 and Φ(1.96) = 0.9750021
    assert codes.continuous.flatten().tolist() == pytest.approx([0, 0.6826895, -0.9500042, 1], abs=1e-6)
    expected = [[0, 1, 0, 0, 0.6826895, 0.7], [0, 0, 1, -0.9500042, 1, -0.7]]
    torch.testing.assert_close(sizes.encode(latents), torch.tensor(expected), atol=1e-6, rtol=0)


def test_codes_of_normal_latents_are_uniform():
    latents = torch.randn(50_000, 12, generator=torch.Generator().manual_seed(0))
    codes = CodeSizes(10, 2).of(latents)
    counts = torch.bincount(codes.categories, minlength=10)
    assert ((counts - 5000).square() / 5000).sum() < 27.9  # χ² with 9 degrees of freedom, p = 0.001
    steps = (torch.arange(50_000) + 0.5) / 50_000 * 2 - 1
    furthest = (codes.continuous.sort(dim=0).values - steps[:, None]).abs().max() / 2
    assert furthest < 1.95 / math.sqrt(50_000)  # Kolmogorov and Smirnov, p = 0.001


def test_a_code_changes_the_image_and_what_it_is_computed_from_does_not():
    gan = build("infogan", spec(28, 1), width=4).train()
    gan.generator(gan.sample_latents(64))  # so that batch norm has seen a batch
    gan.eval()
    torch.manual_seed(5)
    latents = gan.sample_latents(1).repeat(4, 1)
    latents[0, :10], latents[1, :10], latents[2, :10] = -1.0, -1.0, -2.0
    latents[0, 3], latents[1, 6], latents[2, 3] = 1.0, 1.0, 0.5  # category 3, 6, and 3 again
    latents[3] = latents[0]
    latents[3, 11] += 1.0  # the second continuous code
    with torch.no_grad():
        third, sixth, third_again, turned = load("infogan").ganbench_sample(gan, latents, None)
    same = (third - third_again).abs().max()
    assert (third - sixth).abs().max() > 100 * same
    assert (third - turned).abs().max() > 100 * same


def test_infogans_loss_is_the_codes_negative_log_likelihood():
    source = torch.tensor([0.3, -1.2])
    category_logits, means = torch.tensor([[1.0, -1.0, 0.5], [0.0, 2.0, 0.1]]), torch.tensor([[0.2], [-0.4]])
    codes = Codes(torch.tensor([2, 1]), torch.tensor([[0.5], [-1.0]]))
    game = InformationMaximizing(NonSaturating(Targets(real=0.9)), categorical_weight=0.7, continuous_weight=0.2)
    output = (source, category_logits, means)
    cross_entropy = -(log_softmax([1.0, -1.0, 0.5])[2] + log_softmax([0.0, 2.0, 0.1])[1]) / 2
    nll = (0.3**2 + 0.6**2) / 2 / 2 + math.log(2 * math.pi) / 2
    for terms, adversarial in (
        (game.fake(output, codes), NonSaturating().fake(source, None)),
        (game.generator(output, codes), NonSaturating().generator(source, None)),
    ):
        assert terms["source"] == adversarial["source"]
        assert terms["category"].item() == pytest.approx(0.7 * cross_entropy, rel=1e-6)
        assert terms["continuous"].item() == pytest.approx(0.2 * nll, rel=1e-6)
    assert game.real(output, None) == NonSaturating(Targets(real=0.9)).real(source, None)  # reals have no known codes
    assert torch.equal(game.logits(output), source)


def test_gaussian_likelihood_agrees_with_torchs():
    means, values = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    expected = -torch.distributions.Normal(means, 1.0).log_prob(values).sum(1).mean()
    torch.testing.assert_close(gaussian_nll(means, values), expected)
    assert gaussian_nll(means.bfloat16(), values).dtype is torch.float32
    assert gaussian_nll(values, values).item() == pytest.approx(1.5 * math.log(2 * math.pi))  # read off perfectly


def test_infogan_learns_to_read_its_codes():
    data = spec(28, 1)
    torch.manual_seed(0)
    gan = build("infogan", data, width=8, num_codes=3, lr_discriminator=2e-3).train()
    losses = [load("infogan").ganbench_train(gan, repeat(batch(data, size=32)), step) for step in range(60)]
    assert losses[0]["loss_g_category"] > 0.8  # log 3 = 1.10 is guessing
    assert losses[-1]["loss_g_category"] < 0.5


@pytest.mark.parametrize("joint", [False, True])
def test_infogan_leaves_labels_aside(joint):
    data = spec(28, 1)
    labelled = batch(data)
    reported = []
    for shown in (labelled, Batch(labelled.real)):
        torch.manual_seed(1)
        gan = build("infogan", data, width=4, joint_batch=joint).train()
        reported.append(load("infogan").ganbench_train(gan, repeat(shown), 0))
    assert reported[0]["loss_d"] == reported[1]["loss_d"]
    assert reported[0]["loss_g"] == reported[1]["loss_g"]


def test_infogan_takes_as_many_batches_as_its_discriminator_updates():
    data = spec(28, 1)
    batches = iter([batch(data)] * 5)
    load("infogan").ganbench_train(build("infogan", data, width=4, n_critic=2).train(), batches, 0)
    assert len(list(batches)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_codes": 0}, "num_codes: expected at least 1"),
        ({"continuous_codes": 0}, "continuous_codes: expected at least 1"),
        ({"lambda_categorical": -1.0}, "lambda_categorical: expected a number from 0 up"),
        ({"lambda_continuous": -1.0}, "lambda_continuous: expected a number from 0 up"),
        ({"label_smoothing": 2.0}, "label_smoothing: expected a share"),
    ],
)
def test_infogan_refuses_what_it_cannot_do_when_built(options, message):
    with pytest.raises(UsageError, match=message):
        build("infogan", spec(28, 1), width=4, **options)


def test_infogan_refuses_a_size_that_no_doubling_reaches():
    with pytest.raises(UsageError, match="resolution 30"):
        build("infogan", spec(30))


@pytest.mark.parametrize("name", ["acgan", "vtgan", "cgan"])
def test_the_labelled_ones_refuse_unlabelled_data(name):
    with pytest.raises(UsageError, match=f"{name} is conditional"):
        build(name, DataSpec("image", 1, 28))
