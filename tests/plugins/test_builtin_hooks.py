"""What every built-in variant and control must do, whatever its paper; the list is that of the entry points."""

import copy
import io
import re
import tomllib
from itertools import count, islice, repeat
from pathlib import Path

import pytest
import torch

from ganbench.errors import UsageError
from ganbench.registry import load_registry
from ganbench.types import Batch, DataSpec

ENTRY_POINTS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "entry-points"
]["ganbench"]
NAMES = [name for name, module in ENTRY_POINTS.items() if module.startswith("ganbench_plugins.")]
CONTROLS = ["noise", "memorizer", "half"]
VARIANTS = [name for name in NAMES if name not in CONTROLS]
CONDITIONAL = {"cgan": True, "sncgan": True, "acgan": True, "vtgan": True, "sagan": "if labelled"}
POINTS = {"gan", "lsgan", "pacgan", "wgan-gp", "sngan", "noise", "memorizer"}
REGISTRY = load_registry()

SMALL = {"width": 4, "units_generator": 8, "units_discriminator": 8, "capacity": 40, "latent_dim": 8, "n_critic": 1}
IMAGES_ONLY = {  # values of which one is not the default
    "width": (8,),
    "pixel_range": ("[-1,1]", "[0,1]"),
    "activation_discriminator": ("elu",),
    "norm_discriminator": ("none", "layer"),
    "diffaugment": ("cutout",),
}
SIZES = [(28, 1), (28, 3), (32, 1), (32, 3), (64, 1), (64, 3), (128, 1), (128, 3)]
MIDWAY = 0.55  # of the budget: in ProGAN, while a resolution fades in


def build(name, spec, **options):
    variant = REGISTRY.variant(name)
    unread = IMAGES_ONLY if spec.kind == "points" else ()
    small = {key: value for key, value in SMALL.items() if key in variant.info.options and key not in unread}
    return variant.build_gan(spec, variant.options({**small, **options})).train()


def images(channels=1, resolution=32, num_classes=10):
    return DataSpec("image", channels, resolution, num_classes=num_classes)


def batches(spec, start=0, size=4, device="cpu"):
    """Batches without end, each from its own number."""
    for seed in count(start):
        rng = torch.Generator().manual_seed(seed)
        real = (torch.randint(0, 256, (size, *spec.shape), generator=rng) / 127.5 - 1).to(device)
        labels = torch.randint(0, spec.num_classes or 1, (size,), generator=rng).to(device)
        yield Batch(real, None if spec.num_classes is None else labels)


def train(name, gan, stream, num_iterations=1, seed=0):
    torch.manual_seed(seed)
    return [REGISTRY.variant(name).train_step(gan, stream, step) for step in range(num_iterations)]


def sample(name, gan, spec, num=3):
    """Samples of the latents 0, 1, …, each with the label of its number, by a model in evaluation mode."""
    variant = REGISTRY.variant(name)
    torch.manual_seed(7)
    latents = gan.sample_latents(num)
    labels = torch.arange(num, device=gan.device) % 10 if variant.info.uses_labels(spec) else None
    with torch.no_grad():
        return variant.sample_batch(gan.eval(), latents, labels, spec.shape)


def tensors(state):
    """Every tensor of a state dict, the optimisers' moments included, by its path."""
    if isinstance(state, torch.Tensor):
        return {"": state}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return {f"{key}/{path}": value for key, inner in items for path, value in tensors(inner).items()}


def assert_same_state(state, other):
    mine, theirs = tensors(state), tensors(other)
    assert mine.keys() == theirs.keys()
    assert [key for key in mine if not torch.equal(mine[key], theirs[key])] == []


def claims(name, resolution):
    claimed = REGISTRY.variant(name).info.resolutions
    return not claimed or resolution in claimed


def test_every_built_in_plugin_is_there():
    assert [name for name in NAMES if name not in REGISTRY.variants] == []
    assert REGISTRY.failures == []


@pytest.mark.parametrize("name", NAMES)
def test_a_plugin_says_what_it_is(name):
    info = REGISTRY.variant(name).info
    assert info.name == name
    assert set(info.options) == set(info.option_help)
    assert info.title
    assert info.description
    assert info.control is (name in CONTROLS)
    assert info.control or info.paper.startswith("https://arxiv.org/abs/")
    assert info.conditional == CONDITIONAL.get(name, False)
    assert set(info.data_kinds) == ({"image", "points"} if name in POINTS else {"image"})
    assert all(claims(name, resolution) for resolution in (32, 64))


