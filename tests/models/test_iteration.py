import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganbench.errors import UsageError
from ganbench.models import (
    GAN,
    AuxiliaryClassifier,
    Fake,
    NonSaturating,
    adam,
    alternate,
    check_game,
    labelled_fakes,
    mlp,
    plain_fakes,
)
from ganbench.types import Batch


def make_gan(outputs=1, normed=False, **options):
    generator, discriminator = mlp(2, 3, hidden=8), mlp(3, outputs, hidden=8)
    if normed:
        discriminator.insert(1, nn.BatchNorm1d(8))
    optimizers = {"generator": adam(generator, 1e-2), "discriminator": adam(discriminator, 1e-2)}
    return GAN(generator, discriminator, latent_dim=2, optimizers=optimizers, options=options)


def run(gan, batches, **rest):
    return alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=rest.pop("judge", lambda x, _: gan.discriminator(x)),
        objective=rest.pop("objective", NonSaturating()),
        **rest,
    )


def state_of(gan, name):
    """Weights of a network and what its optimiser holds of them, in order."""
    optimizer, weights = gan.optimizers[name], list(getattr(gan, name).parameters())
    held = [value for weight in weights for _, value in sorted(optimizer.state.get(weight, {}).items())]
    return [value.detach().clone() for value in weights + held]


def same(first, second):
    return len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_iteration_equals_the_two_updates_written_out():
    torch.manual_seed(0)
    gan = make_gan()
    by_hand, real = copy.deepcopy(gan), torch.randn(6, 3)
    torch.manual_seed(1)
    out = run(gan, iter([Batch(real)]))
    torch.manual_seed(1)
    fake = by_hand.generator(by_hand.sample_latents(6))
    on_real, on_fake = by_hand.discriminator(real), by_hand.discriminator(fake.detach())
    loss_d = bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake))
    loss_d.backward()
    gradients = [p.grad.clone() for p in by_hand.discriminator.parameters()]
    by_hand.optimizers["discriminator"].step()
    loss_g = bce(by_hand.discriminator(fake), torch.ones_like(on_fake))
    loss_g.backward()
    by_hand.optimizers["generator"].step()
    for mine, theirs in zip(gan.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
    for parameter, gradient in zip(gan.discriminator.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)  # its own update's, nothing from the generator's
    torch.testing.assert_close(out["loss_d"], loss_d.detach())
    torch.testing.assert_close(out["loss_g"], loss_g.detach())
    torch.testing.assert_close(out["real_logits"], on_real.detach())
    torch.testing.assert_close(out["fake_logits"], on_fake.detach())


def test_outputs_hold_no_graph_and_one_batch_is_taken():
    batches = iter([Batch(torch.randn(4, 3)) for _ in range(2)])
    out = run(make_gan(), batches)
    assert set(out) == {"loss_d", "loss_g", "real_logits", "fake_logits"}
    assert not any(value.requires_grad for value in out.values())
    assert len(list(batches)) == 1


def test_terms_are_reported_one_by_one_and_sum_to_the_loss():
    gan = make_gan(outputs=5)
    seen = []

    def judge(samples, labels):
        seen.append(labels)
        output = gan.discriminator(samples)
        return output[:, 0], output[:, 1:]

    labels = torch.tensor([0, 1, 2, 3])
    out = alternate(
        gan,
        iter([Batch(torch.randn(4, 3), labels)]),
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(4)), batch.labels),
        judge=judge,
        objective=AuxiliaryClassifier(),
    )
    for loss in ("loss_d", "loss_g"):
        torch.testing.assert_close(out[loss], out[f"{loss}_source"] + out[f"{loss}_class"])
    assert out["fake_logits"].shape == (4,)
    assert all(each is labels for each in seen)
    assert len(seen) == 3


def test_labelled_fakes_copy_the_labels_of_the_batch():
    gan = GAN(latent_dim=2)
    gan.generator = lambda latents, labels: latents * labels[:, None]  # not a module: set aside as a plain attribute
    fake = labelled_fakes(gan, Batch(torch.zeros(3, 2), torch.tensor([0, 0, 5])))
    assert fake.labels.tolist() == [0, 0, 5]
    assert fake.samples.shape == (3, 2)
    assert fake.samples[:2].abs().sum() == 0


class Critic:
    """An objective without probabilities."""

    def real(self, output, labels):
        return {"source": -output.mean()}

    def fake(self, output, labels):
        return {"source": output.mean()}

    def generator(self, output, labels):
        return {"source": -output.mean()}

    def logits(self, output):
        return None


