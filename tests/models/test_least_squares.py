import math

import pytest
import torch

from ganbench.models import Targets
from ganbench.models.least_squares import LeastSquares

OUTPUT = torch.tensor([2.0, -1.0, 0.5])


def half_square(target):
    return sum((x - target) ** 2 for x in OUTPUT.tolist()) / 3 / 2


def test_each_side_has_its_target_and_the_factor_one_half():
    game = LeastSquares()
    assert game.real(OUTPUT, None)["source"].item() == pytest.approx(half_square(1.0))
    assert game.fake(OUTPUT, None)["source"].item() == pytest.approx(half_square(0.0))
    assert game.generator(OUTPUT, None)["source"].item() == pytest.approx(half_square(1.0))


def test_smoothing_moves_the_discriminators_targets_only():
    game = LeastSquares(Targets(real=0.95, fake=0.05))
    assert game.real(OUTPUT, None)["source"].item() == pytest.approx(half_square(0.95))
    assert game.fake(OUTPUT, None)["source"].item() == pytest.approx(half_square(0.05))
    assert game.generator(OUTPUT, None)["source"].item() == pytest.approx(half_square(1.0))


def test_all_targets_flipped_change_the_sides():
    game = LeastSquares(Targets(noise=1.0))
    assert game.real(OUTPUT, None)["source"].item() == pytest.approx(half_square(0.0))
    assert game.fake(OUTPUT, None)["source"].item() == pytest.approx(half_square(1.0))


def test_logits_are_those_of_the_output_taken_for_a_probability():
    output = torch.tensor([0.25, 0.5, 0.8, 3.0, -2.0], requires_grad=True)
    logits = LeastSquares().logits(output)
    assert logits[:3].tolist() == pytest.approx([math.log(0.25 / 0.75), 0.0, math.log(0.8 / 0.2)], abs=1e-6)
    assert logits.isfinite().all()
    assert logits.sigmoid().tolist() == pytest.approx([0.25, 0.5, 0.8, 1.0, 0.0], abs=1e-5)
    assert (logits < 0).tolist() == [True, False, False, False, True]  # what the history counts as "fake"
    assert not logits.requires_grad


def test_the_best_discriminator_says_a_probability():
    """½p(d - 1)² + ½q·d² is least at d = p / (p + q)."""
    p, q = 3.0, 1.0
    d = torch.linspace(0, 1, 1001)
    game = LeastSquares()
    losses = [p * game.real(x[None], None)["source"] + q * game.fake(x[None], None)["source"] for x in d]
    assert d[torch.stack(losses).argmin()].item() == pytest.approx(p / (p + q))


def test_losses_of_bfloat16_outputs_are_float32():
    game, output = LeastSquares(), OUTPUT.bfloat16()
    for terms in (game.real(output, None), game.fake(output, None), game.generator(output, None)):
        assert terms["source"].dtype is torch.float32
    assert game.logits(output).dtype is torch.float32