@pytest.mark.parametrize("name", NAMES)
def test_source_is_short_enough_to_read(name):
    path = Path(__file__).parents[2] / "plugins" / f"{name.replace('-', '_')}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize(("resolution", "channels"), SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_trains_resumes_copies_and_samples_at_every_size_it_claims(name, resolution, channels):
    if not claims(name, resolution):
        pytest.skip(f"{name} does not claim {resolution} px")
    spec = images(channels, resolution)
    gan = build(name, spec).to(memory_format=torch.channels_last)
    gan.progress = MIDWAY
    (out,) = train(name, gan, batches(spec))
    assert all(value.isfinite().all() for value in out.values())
    before = copy.deepcopy(gan.state_dict())
    file = io.BytesIO()
    torch.save(before, file)
    file.seek(0)
    torch.manual_seed(99)
    resumed = build(name, spec).to(memory_format=torch.channels_last)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    probe = copy.deepcopy(gan)
    assert gan.progress == resumed.progress == probe.progress == MIDWAY
    train(name, probe, batches(spec, 100), seed=1)
    assert_same_state(gan.state_dict(), before)  # the copy trained alone
    train(name, gan, batches(spec, 100), seed=1)
    train(name, resumed, batches(spec, 100), seed=1)
    assert_same_state(gan.state_dict(), probe.state_dict())
    assert_same_state(gan.state_dict(), resumed.state_dict())
    after = copy.deepcopy(gan.state_dict())
    samples = sample(name, gan, spec)
    assert samples.dtype is torch.float32
    assert samples.abs().max() <= 1.0
    assert torch.equal(samples, sample(name, resumed, spec))
    assert_same_state(gan.state_dict(), after)  # sampling leaves the model as it was


@pytest.mark.parametrize("name", sorted(POINTS))
def test_trains_and_samples_points(name):
    spec = DataSpec("points", dim=2)
    stream = (Batch(torch.randn(8, 2)) for _ in count())
    gan = build(name, spec)
    (out,) = train(name, gan, stream)
    assert all(value.isfinite().all() for value in out.values())
    assert sample(name, gan, spec, 5).shape == (5, 2)


@pytest.mark.parametrize("option", IMAGES_ONLY)
@pytest.mark.parametrize("name", sorted(POINTS - set(CONTROLS)))
def test_options_that_act_on_images_alone_are_refused_for_points(name, option):
    variant = REGISTRY.variant(name)
    default = variant.info.options.get(option)
    if default is None:
        pytest.skip(f"{name} has no option {option}")
    changed = variant.options({option: next(value for value in IMAGES_ONLY[option] if value != default)})
    with torch.device("meta"):
        variant.build_gan(images(), changed)
        with pytest.raises(UsageError, match=f"option {option}: .* leave it at {re.escape(repr(default))}"):
            variant.build_gan(DataSpec("points", dim=2), changed)


@pytest.mark.parametrize("resolution", [28, 32, 64, 128])
@pytest.mark.parametrize("name", NAMES)
def test_an_iteration_runs_on_the_meta_device(name, resolution):
    if not claims(name, resolution):
        pytest.skip(f"{name} does not claim {resolution} px")
    spec = images(3, resolution)
    with torch.device("meta"):
        gan = build(name, spec)
    for gan.progress in (0.0, MIDWAY, 1.0) if name == "progan" else (0.0,):
        (out,) = train(name, gan.train(), batches(spec, device="meta"))
        assert all(value.device.type == "meta" for value in out.values())
        assert all(value.device.type == "meta" for value in [*gan.parameters(), *gan.buffers()])
        assert sample(name, gan, spec).device.type == "meta"