def test_n_critic_takes_as_many_batches_and_steps_on_new_fakes_each_time():
    torch.manual_seed(0)
    gan, reals = make_gan(n_critic=3), [torch.randn(6, 3) for _ in range(5)]
    by_hand = copy.deepcopy(gan)
    batches = iter([Batch(real) for real in reals])
    torch.manual_seed(1)
    out = run(gan, batches)
    assert len(list(batches)) == 2
    torch.manual_seed(1)
    for real in reals[:3]:
        fake = by_hand.generator(by_hand.sample_latents(6))
        on_real, on_fake = by_hand.discriminator(real), by_hand.discriminator(fake.detach())
        by_hand.optimizers["discriminator"].zero_grad()
        (bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake))).backward()
        by_hand.optimizers["discriminator"].step()
    by_hand.minimize("generator", bce(by_hand.discriminator(fake), torch.ones_like(on_fake)))
    torch.testing.assert_close(state_of(gan, "discriminator"), state_of(by_hand, "discriminator"))
    torch.testing.assert_close(state_of(gan, "generator"), state_of(by_hand, "generator"))
    torch.testing.assert_close(out["real_logits"], on_real.detach())  # those of the last step


def test_only_the_last_fakes_of_an_iteration_keep_a_graph_and_the_generator_learns_under_autocast():
    gan, kept = make_gan(n_critic=3), []

    def generate(batch):
        fake = plain_fakes(gan, batch)
        kept.append(fake.samples.requires_grad)
        return fake

    with torch.autocast("cpu", dtype=torch.bfloat16):
        alternate(
            gan,
            iter([Batch(torch.randn(6, 3))] * 3),
            generate=generate,
            judge=lambda x, _: gan.discriminator(x),
            objective=NonSaturating(),
        )
    assert kept == [False, False, True]
    assert all(weight.grad.abs().sum() > 0 for weight in gan.generator.parameters())


def test_a_joint_batch_is_judged_in_one_pass_that_batch_norm_sees_whole():
    torch.manual_seed(0)
    gan, real = make_gan(normed=True, joint_batch=True), torch.randn(6, 3) + 2
    by_hand, apart = copy.deepcopy(gan), copy.deepcopy(gan)
    apart.options["joint_batch"] = False
    sizes = []

    def judge(samples, labels):
        sizes.append(len(samples))
        return gan.discriminator(samples)

    torch.manual_seed(1)
    out = run(gan, iter([Batch(real)]), judge=judge)
    assert sizes == [12, 6]  # both in one batch, then the generator's
    torch.manual_seed(1)
    fake = by_hand.generator(by_hand.sample_latents(6)).detach()
    logits = by_hand.discriminator(torch.cat([real, fake]))
    loss = bce(logits[:6], torch.ones(6, 1)) + bce(logits[6:], torch.zeros(6, 1))
    by_hand.minimize("discriminator", loss)
    torch.testing.assert_close(state_of(gan, "discriminator"), state_of(by_hand, "discriminator"))
    torch.testing.assert_close(out["loss_d"], loss.detach())
    torch.testing.assert_close(out["real_logits"], logits[:6].detach())
    torch.testing.assert_close(out["fake_logits"], logits[6:].detach())
    torch.manual_seed(1)
    assert run(apart, iter([Batch(real)]))["loss_d"] != out["loss_d"]


def test_a_joint_batch_carries_labels_and_every_output():
    gan = make_gan(outputs=5, joint_batch=True)
    seen = []

    def judge(samples, labels):
        seen.append(labels.tolist())
        output = gan.discriminator(samples)
        return output[:, 0], output[:, 1:]

    real_labels, fake_labels = torch.tensor([0, 1, 2, 3]), torch.tensor([3, 3, 1, 0])
    out = alternate(
        gan,
        iter([Batch(torch.randn(4, 3), real_labels)]),
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(4)), fake_labels),
        judge=judge,
        objective=AuxiliaryClassifier(),
    )
    assert seen == [[0, 1, 2, 3, 3, 3, 1, 0], [3, 3, 1, 0]]
    assert out["real_logits"].shape == out["fake_logits"].shape == (4,)


class Bending(NonSaturating):
    """A game with one more term on real samples and another on fakes."""

    def real(self, output, labels):
        return super().real(output, labels) | {"bend": output.square().mean()}

    def fake(self, output, labels):
        return super().fake(output, labels) | {"fold": output.abs().mean()}


