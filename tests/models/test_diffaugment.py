"""DiffAugment against plain loops over single images, with the random numbers that the policies drew."""

import pytest
import torch

from ganbench.errors import UsageError
from ganbench.models.diffaugment import POLICIES, color, cutout, diff_augment, translation


def images(num=6, channels=3, height=16, width=16, seed=0):
    return torch.rand(num, channels, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def drawn(num, count):
    """`count` numbers of U(0, 1) for each of `num` images, as the policy called next will draw them."""
    state = torch.get_rng_state()
    numbers = [torch.rand(num).tolist() for _ in range(count)]
    torch.set_rng_state(state)
    return numbers


@pytest.mark.parametrize("channels", [1, 3])
def test_color_changes_brightness_then_saturation_then_contrast(channels):
    torch.manual_seed(1)
    given = images(channels=channels)
    brightness, saturation, contrast = drawn(6, 3)
    out = color(given)
    for i, image in enumerate(given.double()):
        brighter = image + brightness[i] - 0.5
        grey = sum(brighter[c] for c in range(channels)) / channels
        vivid = torch.stack([grey + 2 * saturation[i] * (brighter[c] - grey) for c in range(channels)])
        expected = vivid.mean() + (contrast[i] + 0.5) * (vivid - vivid.mean())
        torch.testing.assert_close(out[i].double(), expected, rtol=1e-5, atol=1e-5)


def test_grey_images_stay_grey():
    torch.manual_seed(1)
    out = color(images(channels=1).expand(-1, 3, -1, -1))
    torch.testing.assert_close(out, out[:, :1].expand(-1, 3, -1, -1))
    one = torch.full((2000, 1, 2, 2), 0.25)  # a flat image has no contrast either: only the brightness moves it
    moved = color(one)[:, 0, 0, 0] - 0.25
    assert moved.abs().max() <= 0.5
    assert moved.min() < -0.48 < 0.48 < moved.max()


def shift_of(before, after):
    """The one shift (rows, columns) by at most a third of the side, zeros coming in, that leads from one to other."""
    height, width = before.shape[-2:]
    for down in range(-height // 3, height // 3 + 1):
        for right in range(-width // 3, width // 3 + 1):
            moved = torch.zeros_like(before)
            for row in range(max(0, down), min(height, height + down)):
                for column in range(max(0, right), min(width, width + right)):
                    moved[:, row, column] = before[:, row - down, column - right]
            if torch.equal(moved, after):
                return down, right
    raise AssertionError("no shift")


def test_translation_shifts_each_image_by_whole_pixels_on_both_axes():
    torch.manual_seed(0)
    given = images(num=8, height=8, width=16)
    shifts = [shift_of(before, after) for before, after in zip(given, translation(given), strict=True)]
    assert len(set(shifts)) > 3
    assert all(abs(down) <= 1 and abs(right) <= 2 for down, right in shifts)


@pytest.mark.parametrize(("size", "reach"), [(32, 4), (28, 4), (64, 8), (20, 3), (4, 1)])
def test_translation_reaches_an_eighth_of_the_side_evenly(size, reach):
    torch.manual_seed(0)
    ramp = torch.arange(1.0, size + 1).expand(4000, 1, size, size)
    middle = size // 2
    right = ramp[0, 0, 0, middle] - translation(ramp)[:, 0, middle, middle]
    values, counts = right.unique(return_counts=True)
    assert values.tolist() == list(range(-reach, reach + 1))
    expected = 4000 / (2 * reach + 1)
    assert (counts - expected).abs().max() < 5 * expected**0.5


@pytest.mark.parametrize(("height", "width"), [(16, 16), (28, 28), (8, 32)])
def test_cutout_makes_a_hole_of_half_the_side(height, width):
    torch.manual_seed(0)
    given = torch.ones(500, 3, height, width)
    kept = cutout(given)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(kept[:, :1].expand_as(kept), kept)  # the same hole in all channels
    hole = kept[:, 0] == 0
    rows, columns = hole.any(2), hole.any(1)
    assert torch.equal(hole, rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() == height // 2  # whole, where it lies in the image
    assert columns.sum(1).max() == width // 2
    assert rows.sum(1).min() == height // 4  # half of it, where its centre is on the border
    for line in rows:  # without gaps
        (inside,) = line.nonzero(as_tuple=True)
        assert inside[-1] - inside[0] + 1 == len(inside)
    assert hole.any(0).all()  # it may lie anywhere


@pytest.mark.parametrize(("size", "length"), [(14, 7), (9, 5), (5, 3)])
def test_a_hole_of_an_odd_side_has_its_middle_on_every_pixel_alike(size, length):
    """So at least the middle and half of the rest of it are in the image."""
    torch.manual_seed(0)
    rows = (cutout(torch.ones(4000, 1, size, size))[:, 0] == 0).any(2)
    assert rows.sum(1).max() == length
    assert rows.sum(1).min() == length // 2 + 1
    whole = rows.sum(1) == length
    assert whole.float().mean().item() == pytest.approx((size - length + 1) / size, abs=0.05)


def test_cutout_leaves_what_is_outside_the_hole():
    torch.manual_seed(0)
    given = images()
    out = cutout(given)
    assert torch.equal(out, torch.where(out == 0, 0.0, given))
    assert (out == 0).any((1, 2, 3)).all()


@pytest.mark.parametrize("policy", [*POLICIES, "color,translation,cutout"])
def test_gradients_flow_to_every_image_and_agree_with_differences(policy):
    given = images(num=2, height=6, width=6).double().requires_grad_()

    def change(pixels):
        torch.manual_seed(3)
        return diff_augment(policy)(pixels)

    assert torch.autograd.gradcheck(change, given)
    (gradient,) = torch.autograd.grad(change(given).square().sum(), given)
    assert (gradient.abs().sum((1, 2, 3)) > 0).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_an_image_does_not_depend_on_the_others_of_its_batch(policy):
    given = images()
    other = torch.cat([given[:1], images(num=5, seed=9)])
    outs = []
    for batch in (given, other):
        torch.manual_seed(4)
        outs.append(diff_augment(policy)(batch)[0])
    assert torch.equal(*outs)


def test_policies_are_applied_in_the_order_of_their_names():
    given = images()
    torch.manual_seed(5)
    expected = translation(color(given))
    torch.manual_seed(5)
    assert torch.equal(diff_augment(" color , translation ")(given), expected)


def test_without_a_policy_nothing_is_changed_or_drawn():
    given, before = images(), torch.get_rng_state()
    assert diff_augment("")(given) is given
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("policy", [*POLICIES])
def test_the_type_stays_and_meta_tensors_pass(policy):
    assert POLICIES[policy](images().bfloat16()).dtype is torch.bfloat16
    assert POLICIES[policy](images().to("meta")).device.type == "meta"


def test_points_are_refused_and_left_alone_without_a_policy():
    points = torch.zeros(5, 2)
    assert diff_augment("")(points) is points
    with pytest.raises(UsageError, match="option diffaugment: 'cutout' changes images"):
        diff_augment("cutout")(points)


def test_an_unknown_policy_is_refused():
    with pytest.raises(UsageError, match=r"option diffaugment: expected names out of color, .*, got 'colour'"):
        diff_augment("translation,colour")
