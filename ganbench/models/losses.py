"""Losses of the GAN games. All are computed in float32, also under autocast.

An objective says what each network minimises, as named terms that the standard iteration adds up and reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench.models.options import chosen, share
from ganbench.types import Options

Terms = dict[str, Tensor]
SMOOTHINGS = ("one-sided", "two-sided")


class Objective(Protocol):
    """What the discriminator minimises on real and on fake samples, and the generator on its fakes.

    Each method gets what the discriminator returned and the samples' labels [N] (or None, or whatever else the samples
    were made from), and returns 0-d terms by name. In games without classes the one term is called "source".
    """

    def real(self, output: Any, labels: Any) -> Terms:
        """The discriminator's terms on real samples."""
        ...

    def fake(self, output: Any, labels: Any) -> Terms:
        """The discriminator's terms on fake samples."""
        ...

    def generator(self, output: Any, labels: Any) -> Terms:
        """The generator's terms on fake samples."""
        ...

    def logits(self, output: Any) -> Tensor | None:
        """Logits [N] of "real" in the discriminator's output; None where it is no probability (a critic)."""
        ...


@dataclass(frozen=True)
class Targets:
    """What the discriminator should say of real samples and of fakes; `noise` is the share of targets flipped."""

    real: float = 1.0
    fake: float = 0.0
    noise: float = 0.0

    def of_real(self, logits: Tensor) -> Tensor:
        """Targets float32 of the shape of `logits`."""
        return self._noisy(logits, self.real, self.fake)

    def of_fake(self, logits: Tensor) -> Tensor:
        """Targets float32 of the shape of `logits`."""
        return self._noisy(logits, self.fake, self.real)

    def _noisy(self, logits: Tensor, right: float, wrong: float) -> Tensor:
        targets = torch.full_like(logits, right, dtype=torch.float32)
        if not self.noise:
            return targets
        return torch.where(torch.rand_like(targets) < self.noise, wrong, targets)


def smoothed_target(smoothing: float, num_classes: int) -> float:
    """Target 1 - ε(k-1)/k of the right one of k classes, with ε the `smoothing`."""
    return 1.0 - smoothing * (num_classes - 1) / num_classes


def targets_of(options: Options) -> Targets:
    """The targets that the group TARGETS asks for: smoothed as two classes, real and fake (Salimans 2016).

    Raises UsageError for values that are not offered.
    """
    smoothing, sides = share(options, "label_smoothing"), chosen(options, "smoothing", SMOOTHINGS)
    fake = smoothing / 2 if sides == "two-sided" else 0.0
    return Targets(smoothed_target(smoothing, 2), fake, share(options, "noisy_labels"))


def binary_cross_entropy(logits: Tensor, target: float | Tensor) -> Tensor:
    """Mean of -[t·log p + (1-t)·log(1-p)] with p the sigmoid of a logit, t the `target` in [0, 1]; 0-d float32."""
    logits = logits.float()
    targets = target if isinstance(target, Tensor) else torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, targets)


def class_cross_entropy(class_logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean over samples of -Σ_c t_c·log softmax(l)_c; logits [N, K], labels int64 [N]; 0-d float32.

    The target t is ε/K everywhere, plus 1-ε at the label, with ε the `smoothing`.
    """
    return F.cross_entropy(class_logits.float(), labels, label_smoothing=smoothing)


@dataclass(frozen=True)
class NonSaturating:
    """The game of Goodfellow 2014 (arXiv:1406.2661) with the generator's loss that does not saturate: -log D(G(z)).

    Smoothed or noisy `targets` are the discriminator's alone; the generator's target is 1.
    """

    targets: Targets = Targets()

    def real(self, output: Tensor, labels: object) -> Terms:
        """-log D(x) for the target 1."""
        return {"source": binary_cross_entropy(output, self.targets.of_real(output))}

    def fake(self, output: Tensor, labels: object) -> Terms:
        """-log(1 - D(G(z))) for the target 0."""
        return {"source": binary_cross_entropy(output, self.targets.of_fake(output))}

    def generator(self, output: Tensor, labels: object) -> Terms:
        """-log D(G(z))."""
        return {"source": binary_cross_entropy(output, 1.0)}

    def logits(self, output: Tensor) -> Tensor:
        """The output itself."""
        return output


@dataclass(frozen=True)
class AuxiliaryClassifier:
    """The game of AC-GAN (Odena 2017, arXiv:1610.09585): both networks also minimise the error of the class head.

    The discriminator returns (source logits [N], class logits [N, K]). `adversarial` acts on the source;
    `class_smoothing` smooths the labels of real samples only.
    """

    adversarial: NonSaturating = NonSaturating()
    class_smoothing: float = 0.0

    def real(self, output: tuple[Tensor, Tensor], labels: Tensor) -> Terms:
        """Source and class terms, both with smoothed targets."""
        source, classes = output
        return {
            **self.adversarial.real(source, labels),
            "class": class_cross_entropy(classes, labels, self.class_smoothing),
        }

    def fake(self, output: tuple[Tensor, Tensor], labels: Tensor) -> Terms:
        """Source and class terms."""
        source, classes = output
        return {**self.adversarial.fake(source, labels), "class": class_cross_entropy(classes, labels)}

    def generator(self, output: tuple[Tensor, Tensor], labels: Tensor) -> Terms:
        """Source and class terms."""
        source, classes = output
        return {**self.adversarial.generator(source, labels), "class": class_cross_entropy(classes, labels)}

    def logits(self, output: tuple[Tensor, Tensor]) -> Tensor:
        """The source logits."""
        return output[0]
