"""The standard training iteration: steps of the discriminator, then one of the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganbench.models.diffaugment import diff_augment
from ganbench.models.gan import GAN
from ganbench.models.losses import Objective, Terms, targets_of
from ganbench.models.options import TARGETS, count, share
from ganbench.types import Batch, Options

Judge = Callable[[Tensor, Any], Any]


class Fake(NamedTuple):
    """Generated samples and what they were asked to be (labels, codes), None for an unconditional model."""

    samples: Tensor
    labels: Any = None


class Rules(NamedTuple):
    """What the groups ITERATION and BALANCE ask for; without such options, the plain game."""

    n_critic: int = 1
    generator_steps: int = 1
    joint_batch: bool = False
    max_accuracy: float = 1.0
    augment: Callable[[Tensor], Tensor] = diff_augment("")

    @classmethod
    def of(cls, options: Options) -> Rules:
        """Read the options that are there. Raises UsageError for a value out of its range."""
        return cls(
            n_critic=count(options, "n_critic") if "n_critic" in options else 1,
            generator_steps=count(options, "generator_steps") if "generator_steps" in options else 1,
            joint_batch=bool(options.get("joint_batch", False)),
            max_accuracy=share(options, "max_accuracy") if "max_accuracy" in options else 1.0,
            augment=diff_augment(str(options.get("diffaugment", ""))),
        )


def check_game(options: Options) -> None:
    """Raise UsageError for a value that an iteration would refuse; a plugin's build calls this, or `gan_with_adams`."""
    Rules.of(options)
    if TARGETS.defaults.keys() <= options.keys():
        targets_of(options)


def labelled_fakes(gan: GAN, batch: Batch) -> Fake:
    """As many fakes as the batch has reals, of the same classes, from a generator called with (latents, labels)."""
    return Fake(gan.generator(gan.sample_latents(len(batch.real)), batch.labels), batch.labels)


def plain_fakes(gan: GAN, batch: Batch) -> Fake:
    """As many fakes as the batch has reals, from a generator called with latents alone."""
    return Fake(gan.generator(gan.sample_latents(len(batch.real))))


def alternate(
    gan: GAN,
    batches: Iterator[Batch],
    *,
    generate: Callable[[Batch], Fake],
    judge: Judge,
    objective: Objective,
    penalty: Callable[[Tensor, Fake], Tensor] | None = None,
    constrain: Callable[[], None] | None = None,
) -> dict[str, Tensor]:
    """One iteration, as in DCGAN's reference code unless `gan.options` ask for more (groups ITERATION and BALANCE).

    The discriminator sees a batch of real samples and one of fakes in separate passes (batch norm must not mix them);
    the gradients add up to one step. With `joint_batch` it sees both in one pass. With `n_critic` above 1 it takes as
    many steps, each on new samples. Where it is right on more than `max_accuracy` of the samples, its step is not
    taken. The generator then steps on the last fakes, judged by the updated discriminator; with `generator_steps` above
    1 it steps as often, each further time on new fakes (PacGAN's code makes them of the same latents).

    Args:
        gan: Has the optimisers "discriminator" and "generator".
        batches: `n_critic` are taken.
        generate: Makes as many fakes as the batch has reals.
        judge: (samples, labels) → the discriminator's output: logits [N], or a tuple that begins with them. Labels are
            the batch's or the fakes'; in a joint batch both, or None unless both are tensors.
        objective: What each network minimises.
        penalty: (real samples, fakes without gradients) → a 0-d term that the discriminator also minimises.
        constrain: Called after each step of the discriminator, to put its weights back into bounds.

    Returns:
        Detached 0-d losses `loss_d` and `loss_g`, where an objective has several terms also each of them
        (`loss_d_class`, …), and the logits [N] of the discriminator's last update, where the objective has any.
    """
    rules = Rules.of(gan.options)

    def seen(samples: Tensor, labels: Any) -> Any:
        return judge(rules.augment(samples), labels)

    for update in range(rules.n_critic):
        batch = next(batches)
        with torch.set_grad_enabled(update == rules.n_critic - 1):  # the generator steps on the last fakes only
            fake = generate(batch)
        outputs = _step_discriminator(gan, rules, batch, fake, seen, objective, penalty)
        if constrain is not None:
            constrain()
    for update in range(rules.generator_steps):
        if update > 0:
            fake = generate(batch)
        generator_terms = objective.generator(seen(fake.samples, fake.labels), fake.labels)
        gan.minimize("generator", _total(generator_terms))
    return outputs | _named("loss_g", generator_terms)


def _step_discriminator(
    gan: GAN,
    rules: Rules,
    batch: Batch,
    fake: Fake,
    judge: Judge,
    objective: Objective,
    penalty: Callable[[Tensor, Fake], Tensor] | None,
) -> dict[str, Tensor]:
    fake = Fake(fake.samples.detach(), fake.labels)
    with gan.update("discriminator") as backward:
        if rules.joint_batch:
            on_real, on_fake = _judged_together(judge, batch, fake)
            real_terms, fake_terms = objective.real(on_real, batch.labels), objective.fake(on_fake, fake.labels)
            backward(_total(real_terms) + _total(fake_terms))
        else:
            on_real = judge(batch.real, batch.labels)
            real_terms = objective.real(on_real, batch.labels)
            backward(_total(real_terms))
            on_fake = judge(fake.samples, fake.labels)
            fake_terms = objective.fake(on_fake, fake.labels)
            backward(_total(fake_terms))
        terms = _added(real_terms, fake_terms)
        if penalty is not None:
            terms["penalty"] = penalty(batch.real, fake)
            backward(terms["penalty"])
        real_logits, fake_logits = objective.logits(on_real), objective.logits(on_fake)
        if rules.max_accuracy < 1.0 and real_logits is not None and fake_logits is not None:
            backward.only_if(_accuracy(real_logits, fake_logits) <= rules.max_accuracy)
    logits = {"real_logits": real_logits, "fake_logits": fake_logits}
    return _named("loss_d", terms) | {name: value.detach() for name, value in logits.items() if value is not None}


def _judged_together(judge: Judge, batch: Batch, fake: Fake) -> tuple[Any, Any]:
    """The outputs on real samples and on fakes from one pass over both.

    The pass has labels where both have some. Fakes made from anything else, such as codes, have no labels.
    """
    labels = None
    if isinstance(batch.labels, Tensor) and isinstance(fake.labels, Tensor):
        labels = torch.cat([batch.labels, fake.labels])
    output = judge(torch.cat([batch.real, fake.samples]), labels)
    border = len(batch.real)
    if isinstance(output, Tensor):
        return output[:border], output[border:]
    return tuple(part[:border] for part in output), tuple(part[border:] for part in output)


def _accuracy(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Share of samples that the discriminator takes for what they are, 0-d."""
    right = torch.cat([real_logits.detach() > 0, fake_logits.detach() < 0])
    return right.float().mean()


def _added(real_terms: Terms, fake_terms: Terms) -> Terms:
    """Terms by name; of a name that both have, the sum."""
    shared = {name: real_terms[name] + fake_terms[name] for name in real_terms if name in fake_terms}
    return {**real_terms, **fake_terms, **shared}


def _total(terms: Terms) -> Tensor:
    first, *rest = terms.values()
    return sum(rest, start=first)


def _named(prefix: str, terms: Terms) -> Terms:
    parts = {f"{prefix}_{name}": term.detach() for name, term in terms.items()} if len(terms) > 1 else {}
    return {prefix: _total(terms).detach(), **parts}
