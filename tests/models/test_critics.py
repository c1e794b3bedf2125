import pytest
import torch
from torch import nn

from ganbench.models.critics import Wasserstein, clip_weights, gradient_penalty


def conv_critic(norm=False):
    torch.manual_seed(0)
    norms = [nn.GroupNorm(1, 4)] if norm else []
    return nn.Sequential(nn.Conv2d(2, 4, 3), *norms, nn.Tanh(), nn.Flatten(), nn.Linear(4 * 9, 1), nn.Flatten(0))


def test_the_game_is_a_difference_of_means():
    game, on_real, on_fake = Wasserstein(), torch.tensor([3.0, 1.0]), torch.tensor([0.5, -2.5])
    assert game.real(on_real, None)["source"].item() == -2.0
    assert game.fake(on_fake, None)["source"].item() == -1.0
    assert game.generator(on_fake, None)["source"].item() == 1.0
    assert game.logits(on_real) is None


def test_losses_of_bfloat16_outputs_are_float32():
    output = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    for terms in (Wasserstein().real(output, None), Wasserstein().fake(output, None)):
        assert terms["source"].dtype is torch.float32


def test_penalty_of_a_linear_critic_is_that_of_its_slope():
    """D(x) = w·x has the slope w everywhere, here of norm 13 over all values of a sample."""
    weight = torch.tensor([[[3.0], [4.0], [12.0]]], requires_grad=True)  # [1, 3, 1]
    real, fake = torch.randn(5, 1, 3, 1), torch.randn(5, 1, 3, 1)
    penalty = gradient_penalty(lambda images: (images * weight).sum((1, 2, 3)), real, fake)
    assert penalty.shape == ()
    assert penalty.item() == pytest.approx((13 - 1) ** 2, rel=1e-6)
    penalty.backward()
    torch.testing.assert_close(weight.grad, 2 * (13 - 1) * weight.detach() / 13)  # d(|w| - 1)²/dw


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (0.25, 0.5625), (0.0, 1.0)])
def test_penalty_is_two_sided_and_finite_at_slope_zero(slope, expected):
    weight = torch.tensor(slope, requires_grad=True)
    penalty = gradient_penalty(lambda points: (points * weight)[:, 0], torch.randn(4, 2), torch.randn(4, 2))
    penalty.backward()
    assert penalty.item() == pytest.approx(expected)
    assert weight.grad.isfinite()


def test_penalty_is_taken_between_each_pair_evenly():
    """D(x) = Σx²/2 has the slope x itself; x runs from 0 (fake) to t (real), so the mean is E[(εt - 1)²]."""
    torch.manual_seed(0)
    num, far = 200_000, 3.0
    seen = []

    def critic(points):
        seen.append(points.detach())
        return points.square().sum(1) / 2

    real = torch.zeros(num, 2)
    real[:, 0] = far
    penalty = gradient_penalty(critic, real, torch.zeros(num, 2))
    assert penalty.item() == pytest.approx(far**2 / 3 - far + 1, abs=0.02)
    shares = seen[0][:, 0] / far
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert shares.histc(4, 0, 1).div(num).sub(0.25).abs().max() < 0.01
    assert seen[0][:, 1].abs().max() == 0


def test_one_share_is_drawn_for_all_values_of_a_sample():
    seen = []

    def critic(images):
        seen.append(images.detach())
        return images.sum((1, 2, 3))

    gradient_penalty(critic, torch.ones(6, 3, 4, 4), torch.zeros(6, 3, 4, 4))
    shares = seen[0].flatten(1)
    assert torch.equal(shares, shares[:, :1].expand_as(shares))
    assert len(shares[:, 0].unique()) == 6


@pytest.mark.parametrize("norm", [False, True])
def test_penalty_and_its_gradients_equal_those_found_one_sample_at_a_time(norm):
    """Against jacobians by torch.func, and weights' gradients by central differences in float64."""
    critic = conv_critic(norm)
    real, fake = torch.randn(3, 2, 5, 5), torch.randn(3, 2, 5, 5)
    torch.manual_seed(1)
    penalty = gradient_penalty(critic, real, fake)
    torch.autograd.backward(penalty, inputs=list(critic.parameters())[:-1])  # the last bias has no part in any slope
    gradient = critic[0].weight.grad[1, 0, 2, 2].item()

    torch.manual_seed(1)
    shares = torch.rand(3, 1, 1, 1).double()
    between = shares * real.double() + (1 - shares) * fake.double()
    precise = critic.double()

    def by_hand():
        slopes = [torch.func.jacrev(lambda image: precise(image[None])[0])(image) for image in between]
        return sum((slope.square().sum().sqrt() - 1) ** 2 for slope in slopes).item() / 3

    assert penalty.item() == pytest.approx(by_hand(), rel=1e-4)
    values = []
    for shift in (1e-5, -2e-5):
        with torch.no_grad():
            precise[0].weight[1, 0, 2, 2] += shift
        values.append(by_hand())
    assert gradient == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-3)


def test_penalty_sends_no_gradient_to_the_samples():
    real, fake = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
    penalty = gradient_penalty(critic, real.detach(), fake)
    penalty.backward()
    assert fake.grad is None
    assert critic[0].weight.grad.abs().sum() > 0


def test_penalty_is_computed_in_float32_under_autocast():
    critic = conv_critic()
    real, fake = torch.randn(4, 2, 5, 5), torch.randn(4, 2, 5, 5)
    torch.manual_seed(1)
    expected = gradient_penalty(critic, real, fake)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert critic(real).dtype is torch.bfloat16
        torch.manual_seed(1)
        penalty = gradient_penalty(critic, real, fake)
        assert gradient_penalty(critic, real.bfloat16(), fake.bfloat16()).dtype is torch.float32
    assert torch.equal(penalty, expected)


def test_penalty_runs_on_the_meta_device():
    critic = conv_critic().to("meta")
    samples = torch.empty(4, 2, 5, 5, device="meta")
    gradient_penalty(critic, samples, samples).backward()
    assert critic[0].weight.grad.device.type == "meta"


def test_clipping_bounds_every_weight_and_leaves_those_within():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[-1.0, 0.005, 0.3], [0.01, -0.01, -0.009]]))
        network[0].bias.copy_(torch.tensor([0.0, 7.0]))
    clip_weights(network, 0.01)
    expected = torch.tensor([[-0.01, 0.005, 0.01], [0.01, -0.01, -0.009]])
    assert torch.equal(network[0].weight, expected)
    assert network[0].bias.tolist() == pytest.approx([0.0, 0.01])
    assert network[1].weight.tolist() == pytest.approx([0.01, 0.01])
    assert torch.equal(network[1].running_var, torch.ones(2))  # a statistic, no weight
    assert all(parameter.requires_grad and parameter.grad_fn is None for parameter in network.parameters())
