"""What every built-in variant and control must do, whatever its paper."""

import copy
import io
from importlib import import_module
from pathlib import Path

import pytest
import torch

from ganbench.errors import UsageError
from ganbench.types import Batch, DataSpec

VARIANTS, CONTROLS = ("dcgan", "sncgan", "vtgan"), ("noise", "memorizer")
SMALL = {"width": 4, "capacity": 40}


def load(name):
    return import_module(f"ganbench_plugins.{name}")


def build(name, spec, **options):
    defaults = load(name).ganbench_model().options
    small = {key: value for key, value in SMALL.items() if key in defaults}
    return load(name).ganbench_build(spec, {**defaults, **small, **options})


def make_batches(spec, num, size=6, device="cpu"):
    for seed in range(num):
        rng = torch.Generator().manual_seed(seed)
        pixels = torch.randint(0, 256, (size, *spec.shape), generator=rng)
        labels = torch.randint(0, 10, (size,), generator=rng)
        yield Batch((pixels / 127.5 - 1).to(device), labels.to(device))


def train(name, gan, batches, seed=0):
    torch.manual_seed(seed)
    return [load(name).ganbench_train(gan, iter([batch]), step) for step, batch in enumerate(batches)]


def images(channels=1, resolution=28):
    return DataSpec("image", channels, resolution, num_classes=10)


def tensors(state):
    """Every tensor of a state dict, the optimisers' moments included, by its path."""
    if isinstance(state, torch.Tensor):
        return {"": state}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return {f"{key}/{path}": value for key, inner in items for path, value in tensors(inner).items()}


def assert_same_state(gan, other):
    mine, theirs = tensors(gan.state_dict()), tensors(other.state_dict())
    assert mine.keys() == theirs.keys()
    assert [key for key in mine if not torch.equal(mine[key], theirs[key])] == []


@pytest.mark.parametrize("name", VARIANTS + CONTROLS)
def test_model_explains_every_option(name):
    info = load(name).ganbench_model()
    assert info.name == name
    assert set(info.options) == set(info.option_help)
    assert info.control is (name in CONTROLS)
    assert info.conditional is (name in ("sncgan", "vtgan"))
    assert info.data_kinds == (("image", "points") if name in CONTROLS else ("image",))


@pytest.mark.parametrize("name", VARIANTS + CONTROLS)
def test_source_is_short_enough_to_read(name):
    assert len(Path(load(name).__file__).read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("resolution", [28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", VARIANTS + CONTROLS)
def test_trains_and_samples_at_every_size(name, channels, resolution):
    spec = images(channels, resolution)
    gan = build(name, spec).train()
    (out,) = train(name, gan, make_batches(spec, 1))
    assert all(value.isfinite().all() for value in out.values())
    gan.eval()
    with torch.no_grad():
        samples = load(name).ganbench_sample(gan, gan.sample_latents(3), torch.tensor([0, 5, 9]))
    assert samples.shape == (3, *spec.shape)
    assert samples.dtype is torch.float32
    assert samples.abs().max() <= 1.0


@pytest.mark.parametrize("name", VARIANTS + CONTROLS)
def test_an_iteration_runs_on_the_meta_device(name):
    spec = images(3, 32)
    with torch.device("meta"):
        gan = build(name, spec).train()
    (out,) = train(name, gan, make_batches(spec, 1, device="meta"))
    assert {
        value.device.type for value in (*out.values(), *gan.state_dict().values()) if isinstance(value, torch.Tensor)
    } <= {"meta"}
    samples = load(name).ganbench_sample(
        gan.eval(), gan.sample_latents(2), torch.zeros(2, dtype=torch.long, device="meta")
    )
    assert samples.device.type == "meta"
    assert samples.shape == (2, 3, 32, 32)


@pytest.mark.parametrize("name", VARIANTS + CONTROLS)
def test_resuming_from_a_saved_state_is_exact(name):
    spec = images()
    gan = build(name, spec).train()
    batches = list(make_batches(spec, 6))
    train(name, gan, batches[:3])
    file = io.BytesIO()
    torch.save(gan.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    resumed = build(name, spec).train()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    train(name, gan, batches[3:], seed=1)
    train(name, resumed, batches[3:], seed=1)
    assert_same_state(gan, resumed)


@pytest.mark.parametrize("name", VARIANTS + CONTROLS)
def test_a_deep_copy_trains_alone_and_alike(name):
    spec = images()
    gan = build(name, spec).train().to(memory_format=torch.channels_last)
    batches = list(make_batches(spec, 2))
    train(name, gan, batches[:1])
    probe = copy.deepcopy(gan)
    before = copy.deepcopy(gan.state_dict())
    train(name, probe, batches[1:], seed=1)
    assert [k for k, v in tensors(before).items() if not torch.equal(v, tensors(gan.state_dict())[k])] == []
    train(name, gan, batches[1:], seed=1)
    assert_same_state(gan, probe)


@pytest.mark.parametrize("name", VARIANTS)
def test_an_iteration_moves_every_weight_and_reports(name):
    spec = images()
    gan = build(name, spec).train()
    before = copy.deepcopy(gan)
    (out,) = train(name, gan, make_batches(spec, 1))
    assert all(not torch.equal(a, b) for a, b in zip(gan.parameters(), before.parameters(), strict=True))
    assert {"loss_d", "loss_g", "real_logits", "fake_logits"} <= set(out)
    assert out["loss_d"].shape == out["loss_g"].shape == ()
    assert out["real_logits"].shape == out["fake_logits"].shape == (6,)


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_are_float32_under_bfloat16(name):
    spec = images(3, 32)
    gan = build(name, spec).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (out,) = train(name, gan, make_batches(spec, 1))
        sample = load(name).ganbench_sample(gan.eval(), gan.sample_latents(2), torch.tensor([0, 1]))
    assert out["loss_d"].dtype is out["loss_g"].dtype is sample.dtype is torch.float32
    assert out["real_logits"].dtype is torch.bfloat16  # so autocast was on


@pytest.mark.parametrize("name", VARIANTS)
def test_a_sample_depends_on_its_own_latent_only(name):
    gan = build(name, images()).train()
    train(name, gan, make_batches(images(), 2))
    gan.eval()
    latents, labels = gan.sample_latents(5), torch.arange(5)
    with torch.no_grad():
        together = load(name).ganbench_sample(gan, latents, labels)
        alone = load(name).ganbench_sample(gan, latents[2:3], labels[2:3])
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dcgan", "sncgan"])
def test_a_resolution_that_no_doubling_reaches_is_refused(name):
    with pytest.raises(UsageError, match=r"resolution 30: .*28, 32"):
        build(name, images(resolution=30))


@pytest.mark.parametrize("name", ["sncgan", "vtgan"])
def test_conditional_variants_refuse_unlabelled_data(name):
    with pytest.raises(UsageError, match=f"{name} is conditional"):
        build(name, DataSpec("image", 1, 28))


@pytest.mark.parametrize("name", ["sncgan", "vtgan"])
def test_the_label_changes_the_sample(name):
    gan = build(name, images()).eval()
    latents = gan.sample_latents(1).expand(2, -1)
    with torch.no_grad():
        first, second = load(name).ganbench_sample(gan, latents, torch.tensor([3, 4]))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", VARIANTS)
def test_options_reach_the_optimisers(name):
    gan = build(name, images(), lr=1e-3, beta1=0.9)
    for optimizer in gan.optimizers.values():
        assert optimizer.defaults["lr"] == 1e-3
        assert optimizer.defaults["betas"] == (0.9, 0.999)
