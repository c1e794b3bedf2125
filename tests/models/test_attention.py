"""Self-attention and residual blocks against computations written out."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganbench.models.attention import SelfAttention, attention_level
from ganbench.models.residual import ConditionalBatchNorm, DownBlock, UpBlock
from ganbench.models.style import relu


def by_hand(layer, x):
    """y = γ·o + x from the paper's formulas, place by place, in float64."""
    f, g, h, v = (each.weight[:, :, 0, 0] for each in (layer.keys, layer.queries, layer.values, layer.output))
    result = x.clone()
    for n, image in enumerate(x.flatten(2)):  # [C, places]
        for j in range(image.shape[1]):
            scores = torch.stack([(f @ image[:, i]) @ (g @ image[:, j]) for i in range(image.shape[1])])
            shares = scores.exp() / scores.exp().sum()
            seen = sum(shares[i] * (h @ image[:, i]) for i in range(image.shape[1]))
            result[n].flatten(1)[:, j] += layer.gamma * (v @ seen)
    return result


def attention(num_maps, gamma):
    torch.manual_seed(0)
    layer = SelfAttention(num_maps).double()
    with torch.no_grad():
        layer.gamma.fill_(gamma)
        for each in (layer.keys, layer.queries):
            each.weight.mul_(3)  # so that the shares are far from equal
    return layer


def test_attention_is_the_papers_formula():
    layer, x = attention(8, 0.7), torch.randn(2, 8, 3, 2, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), by_hand(layer, x))


def test_attention_in_einsums_scores_before_any_scaling():
    layer, x = attention(16, 1.0), torch.randn(3, 16, 4, 4, dtype=torch.float64)
    q, k, v = layer.queries(x).flatten(2), layer.keys(x).flatten(2), layer.values(x).flatten(2)
    shares = torch.softmax(torch.einsum("ncj,nci->nji", q, k), dim=2)
    seen = torch.einsum("nji,nci->ncj", shares, v).unflatten(2, (4, 4))
    torch.testing.assert_close(layer(x), layer.output(seen) + x)
    scaled = torch.softmax(torch.einsum("ncj,nci->nji", q, k) / 2**0.5, dim=2)  # what a transformer does
    wrong = torch.einsum("nji,nci->ncj", scaled, v).unflatten(2, (4, 4))
    assert not torch.allclose(layer(x), layer.output(wrong) + x)


def test_attention_begins_as_the_identity_and_only_gamma_learns_at_first():
    layer, x = SelfAttention(16), torch.randn(2, 16, 4, 4)
    assert torch.equal(layer(x), x)
    (layer(x) * torch.randn_like(x)).sum().backward()
    assert layer.gamma.grad != 0
    assert all(not each.weight.grad.any() for each in (layer.keys, layer.queries, layer.values, layer.output))


def test_attention_reaches_every_place_in_its_own_image():
    layer = attention(8, 1.0)
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64, requires_grad=True)
    layer(x)[0, :, 0, 0].sum().backward()
    assert (x.grad[0].abs().sum(0) > 0).all()
    assert not x.grad[1].any()


@pytest.mark.parametrize(("num_maps", "narrow", "middle"), [(256, 32, 128), (20, 2, 10), (4, 1, 2), (1, 1, 1)])
def test_attentions_maps(num_maps, narrow, middle):
    layer = SelfAttention(num_maps)
    assert layer.keys.weight.shape == layer.queries.weight.shape == (narrow, num_maps, 1, 1)
    assert layer.values.weight.shape == (middle, num_maps, 1, 1)
    assert layer.output.weight.shape == (num_maps, middle, 1, 1)
    assert len(list(layer.parameters())) == 5  # gamma, and no biases


@pytest.mark.parametrize(
    ("resolution", "base", "size"),
    [(128, 4, 32), (256, 4, 32), (64, 4, 32), (32, 4, 16), (28, 7, 14), (56, 7, 28), (112, 7, 28), (8, 4, 4)],
)
def test_where_attention_stands(resolution, base, size):
    assert base << attention_level(resolution, base) == size


def test_conditional_batch_norm_is_batch_norm_with_the_classs_scale_and_shift():
    torch.manual_seed(0)
    layer, x, labels = ConditionalBatchNorm(3, 4), torch.randn(6, 3, 5, 5) * 2 + 1, torch.tensor([0, 1, 3, 3, 2, 0])
    plain = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x, labels), plain)
    nn.init.normal_(layer.scales.weight)
    nn.init.normal_(layer.shifts.weight)
    out = layer(x, labels)
    for n, label in enumerate(labels.tolist()):
        for c in range(3):
            expected = plain[n, c] * layer.scales.weight[label, c] + layer.shifts.weight[label, c]
            torch.testing.assert_close(out[n, c], expected)


def test_without_classes_it_is_batch_norm_and_labels_do_not_count():
    layer, plain, x = (
        ConditionalBatchNorm(3, None, momentum=0.3),
        nn.BatchNorm2d(3, momentum=0.3),
        torch.randn(4, 3, 2, 2),
    )
    assert torch.equal(layer(x, torch.tensor([9, 9, 9, 9])), plain(x))
    assert torch.equal(layer.norm.running_mean, plain.running_mean)
    assert sum(p.numel() for p in layer.parameters()) == 6


def test_a_block_that_doubles_written_out():
    torch.manual_seed(0)
    block, x, labels = UpBlock(3, 2, relu, num_classes=4), torch.randn(5, 3, 4, 4), torch.tensor([0, 1, 2, 3, 3])
    kept, other = x.clone(), copy.deepcopy(block)

    def big(maps):
        return maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    inner = F.conv2d(big(other.first_norm(x, labels).clamp(min=0)), other.first.weight, padding=1)
    inner = F.conv2d(other.second_norm(inner, labels).clamp(min=0), other.second.weight, padding=1)
    torch.testing.assert_close(block(x, labels), inner + F.conv2d(big(x), other.shortcut.weight))
    assert torch.equal(x, kept)


@pytest.mark.parametrize(("first", "halving", "out_maps"), [(True, True, 4), (False, True, 4), (False, False, 3)])
def test_a_block_that_halves_written_out(first, halving, out_maps):
    torch.manual_seed(0)
    block, x = DownBlock(3, out_maps, relu, first=first, halving=halving), torch.randn(2, 3, 6, 6)
    kept = x.clone()
    one, two = [layer for layer in block.inner if isinstance(layer, nn.Conv2d)]
    inner = two(F.relu(one(x if first else F.relu(x))))
    outer = F.conv2d(x, block.shortcut.weight) if halving else x
    expected = inner + outer
    if halving:
        expected = expected.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    torch.testing.assert_close(block(x), expected)
    assert torch.equal(x, kept)  # activations in place leave the shortcut's input as it is
