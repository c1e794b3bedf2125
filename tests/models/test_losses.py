import math

import pytest
import torch

from ganbench.errors import UsageError
from ganbench.models import (
    TARGETS,
    AuxiliaryClassifier,
    NonSaturating,
    Targets,
    binary_cross_entropy,
    class_cross_entropy,
    smoothed_target,
    targets_of,
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


def terms_of(game, output=LOGITS, labels=None):
    return [terms["source"].item() for terms in (game.real(output, labels), game.fake(output, labels))]


@pytest.mark.parametrize(
    ("options", "real", "fake"),
    [
        ({}, 1.0, 0.0),
        ({"label_smoothing": 0.2}, 0.9, 0.0),
        ({"label_smoothing": 0.2, "smoothing": "two-sided"}, 0.9, 0.1),
        ({"label_smoothing": 1.0, "smoothing": "two-sided"}, 0.5, 0.5),
        ({"label_smoothing": 0.2, "noisy_labels": 1.0}, 0.0, 0.9),  # all are flipped
        ({"label_smoothing": 0.2, "smoothing": "two-sided", "noisy_labels": 1.0}, 0.1, 0.9),
    ],
)
def test_smoothed_and_flipped_targets_enter_the_discriminators_loss_only(options, real, fake):
    game, logits = NonSaturating(targets_of({**TARGETS.defaults, **options})), LOGITS.tolist()
    assert terms_of(game) == pytest.approx([bce(logits, real), bce(logits, fake)], rel=1e-6)
    assert game.generator(LOGITS, None)["source"].item() == pytest.approx(bce(logits, 1.0), rel=1e-6)
    assert game.logits(LOGITS) is LOGITS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_noise_flips_its_share_of_the_targets_each_time_anew(dtype):
    torch.manual_seed(0)
    targets, logits = Targets(real=0.9, fake=0.1, noise=0.2), torch.zeros(20_000, dtype=dtype)
    for of, right in ((targets.of_real, 0.9), (targets.of_fake, 0.1)):
        first, second = of(logits), of(logits)
        assert first.dtype is torch.float32
        assert sorted(first.unique().tolist()) == pytest.approx([0.1, 0.9])
        flipped = (first - right).abs() > 0.5
        assert flipped.float().mean().item() == pytest.approx(0.2, abs=0.012)  # four standard deviations
        assert not torch.equal(first, second)


def test_targets_without_noise_draw_no_random_number():
    before = torch.get_rng_state()
    assert torch.equal(Targets(real=0.9).of_real(LOGITS), torch.tensor([0.9, 0.9]))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("option", "value"),
    [("label_smoothing", -0.1), ("label_smoothing", 1.1), ("noisy_labels", 2.0), ("noisy_labels", math.nan),
     ("smoothing", "three-sided")],
)  # fmt: skip
def test_targets_that_make_no_sense_are_refused_by_name(option, value):
    with pytest.raises(UsageError, match=f"option {option}: expected"):
        targets_of({**TARGETS.defaults, option: value})


def test_auxiliary_classifier_adds_the_class_term_in_both_networks():
    game, output = AuxiliaryClassifier(NonSaturating(Targets(0.95, 0.02)), class_smoothing=0.1), (LOGITS, CLASS_LOGITS)
    for terms, target, smoothing in (
        (game.real(output, LABELS), 0.95, 0.1),
        (game.fake(output, LABELS), 0.02, 0.0),
        (game.generator(output, LABELS), 1.0, 0.0),
    ):
        assert terms["source"].item() == pytest.approx(bce(LOGITS.tolist(), target), rel=1e-6)
        assert terms["class"].item() == pytest.approx(cross_entropy(smoothing), rel=1e-6)
    assert game.logits(output) is LOGITS


def test_losses_of_bfloat16_logits_are_float32():
    assert binary_cross_entropy(LOGITS.bfloat16(), 1.0).dtype is torch.float32
    assert class_cross_entropy(CLASS_LOGITS.bfloat16(), LABELS).dtype is torch.float32
