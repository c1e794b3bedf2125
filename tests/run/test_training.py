"""The loop: budgets, history, held-out probe, averaging, checkpoints, and resume bit for bit."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import spectral_norm, weight_norm

from ganbench import GAN, adam
from ganbench.registry import load_registry
from ganbench.results.store import read_history
from ganbench.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint, weights_sha256
from ganbench.run.monitor import Monitor, TrainingDivergedError
from ganbench.run.training import Interrupted, Trainer, is_snapshot_step, num_parameters
from ganbench.seeding import seed_everything

TIMINGS = ("seconds", "images_per_second")


class Session:
    """Trainers on one folder, as separate processes would make them."""

    def __init__(self, folder, variant, spec, make_stream, settings):
        self.folder, self.variant, self.spec = folder, variant, spec
        self.make_stream, self.settings = make_stream, settings

    def trainer(self, **arguments):
        seed_everything(11)
        gan = self.variant.build_gan(self.spec, self.variant.info.options)
        seed_everything(12)
        return Trainer(
            self.variant, gan, self.make_stream(1), self.settings, self.folder, heldout=self.make_stream(2), **arguments
        )

    def lines(self):
        history = read_history(self.folder / "history.jsonl")
        return [{key: value for key, value in line.items() if key not in TIMINGS} for line in history]


@pytest.fixture
def session(tmp_path, make_variant, spec, make_stream, make_settings):
    def make(name="trial", settings=None, variant=None):
        return Session(tmp_path / name, variant or make_variant(), spec, make_stream, settings or make_settings())

    return make


def stop_after(step):
    """A `should_stop` that says yes once, after `step` more steps."""
    calls = iter(range(1, 10**6))
    return lambda: next(calls) == step


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("stops", [[7], [5, 1, 12]])
def test_a_stopped_run_ends_bit_for_bit_where_one_left_alone_ends(session, make_settings, stops, ema):
    settings = make_settings(ema=ema)
    alone = session("alone", settings)
    whole = alone.trainer()
    whole.run()
    stopped = session("stopped", settings)
    for steps in stops:
        with pytest.raises(Interrupted):
            stopped.trainer(should_stop=stop_after(steps)).run()
    last = stopped.trainer()
    last.run()
    assert weights_sha256(last.gan) == weights_sha256(whole.gan)
    with last.averaged_weights(), whole.averaged_weights():
        assert weights_sha256(last.gan) == weights_sha256(whole.gan)
    assert last.resumed_at == [sum(stops[: i + 1]) for i in range(len(stops))]
    assert last.batches.num_images == whole.batches.num_images == 30 * 16


def test_a_killed_run_goes_on_from_its_last_checkpoint_and_its_history_is_that_of_one_left_alone(
    session, make_settings
):
    settings = make_settings(checkpoint_every_seconds=0.0)  # at every history line
    alone = session("alone", settings)
    alone.trainer().run()

    class Killed(BaseException):
        pass

    def kill_at_18(step):
        raise Killed

    killed = session("killed", settings)
    trainer = killed.trainer()
    iterate = trainer._iterate

    def iterate_until_17():
        if trainer.step == 17:
            raise Killed
        iterate()

    trainer._iterate = iterate_until_17
    with pytest.raises(Killed):
        trainer.run()
    assert load_checkpoint(trainer.checkpoint_path)["step"] == 15
    resumed = killed.trainer()
    resumed.run()
    assert resumed.resumed_at == [15]
    assert killed.lines() == alone.lines()
    states = [load_checkpoint(s.folder / "checkpoints" / "last.pt") for s in (alone, killed)]
    for key, value in states[0]["gan"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, states[1]["gan"][key]), key


def test_a_finished_run_is_not_trained_again(session):
    done = session()
    done.trainer().run()
    before = (done.folder / "checkpoints" / "last.pt").read_bytes()
    again = done.trainer()
    again.run()
    assert again.step == 30
    assert again.resumed_at == []
    assert (done.folder / "checkpoints" / "last.pt").read_bytes() == before
    assert len(done.lines()) == 6


def test_history_has_losses_discriminator_curves_norms_and_heldout_values(session):
    one = session()
    one.trainer().run()
    lines = read_history(one.folder / "history.jsonl")
    assert [line["step"] for line in lines] == [5, 10, 15, 20, 25, 30]
    names = {"loss_d", "loss_g", "d_real", "d_fake", "d_recall", "grad_norm_generator", "grad_norm_discriminator"}
    for line in lines:
        assert names | {"images", *TIMINGS} <= set(line)
        assert ("heldout_loss_d" in line) == (line["step"] % 10 == 0)
        assert 0 <= line["d_recall"] <= 1
        assert line["images_per_second"] > 0
    assert lines[-1]["images"] == 480


def test_the_monitor_reduces_as_the_formulas_say():
    monitor = Monitor()
    monitor.observe(
        {"loss_d": torch.tensor(1.0), "real_logits": torch.tensor([0.0, 2.0]), "fake_logits": torch.tensor([-1.0])}
    )
    monitor.observe(
        {"loss_d": torch.tensor(2.0), "real_logits": torch.tensor([1.0, 1.0]), "fake_logits": torch.tensor([3.0])}
    )
    line = monitor.reduce()
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    assert line["loss_d"] == pytest.approx(1.5)
    assert line["d_real"] == pytest.approx((0.5 + sigmoid(2) + 2 * sigmoid(1)) / 4)
    assert line["d_fake"] == pytest.approx((sigmoid(-1) + sigmoid(3)) / 2)
    assert line["d_recall"] == pytest.approx(0.5)
    assert monitor.reduce() == {}


def test_neither_probe_nor_snapshot_shows_in_the_weights(session, make_settings, make_stream):
    with_both = session("a").trainer(snapshot=lambda step: torch.rand(7))
    with_both.snapshot = lambda step: None
    with_both.run()
    bare = session("b").trainer()
    bare.heldout = None
    bare.run()
    assert weights_sha256(with_both.gan) == weights_sha256(bare.gan)


@pytest.mark.parametrize(("budget", "steps"), [("7steps", 7), ("0.32kimg", 20), ("0.33kimg", 21)])
def test_budgets_are_spent_exactly(session, make_settings, budget, steps):
    trainer = session(settings=make_settings(budget)).trainer()
    trainer.run()
    assert trainer.step == steps


def test_a_time_budget_counts_training_alone(session, make_settings, monkeypatch):
    trainer = session(settings=make_settings("0.002min")).trainer()
    trainer.run()
    assert 0.12 <= trainer.seconds < 1.0
    assert trainer.step > 0


def test_a_model_that_takes_no_data_still_spends_its_budget(session, make_settings, make_variant):
    variant = make_variant(ganbench_train=lambda gan, batches, step: {})
    trainer = session(settings=make_settings("0.16kimg"), variant=variant).trainer()
    trainer.run()
    assert trainer.step == 10


def test_snapshots_come_at_the_start_log_spaced_and_at_the_end(session):
    steps = []
    session().trainer(snapshot=steps.append).run()
    assert steps == [0, 10, 20, 30]
    assert [step for step in range(1, 1001) if is_snapshot_step(step)] == [10, 20, 50, 100, 200, 500, 1000]


def test_a_loss_that_is_not_finite_ends_the_trial_with_the_step(session, make_variant):
    def diverge(gan, batches, step):
        next(batches)
        return {"loss_d": torch.tensor(float("nan") if step >= 8 else 1.0)}

    with pytest.raises(TrainingDivergedError, match=r"loss_d not finite at or shortly before step 10"):
        session(variant=make_variant(ganbench_train=diverge)).trainer().run()


def test_the_averaged_generator_is_the_exponential_average(session, make_settings):
    trainer = session(settings=make_settings("3steps", ema=0.5)).trainer()
    name = "0.weight"
    expected = copy.deepcopy(trainer.gan.generator.state_dict()[name])
    iterate = trainer._iterate

    def follow():
        iterate()
        new = trainer.gan.generator.state_dict()[name]
        nonlocal expected
        expected = new.clone() if trainer.step == 1 else 0.5 * expected + 0.5 * new

    trainer._iterate = follow
    trainer.run()
    trained = trainer.gan.generator
    with trainer.averaged_weights():
        assert torch.allclose(trainer.gan.generator.state_dict()[name], expected, atol=1e-7)
    assert trainer.gan.generator is trained


def test_a_damaged_checkpoint_says_what_to_do(session):
    one = session()
    one.trainer().run()
    path = one.folder / "checkpoints" / "last.pt"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="--fresh"):
        one.trainer().run()
    save_checkpoint(path, {"step": 3})
    with pytest.raises(CheckpointError):
        one.trainer().run()


def test_a_checkpoint_is_never_half_there(tmp_path, monkeypatch):
    path = tmp_path / "checkpoints" / "last.pt"
    save_checkpoint(path, {"step": 1})

    def fail_midway(value, stream):
        stream.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail_midway)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path)["step"] == 1


def test_any_module_can_be_probed_and_averaged(session, make_settings, make_variant):
    def build(spec, options):
        seed_everything(3)
        generator = nn.Sequential(weight_norm(nn.Linear(4, 64)), nn.Unflatten(1, spec.shape))
        discriminator = nn.Sequential(nn.Flatten(), spectral_norm(nn.Linear(64, 1)))
        optimizers = {"generator": adam(generator, 1e-3), "discriminator": adam(discriminator, 1e-3)}
        return GAN(generator, discriminator, latent_dim=4, optimizers=optimizers)

    variant = make_variant(ganbench_build=build)
    settings = make_settings(ema=0.9)
    probed = session("probed", settings, variant).trainer()
    probed.run()
    bare = session("bare", settings, variant).trainer()
    bare.heldout = None
    bare.run()
    for key, value in probed.gan.state_dict().items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, bare.gan.state_dict()[key]), key


def test_a_generator_without_parameters_can_be_averaged(session, make_settings):
    variant = load_registry().variant("memorizer")
    one = session(settings=make_settings(ema=0.9), variant=variant)
    trainer = one.trainer()
    trainer.run()
    assert trainer.step == 30


def test_a_stop_at_the_last_step_is_the_end(session):
    trainer = session().trainer(should_stop=stop_after(30))
    trainer.run()
    assert trainer.step == 30
    assert load_checkpoint(trainer.checkpoint_path)["complete"]


def test_a_checkpoint_of_another_configuration_is_refused(session):
    one = session()
    one.trainer(configuration_sha256="a").run()
    with pytest.raises(CheckpointError, match="another configuration"):
        one.trainer(configuration_sha256="b").run()


def test_the_data_are_on_the_device_that_tensors_name(make_stream):
    stream = make_stream(device="cpu:0")
    assert stream.device == next(stream).real.device


def test_bf16_trains(session, make_settings):
    trainer = session(settings=make_settings("6steps", precision="bf16")).trainer()
    trainer.run()
    assert trainer.step == 6


def test_parameters_are_counted(make_variant, spec):
    gan = make_variant().build_gan(spec, {})
    assert num_parameters(gan.generator) == 4 * 16 + 16 + 2 * 16 + 16 * 64 + 64
    assert num_parameters(None) == 0