@pytest.mark.parametrize("joint_batch", [False, True])
def test_a_term_of_reals_or_fakes_alone_is_reported_and_part_of_the_loss(joint_batch):
    out = run(make_gan(joint_batch=joint_batch), iter([Batch(torch.randn(6, 3))]), objective=Bending())
    plain = bce(out["real_logits"], torch.ones(6, 1)) + bce(out["fake_logits"], torch.zeros(6, 1))
    torch.testing.assert_close(out["loss_d_source"], plain)
    torch.testing.assert_close(out["loss_d_bend"], out["real_logits"].square().mean())
    torch.testing.assert_close(out["loss_d_fold"], out["fake_logits"].abs().mean())
    torch.testing.assert_close(out["loss_d"], out["loss_d_source"] + out["loss_d_bend"] + out["loss_d_fold"])


def test_a_joint_batch_of_labelled_reals_and_fakes_made_from_codes_has_no_labels():
    gan, seen = make_gan(joint_batch=True), []

    def judge(samples, labels):
        seen.append(labels)
        return gan.discriminator(samples)

    codes = (torch.zeros(4), torch.ones(4))
    alternate(
        gan,
        iter([Batch(torch.randn(4, 3), torch.arange(4))]),
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(4)), codes),
        judge=judge,
        objective=NonSaturating(),
    )
    assert seen == [None, codes]


def accurate(gan, share):
    """Reals that the discriminator takes for real in `share` of the batch, fakes that it never takes for real."""
    with torch.no_grad():
        gan.discriminator[-1].weight.zero_()
        gan.discriminator[-1].weight[0, 0] = 1.0
        gan.discriminator[-1].bias.fill_(-1.0)
        for layer in (gan.discriminator[0], gan.discriminator[2]):
            layer.weight.copy_(torch.eye(*layer.weight.shape))
            layer.bias.zero_()
        gan.generator[-1].weight.zero_()
        gan.generator[-1].bias.zero_()
    real = torch.zeros(8, 3)
    real[: int(8 * (2 * share - 1)), 0] = 2.0  # logit 1 there, -1 elsewhere and on the fakes
    return Batch(real)


@pytest.mark.parametrize(("share", "taken"), [(0.5, True), (0.75, True), (0.875, False), (1.0, False)])
@pytest.mark.parametrize("joint_batch", [False, True])
def test_the_discriminator_steps_only_up_to_its_greatest_accuracy(share, taken, joint_batch):
    """At the threshold itself it steps; its first step included."""
    gan = make_gan(max_accuracy=0.75, joint_batch=joint_batch)
    batch = accurate(gan, share)
    free = copy.deepcopy(gan)
    free.options["max_accuracy"] = 1.0
    before = state_of(gan, "discriminator")
    out = run(gan, iter([batch]))
    accuracy = torch.cat([out["real_logits"] > 0, out["fake_logits"] < 0]).float().mean().item()
    assert accuracy == share  # the oracle holds
    run(free, iter([batch]))
    after = state_of(gan, "discriminator")
    if taken:
        assert same(after, state_of(free, "discriminator"))
        assert not same(after[: len(before)], before)
    else:
        assert same(after[: len(before)], before)
        assert not any(value.any() for value in after[len(before) :])  # moments and step counts of a step never made


def test_a_step_that_is_not_taken_leaves_adam_as_it_was():
    torch.manual_seed(0)
    gan = make_gan()
    for _ in range(3):
        run(gan, iter([Batch(torch.randn(8, 3))]))
    batch = accurate(gan, 1.0)
    gan.options["max_accuracy"] = 0.9
    before, generator = state_of(gan, "discriminator"), state_of(gan, "generator")
    assert len(before) == 6 + 6 * 3  # moments and a step count for each
    run(gan, iter([batch]))
    assert same(before, state_of(gan, "discriminator"))
    assert not same(generator, state_of(gan, "generator"))
    gan.options["max_accuracy"] = 1.0
    run(gan, iter([batch]))
    assert not same(before, state_of(gan, "discriminator"))
    assert {state["step"].item() for state in gan.optimizers["discriminator"].state.values()} == {4.0}


def test_a_threshold_says_nothing_to_a_critic():
    gan, real = make_gan(max_accuracy=0.1), torch.randn(6, 3)
    before = state_of(gan, "discriminator")
    out = run(gan, iter([Batch(real)]), objective=Critic())
    assert set(out) == {"loss_d", "loss_g"}
    assert not same(before, state_of(gan, "discriminator")[: len(before)])


