"""Pixels in and out of [-1, 1], and grids."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganbench.data.pixels import image_grid, save_png, to_float, to_uint8
from ganbench.errors import DataError, UsageError


def test_all_values_come_back():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    images = to_float(pixels)
    assert float(images.min()) == -1.0
    assert float(images.max()) == 1.0
    back = to_uint8(images)
    assert back.shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(back[..., 0], pixels[:, 0])


def test_channels_go_last():
    pixels = torch.arange(2 * 3 * 4 * 5, dtype=torch.uint8).reshape(2, 3, 4, 5)
    back = to_uint8(to_float(pixels))
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, pixels.permute(0, 2, 3, 1))


def test_values_outside_are_clamped_and_halves_go_to_even():
    values = torch.tensor([-5.0, 5.0, float("inf"), -float("inf"), 0.0, 1 / 255]).reshape(1, 1, 1, 6)
    assert to_uint8(values).ravel().tolist() == [0, 255, 255, 0, 128, 128]  # 127.5 goes to 128


@given(st.floats(-1, 1, width=32))
def test_error_is_at_most_half_a_step(value):
    back = to_float(torch.from_numpy(to_uint8(torch.full((1, 1, 1, 1), value))))
    assert abs(float(back) - value) <= 0.5 / 127.5 + 1e-6


def test_input_is_left_alone():
    images = torch.rand(2, 1, 4, 4, requires_grad=True)
    before = images.detach().clone()
    to_uint8(images)
    assert torch.equal(images, before)
    pixels = torch.zeros(3, dtype=torch.uint8)
    to_float(pixels)
    assert pixels.tolist() == [0, 0, 0]


def test_nan_is_refused():
    images = torch.zeros(5, 1, 2, 2)
    images[3, 0, 1, 1] = float("nan")
    with pytest.raises(DataError, match="1 of 5 images hold NaN"):
        to_uint8(images)


def test_grid_places_each_image():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 3), dtype=np.uint8)
    picture = image_grid(images, columns=2, padding=1)
    assert picture.size == (1 + 2 * 5, 1 + 3 * 4)
    pixels = np.asarray(picture)
    for index in range(5):
        top, left = 1 + index // 2 * 4, 1 + index % 2 * 5
        assert (pixels[top : top + 3, left : left + 4] == index).all()
    assert (pixels[9:12, 6:10] == 255).all()  # the empty last cell
    assert (pixels[0] == 255).all()


def test_grey_grid_is_grey():
    assert image_grid(np.zeros((3, 4, 4, 1), np.uint8), columns=8, padding=0).mode == "L"
    assert image_grid(np.zeros((3, 4, 4, 1), np.uint8), columns=8, padding=0).size == (12, 4)


@pytest.mark.parametrize(("count", "columns"), [(0, 1), (1, 0)])
def test_impossible_grid(count, columns):
    with pytest.raises(UsageError, match="at least one image and one column"):
        image_grid(np.zeros((count, 4, 4, 1), np.uint8), columns)


def test_png_is_moved_into_place(tmp_path):
    target = tmp_path / "deep" / "a.png"
    save_png(Image.new("L", (4, 4), 7), target)
    assert np.asarray(Image.open(target)).tolist() == [[7] * 4] * 4
    assert [path.name for path in target.parent.iterdir()] == ["a.png"]


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    save_png(Image.new("L", (4, 4), 7), target)
    before = target.read_bytes()

    def fail(self, path, **options):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_png(Image.new("L", (4, 4), 9), target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
