"""The standard training iteration: one step of the discriminator, then one of the generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import Tensor

from ganbench.models.gan import GAN
from ganbench.models.losses import Objective, Terms
from ganbench.types import Batch


class Fake(NamedTuple):
    """Generated samples and what they were asked to be (labels, codes), None for an unconditional model."""

    samples: Tensor
    labels: Any = None


def labelled_fakes(gan: GAN, batch: Batch) -> Fake:
    """As many fakes as the batch has reals, of the same classes, from a generator called with (latents, labels)."""
    return Fake(gan.generator(gan.sample_latents(len(batch.real)), batch.labels), batch.labels)


def alternate(
    gan: GAN,
    batches: Iterator[Batch],
    *,
    generate: Callable[[Batch], Fake],
    judge: Callable[[Tensor, Any], Any],
    objective: Objective,
) -> dict[str, Tensor]:
    """One iteration as in DCGAN's reference code.

    The discriminator sees a batch of real samples and one of fakes in separate passes (batch norm must not mix them);
    the gradients add up to one step. The generator then steps on the same fakes, judged by the updated discriminator:
    one pass of the generator in all.

    Args:
        gan: Has the optimisers "discriminator" and "generator".
        batches: One is taken.
        generate: Makes as many fakes as the batch has reals.
        judge: (samples, labels) → the discriminator's output: logits [N], or a tuple that begins with them.
        objective: What each network minimises.

    Returns:
        Detached 0-d losses `loss_d` and `loss_g`, where an objective has several terms also each of them
        (`loss_d_class`, …), and the logits [N] of both passes of the discriminator's update.
    """
    batch = next(batches)
    fake = generate(batch)
    with gan.update("discriminator") as backward:
        on_real = judge(batch.real, batch.labels)
        real_terms = objective.real(on_real, batch.labels)
        backward(_total(real_terms))
        on_fake = judge(fake.samples.detach(), fake.labels)
        fake_terms = objective.fake(on_fake, fake.labels)
        backward(_total(fake_terms))
    generator_terms = objective.generator(judge(fake.samples, fake.labels), fake.labels)
    gan.minimize("generator", _total(generator_terms))
    discriminator_terms = {name: real_terms[name] + fake_terms[name] for name in real_terms}
    return {
        **_named("loss_d", discriminator_terms),
        **_named("loss_g", generator_terms),
        "real_logits": _logits(on_real),
        "fake_logits": _logits(on_fake),
    }


def _total(terms: Terms) -> Tensor:
    first, *rest = terms.values()
    return sum(rest, start=first)


def _named(prefix: str, terms: Terms) -> Terms:
    parts = {f"{prefix}_{name}": term.detach() for name, term in terms.items()} if len(terms) > 1 else {}
    return {prefix: _total(terms).detach(), **parts}


def _logits(output: Any) -> Tensor:
    logits: Tensor = output if isinstance(output, Tensor) else output[0]
    return logits.detach()