@pytest.mark.parametrize("fused", [True, False])
def test_the_threshold_is_applied_without_waiting_for_the_device(fused):
    with torch.device("meta"):
        gan = make_gan(max_accuracy=0.9, n_critic=2, joint_batch=True)
    if not fused:
        gan.optimizers["discriminator"] = torch.optim.Adam(gan.discriminator.parameters(), foreach=False)
    out = run(gan, iter([Batch(torch.empty(8, 3, device="meta"))] * 2))
    assert {value.device.type for value in out.values()} == {"meta"}


def test_all_that_the_discriminator_sees_is_augmented_and_gradients_pass():
    gan = GAN(nn.Linear(2, 64), nn.Linear(64, 1), latent_dim=2, options={"diffaugment": "translation"})
    gan.optimizers = {name: adam(getattr(gan, name), 1e-2) for name in ("generator", "discriminator")}
    seen = []

    def judge(images, labels):
        seen.append(images.detach())
        return gan.discriminator(images.flatten(1))

    real = torch.rand(5, 1, 8, 8) + 1  # nowhere 0
    alternate(
        gan,
        iter([Batch(real)]),
        generate=lambda batch: Fake(gan.generator(gan.sample_latents(5)).view(5, 1, 8, 8)),
        judge=judge,
        objective=NonSaturating(),
    )
    on_real, on_fake, for_generator = seen
    assert not torch.equal(on_real, real)
    assert (on_real == 0).any()
    assert not torch.equal(on_fake, for_generator)  # drawn anew
    assert gan.generator.weight.grad.abs().sum() > 0


def test_a_penalty_is_added_and_the_weights_are_constrained_after_each_step():
    torch.manual_seed(0)
    gan, calls = make_gan(n_critic=2), []

    def penalty(real, fake):
        calls.append((tuple(real.shape), tuple(fake.samples.shape), fake.samples.requires_grad))
        return 3.0 * gan.discriminator[0].weight.square().sum()

    def constrain():
        with torch.no_grad():
            for weight in gan.discriminator.parameters():
                weight.clamp_(-0.01, 0.01)

    before = gan.discriminator[0].weight.detach().clone()
    out = run(gan, iter([Batch(torch.randn(6, 3))] * 2), penalty=penalty, constrain=constrain)
    assert calls == [((6, 3), (6, 3), False)] * 2
    torch.testing.assert_close(out["loss_d"], out["loss_d_source"] + out["loss_d_penalty"])
    clamped = before.clamp(-0.01, 0.01)
    assert out["loss_d_penalty"] <= 3.0 * 0.01**2 * clamped.numel() * 1.01  # of the second step: weights were in bounds
    assert max(weight.abs().max() for weight in gan.discriminator.parameters()) <= 0.01


def test_the_penaltys_gradient_is_part_of_the_step():
    gan = make_gan()
    apart = copy.deepcopy(gan)
    batch = Batch(torch.randn(6, 3))
    for each, penalty in ((gan, lambda real, fake: gan.discriminator[0].weight.sum() * 5), (apart, None)):
        torch.manual_seed(1)
        run(each, iter([batch]), penalty=penalty)
    ours, plain = gan.discriminator[0].weight.grad, apart.discriminator[0].weight.grad
    torch.testing.assert_close(ours, plain + 5)


@pytest.mark.parametrize(
    ("option", "value"), [("n_critic", 0), ("max_accuracy", 1.5), ("max_accuracy", -0.1), ("diffaugment", "blur")]
)
def test_values_that_make_no_sense_are_refused_by_name(option, value):
    for check in (check_game, lambda options: run(make_gan(**options), iter([Batch(torch.randn(2, 3))]))):
        with pytest.raises(UsageError, match=f"option {option}: expected"):
            check({option: value})
    check_game({})


def test_further_steps_of_the_generator_take_new_fakes_and_no_more_data():
    torch.manual_seed(0)
    gan = make_gan(generator_steps=2)
    by_hand, real = copy.deepcopy(gan), torch.randn(6, 3)
    by_hand.options = {}
    torch.manual_seed(1)
    run(gan, iter([Batch(real)]))  # a second batch is not there
    torch.manual_seed(1)
    run(by_hand, iter([Batch(real)]))
    on_fake = by_hand.discriminator(by_hand.generator(by_hand.sample_latents(6)))
    by_hand.minimize("generator", bce(on_fake, torch.ones_like(on_fake)))
    assert same(state_of(gan, "generator"), state_of(by_hand, "generator"))
    assert same(state_of(gan, "discriminator"), state_of(by_hand, "discriminator"))
