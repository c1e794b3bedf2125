import math

import pytest
import torch

from ganbench.models import (
    AuxiliaryClassifier,
    NonSaturating,
    binary_cross_entropy,
    class_cross_entropy,
    smoothed_target,
)

LOGITS = torch.tensor([1.5, -0.5])
CLASS_LOGITS, LABELS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]]), torch.tensor([0, 2])


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def bce(logits, target):
    return -sum(target * math.log(sigmoid(x)) + (1 - target) * math.log(1 - sigmoid(x)) for x in logits) / len(logits)


def cross_entropy(smoothing):
    total = 0.0
    for row, label in zip(CLASS_LOGITS.tolist(), LABELS.tolist(), strict=True):
        log_z = math.log(sum(math.exp(x) for x in row))
        for c, x in enumerate(row):
            target = smoothing / 3 if c != label else 1 - smoothing * 2 / 3
            total -= target * (x - log_z)
    return total / 2


@pytest.mark.parametrize("target", [0.0, 0.3, 0.95, 1.0])
def test_binary_cross_entropy_follows_the_formula(target):
    assert binary_cross_entropy(LOGITS, target).item() == pytest.approx(bce(LOGITS.tolist(), target), rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_class_cross_entropy_follows_the_formula(smoothing):
    assert class_cross_entropy(CLASS_LOGITS, LABELS, smoothing).item() == pytest.approx(
        cross_entropy(smoothing), rel=1e-6
    )


@pytest.mark.parametrize(("num_classes", "target"), [(2, 0.95), (10, 0.91)])
def test_smoothed_target(num_classes, target):
    assert smoothed_target(0.1, num_classes) == pytest.approx(target)


def test_non_saturating_smooths_the_real_side_only():
    game, logits = NonSaturating(real_target=0.9), LOGITS.tolist()
    assert game.real(LOGITS, None)["source"].item() == pytest.approx(bce(logits, 0.9), rel=1e-6)
    assert game.fake(LOGITS, None)["source"].item() == pytest.approx(bce(logits, 0.0), rel=1e-6)
    assert game.generator(LOGITS, None)["source"].item() == pytest.approx(bce(logits, 1.0), rel=1e-6)


def test_auxiliary_classifier_adds_the_class_term_in_both_networks():
    game, output = AuxiliaryClassifier(NonSaturating(0.95), class_smoothing=0.1), (LOGITS, CLASS_LOGITS)
    for terms, target, smoothing in (
        (game.real(output, LABELS), 0.95, 0.1),
        (game.fake(output, LABELS), 0.0, 0.0),
        (game.generator(output, LABELS), 1.0, 0.0),
    ):
        assert terms["source"].item() == pytest.approx(bce(LOGITS.tolist(), target), rel=1e-6)
        assert terms["class"].item() == pytest.approx(cross_entropy(smoothing), rel=1e-6)


def test_losses_of_bfloat16_logits_are_float32():
    assert binary_cross_entropy(LOGITS.bfloat16(), 1.0).dtype is torch.float32
    assert class_cross_entropy(CLASS_LOGITS.bfloat16(), LABELS).dtype is torch.float32
