from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ganbench.report.pictures import Assets, load_arrays, sample_grid, stored_picture, tile


def pixels(picture, folder):
    return np.asarray(Image.open(folder.parent / picture.src))


@pytest.fixture
def assets(tmp_path):
    return Assets(tmp_path / "out" / "assets")


def test_tiles_keep_their_pixels_and_leave_transparent_gaps():
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((3, 2, 2, 1), np.uint8) + 7
    canvas = tile(images, 2)
    assert canvas.shape == (5, 5, 4)
    assert (canvas[:2, 3:, :3] == 8).all()
    assert (canvas[3:, :2, :3] == 9).all()
    assert (canvas[2, :, 3] == 0).all()
    assert (canvas[3:, 3:, 3] == 0).all()  # nothing is drawn where there is no image


def test_the_first_64_samples_are_shown_in_their_order(tmp_path, assets):
    images = np.arange(70, dtype=np.uint8)[:, None, None, None] * np.ones((70, 28, 28, 3), np.uint8)
    np.savez(tmp_path / "samples.npz", images=images)
    picture = sample_grid(assets, load_arrays(tmp_path / "samples.npz"), "x")
    shown = pixels(picture, tmp_path / "out" / "assets")
    assert picture.width == 2 * shown.shape[1]
    assert shown[::29, ::29, 0].flatten().tolist() == list(range(64))
    assert "the first 64 of 70" in picture.caption


def test_labelled_samples_stand_one_class_a_row(tmp_path, assets):
    labels = np.array([1, 0, 1, 0, 1, 1])
    images = labels.astype(np.uint8)[:, None, None, None] * 100 * np.ones((6, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "samples.npz", images=images, labels=labels)
    picture = sample_grid(assets, load_arrays(tmp_path / "samples.npz"), "x")
    shown = pixels(picture, tmp_path / "out" / "assets")
    assert shown[::9, ::9, 0].tolist() == [[0, 0], [100, 100]]
    assert "first 2 samples of each class" in picture.caption


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 torn", b"not a zip"])
def test_a_missing_or_damaged_file_gives_no_picture(tmp_path, assets, content):
    for name in ("a.npz", "a.png"):
        if content is not None:
            (tmp_path / name).write_bytes(content)
    assert sample_grid(assets, load_arrays(tmp_path / "a.npz"), "x") is None
    assert stored_picture(assets, tmp_path / "a.png", "alt") is None


def test_arrays_of_another_form_give_no_picture(tmp_path, assets):
    np.savez(tmp_path / "s.npz", images=np.zeros((4, 8, 8, 1), np.float32))
    assert sample_grid(assets, load_arrays(tmp_path / "s.npz"), "x") is None


def test_a_half_written_png_gives_no_picture(tmp_path, assets):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    assert stored_picture(assets, tmp_path / "a.png", "alt") is None


def test_without_a_folder_pictures_are_in_the_page(tmp_path):
    np.savez(tmp_path / "s.npz", images=np.zeros((4, 8, 8, 1), np.uint8))
    assert sample_grid(Assets(None), load_arrays(tmp_path / "s.npz"), "x").src.startswith("data:image/png;base64,")