@pytest.mark.parametrize("name", VARIANTS)
def test_every_weight_moves(name):
    """At high rates in a few iterations: what is scaled by a weight that starts at zero moves in the second, and the
    last bias of a hinge game once a logit is beyond 1. ProGAN's stages are reached one after the other."""
    spec = images()
    known = REGISTRY.variant(name).info.options
    torch.manual_seed(0)
    gan = build(name, spec, **{key: rate for key, rate in (("lr", 0.01), ("lr_discriminator", 0.05)) if key in known})
    still = {key for key, _ in gan.named_parameters()}
    for progress in [step / 8 for step in range(9)] if name == "progan" else [0.0]:
        gan.progress = progress
        before = copy.deepcopy(dict(gan.named_parameters()))
        train(name, gan, batches(spec), num_iterations=4)
        assert all(value.isfinite().all() for value in gan.parameters())
        still -= {key for key, value in gan.named_parameters() if not torch.equal(value, before[key])}
    assert still == set()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_weight_belongs_to_an_optimiser(name):
    gan = build(name, images())
    held = [id(p) for each in gan.optimizers.values() for group in each.param_groups for p in group["params"]]
    assert {id(parameter) for parameter in gan.parameters()} <= set(held)


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_and_logits_are_reported_without_a_graph(name):
    spec = images()
    (out,) = train(name, build(name, spec), batches(spec))
    assert {"loss_g"} <= set(out) if name == "vae" else {"loss_d", "loss_g"} <= set(out)
    assert {"real_logits", "fake_logits"} <= set(out) or name in ("wgan", "wgan-gp", "progan", "vae")
    for key, value in out.items():
        num_logits = 2 if name == "pacgan" else 4  # of packs
        assert value.shape == ((num_logits,) if key.endswith("_logits") else ())
        assert not value.requires_grad


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_are_float32_under_bfloat16(name):
    spec, types = images(3), set()
    gan = build(name, spec)
    for module in gan.modules():
        module.register_forward_hook(lambda module, inputs, output: types.add(getattr(output, "dtype", None)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (out,) = train(name, gan, batches(spec))
        samples = sample(name, gan, spec)
    assert torch.bfloat16 in types  # so autocast was on
    assert {value.dtype for key, value in out.items() if not key.endswith("_logits")} == {torch.float32}
    assert all(value.isfinite().all() for value in out.values())
    assert samples.dtype is torch.float32


@pytest.mark.parametrize("name", VARIANTS)
def test_a_sample_depends_on_its_own_latent_only(name):
    variant, spec = REGISTRY.variant(name), images()
    gan = build(name, spec)
    gan.progress = MIDWAY
    train(name, gan, batches(spec), num_iterations=2)
    gan.eval()
    latents, labels = gan.sample_latents(5), torch.arange(5) if variant.info.uses_labels(spec) else None
    with torch.no_grad():
        together = variant.sample(gan=gan, latents=latents, labels=labels)
        alone = variant.sample(gan=gan, latents=latents[2:3], labels=None if labels is None else labels[2:3])
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[2:3], together[3:4])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_builds_the_same_model(name):
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build(name, images()).state_dict())
    assert_same_state(*states)


@pytest.mark.parametrize("name", [name for name in VARIANTS if CONDITIONAL.get(name) is True])
def test_conditional_variants_refuse_unlabelled_data(name):
    with pytest.raises(UsageError, match=f"{name} is conditional"):
        build(name, images(num_classes=None))


@pytest.mark.parametrize("name", [name for name in NAMES if CONDITIONAL.get(name) is not True])
def test_the_others_train_without_labels(name):
    spec = images(num_classes=None)
    if REGISTRY.variant(name).info.min_classes:
        pytest.skip(f"{name} is for data with classes")
    gan = build(name, spec)
    train(name, gan, batches(spec))
    assert sample(name, gan, spec).shape == (3, 1, 32, 32)


@pytest.mark.parametrize("name", CONDITIONAL)
def test_the_label_changes_the_sample(name):
    spec = images()
    gan = build(name, spec)
    train(name, gan, batches(spec), num_iterations=2)
    latents = gan.eval().sample_latents(1).expand(2, -1)
    with torch.no_grad():
        first, second = REGISTRY.variant(name).sample(gan=gan, latents=latents, labels=torch.tensor([0, 1]))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("resolution", [30, 33])
@pytest.mark.parametrize("name", NAMES)
def test_a_resolution_is_claimed_or_refused(name, resolution):
    """A variant that claims any resolution works at sizes that no doubling reaches."""
    spec = images(resolution=resolution)
    if not claims(name, resolution):
        with pytest.raises(UsageError, match=rf"resolution {resolution}: .*32"):
            build(name, spec)
        return
    gan = build(name, spec)
    train(name, gan, islice(batches(spec), 1))
    assert sample(name, gan, spec).shape == (3, *spec.shape)


OTHER_SIZES = [8, 14, 16, 30, 33, 48, 56, 96, 112, 224, 256, 448, 512]


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_other_size_that_it_claims_fits_its_networks(name):
    """Shapes alone, so on the meta device: one iteration and samples."""
    for resolution in OTHER_SIZES:
        if not claims(name, resolution):
            continue
        spec = images(3, resolution)
        with torch.device("meta"):
            gan = build(name, spec)
            batch = Batch(torch.empty(4, *spec.shape), torch.zeros(4, dtype=torch.long))
        gan.progress = 1.0
        train(name, gan, repeat(batch))
        assert sample(name, gan, spec, 2).shape == (2, *spec.shape)
