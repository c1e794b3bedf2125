"""Each kind of image file against the policy that ganbench.data.decode states."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ganbench.data import decode
from ganbench.data.decode import RefusedImageError, decode_image, read_header, refuse_together
from ganbench.errors import DataError


def encode(image, file_format="PNG", **options):
    buffer = BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def gradient(channels=3, size=12):
    values = np.arange(size * size * channels, dtype=np.uint32).reshape(size, size, channels) * 7 % 256
    return values.astype(np.uint8)


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sixteen_bit_rgb_png():
    rows = b"".join(b"\0" + bytes(range(24)) for _ in range(4))  # 4x4 pixels of 3 x 2 bytes
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def header_of(data, resolution=None):
    return tuple(read_header(BytesIO(data), "a", resolution))


def as_header(pixels):
    return (*pixels.shape[:2], 3 if pixels.ndim == 3 else 1)


shapes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(st.data(), st.sampled_from(["PNG", "BMP", "TIFF"]))
def test_lossless_rgb_comes_back_exactly(data, file_format):
    pixels = data.draw(hnp.arrays(np.uint8, (*data.draw(shapes), 3)))
    np.testing.assert_array_equal(decode_image(encode(Image.fromarray(pixels), file_format), "a"), pixels)


@given(st.data(), st.sampled_from(["PNG", "BMP", "TIFF"]))
def test_lossless_grey_comes_back_exactly(data, file_format):
    pixels = data.draw(hnp.arrays(np.uint8, data.draw(shapes)))
    np.testing.assert_array_equal(decode_image(encode(Image.fromarray(pixels), file_format), "a"), pixels)


@given(shapes, st.sampled_from(["JPEG", "WEBP", "PNG", "GIF", "BMP", "TIFF"]), st.integers(1, 30))
def test_resolution_gives_squares_whatever_the_size(shape, file_format, resolution):
    image = Image.new("RGB", shape, (10, 200, 30))
    fitted = decode_image(encode(image, file_format), "a", resolution)
    assert fitted.shape == (resolution, resolution, 3)
    assert np.abs(fitted.astype(int) - [10, 200, 30]).max() < 12  # one colour stays that colour


def test_wide_image_is_cut_to_its_centre():
    pixels = np.zeros((4, 12), dtype=np.uint8)
    pixels[:, 4:8] = 255
    assert decode_image(encode(Image.fromarray(pixels)), "a", 4).min() == 255


def test_palette_becomes_rgb_exactly():
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 8, 7]]], dtype=np.uint8)
    palette = Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    np.testing.assert_array_equal(decode_image(encode(palette), "a"), pixels)


def test_one_bit_becomes_grey():
    image = Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)).convert("1")
    np.testing.assert_array_equal(decode_image(encode(image), "a"), [[0, 255], [255, 0]])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_opaque_alpha_is_dropped(mode):
    pixels = gradient(3 if mode == "RGBA" else 1).squeeze()
    image = Image.fromarray(pixels).convert(mode)
    np.testing.assert_array_equal(decode_image(encode(image), "a"), pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_one_transparent_pixel_is_refused(mode):
    image = Image.new(mode, (4, 4), (9,) * (len(mode) - 1) + (255,))
    image.putpixel((3, 3), (9,) * (len(mode) - 1) + (254,))
    with pytest.raises(DataError, match=r"see\.png: has transparent pixels.*background"):
        decode_image(encode(image), "see.png")


def test_transparent_palette_entry_is_refused():
    image = Image.fromarray(gradient()).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    with pytest.raises(DataError, match="transparent"):
        decode_image(encode(image, transparency=image.getpixel((0, 0))), "a.png")


@pytest.mark.parametrize(
    "data",
    [
        encode(Image.fromarray(np.full((4, 4), 40000, dtype=np.uint16))),
        encode(Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32)), "TIFF"),
        encode(Image.fromarray(np.full((4, 4), 70000, dtype=np.int32)), "TIFF"),
        sixteen_bit_rgb_png(),
    ],
    ids=["grey-16", "float", "int-32", "rgb-16"],
)
def test_more_than_eight_bits_are_refused(data):
    with pytest.raises(DataError, match=r"deep\.png: more than 8 bits per channel"):
        decode_image(data, "deep.png")


def test_cmyk_is_refused():
    with pytest.raises(DataError, match=r"print\.jpg: colour mode CMYK"):
        decode_image(encode(Image.new("CMYK", (4, 4)), "JPEG"), "print.jpg")


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animation_is_refused(file_format):
    frames = [Image.fromarray(gradient() // (k + 1)) for k in range(3)]
    data = encode(frames[0], file_format, save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r"film: holds 3 frames"):
        decode_image(data, "film")


def test_main_picture_of_a_camera_file_counts():
    main, small = Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (8, 8))
    data = encode(main, "MPO", save_all=True, append_images=[small])
    assert decode_image(data, "a.jpg").shape == (16, 16, 3)


def test_orientation_tag_turns_the_image_upright():
    pixels = gradient(1, 6)[:3, :, 0]  # 3 rows, 6 columns
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by 90 degrees
    np.testing.assert_array_equal(decode_image(encode(Image.fromarray(pixels), exif=exif), "a"), np.rot90(pixels, k=-1))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_truncated_file_is_refused(file_format):
    rng = np.random.default_rng(0)
    data = encode(Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)), file_format)
    with pytest.raises(DataError, match=r"half: not a readable image .* Repair or remove it"):
        decode_image(data[: len(data) // 2], "half")


@given(st.binary(max_size=200))
def test_any_bytes_are_an_image_or_a_data_error(data):
    with pytest.raises(DataError, match=r"^noise: not a readable image"):
        decode_image(data, "noise")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged metadata
@given(st.data(), st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"]))
def test_damaged_files_never_fail_otherwise(data, file_format):
    encoded = bytearray(encode(Image.fromarray(gradient()), file_format))
    for _ in range(3):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode_image(bytes(encoded), "b").dtype == np.uint8
    except DataError as error:
        assert str(error).startswith("b: ")


def decode_without_checksums(data, source):
    """A wrong implementation: Pillow alone reads no checksum of the pixel data, and may stop before zlib's own."""
    try:
        with Image.open(BytesIO(data)) as image:
            return np.asarray(image)
    except Exception as error:
        raise DataError(f"{source}: {error}") from error


def count_wrong_pixels(decode_function):
    """How often a file with one changed byte is decoded without an error, but to other pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    pixels[:, :12] = np.arange(16)[:, None, None]  # half of it compresses, as in pictures
    data = encode(Image.fromarray(pixels))
    num_wrong = 0
    for position in range(len(data)):
        for flip in (0x01, 0x10, 0x80):
            changed = bytearray(data)
            changed[position] ^= flip
            try:
                num_wrong += not np.array_equal(decode_function(bytes(changed), "a"), pixels)
            except DataError as error:
                assert str(error).startswith("a: ")
    return num_wrong


def test_a_changed_byte_in_a_png_never_gives_other_pixels():
    assert count_wrong_pixels(decode_image) == 0
    assert count_wrong_pixels(decode_without_checksums) > 0


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged metadata
@given(st.data(), st.sampled_from(["PNG", "BMP", "TIFF", "WEBP", "GIF"]))
def test_truncation_anywhere_gives_the_right_pixels_or_an_error(data, file_format):
    pixels = gradient(1, 16)[..., 0].repeat(2, axis=1)
    options = {"lossless": True} if file_format == "WEBP" else {}
    encoded = encode(Image.fromarray(pixels), file_format, **options)
    whole = decode_image(encoded, "a")
    try:
        np.testing.assert_array_equal(decode_image(encoded[: data.draw(st.integers(0, len(encoded) - 1))], "a"), whole)
    except DataError as error:
        assert str(error).startswith("a: not a readable image")


# --- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_header_tells_what_decoding_gives(file_format, mode):
    image = Image.fromarray(gradient(3, 12)[:7])
    if (file_format, mode) == ("JPEG", "P"):
        mode = "CMYK"
    data = encode(image.convert(mode), file_format)
    if mode == "CMYK":
        with pytest.raises(DataError, match="colour mode CMYK"):
            header_of(data)
        return
    assert header_of(data) == as_header(decode_image(data, "a"))
    assert header_of(data, 5) == as_header(decode_image(data, "a", 5))


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_header_knows_of_orientation(file_format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(gradient(3, 12)[:7]), file_format, exif=exif)
    assert header_of(data) == as_header(decode_image(data, "a"))
    assert header_of(data) == ((12, 7, 3) if orientation > 4 else (7, 12, 3))


def test_orientation_behind_the_pixels_of_a_png_counts():
    exif = Image.Exif()
    exif[0x0112] = 8
    plain = encode(Image.fromarray(gradient(3, 12)[:7]))
    data = plain[:-12] + png_chunk(b"eXIf", exif.tobytes()[6:]) + plain[-12:]
    assert decode_image(data, "a").shape == (12, 7, 3)
    assert header_of(data) == (12, 7, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_header_of_alpha(mode):
    data = encode(Image.fromarray(gradient(3, 12)).convert(mode))
    assert header_of(data) == as_header(decode_image(data, "a")) == (12, 12, 3 if mode == "RGBA" else 1)


def test_grey_with_an_unused_transparent_level_stays_grey():
    pixels = gradient(1, 12)[..., 0] // 2
    data = encode(Image.fromarray(pixels), transparency=255)
    np.testing.assert_array_equal(decode_image(data, "a"), pixels)
    assert header_of(data) == (12, 12, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (sixteen_bit_rgb_png(), "more than 8 bits"),
        (encode(Image.new("L", (4, 4)), "GIF", save_all=True, append_images=[Image.new("L", (4, 4), 9)]), "2 frames"),
        (encode(Image.new("CMYK", (4, 4)), "TIFF"), "colour mode CMYK"),
        (b"text", "damaged, or of an unknown format"),
        (encode(Image.fromarray(gradient()))[:-20], "it is truncated"),
    ],
    ids=["16-bit", "animated", "cmyk", "text", "truncated"],
)
def test_header_refuses_before_decoding(data, message):
    with pytest.raises(RefusedImageError, match=message):
        header_of(data)


@pytest.mark.parametrize("height", [40, 30])
def test_header_of_a_png_needs_no_pixels(height):
    """Damaged pixel data pass the header and fail when decoded."""
    data = bytearray(encode(Image.fromarray(gradient(3, 40)[:height])))
    data[data.index(b"IDAT") + 10] ^= 1
    assert header_of(bytes(data)) == (height, 40, 3)
    with pytest.raises(DataError, match="a checksum is wrong"):
        decode_image(bytes(data), "a")


def test_refusals_are_counted_by_reason():
    deep = [RefusedImageError(f"d{i}", "x", "have more than 8 bits", "Convert {it}.") for i in range(5)]
    broken = [RefusedImageError("b0", "x", "cannot be read", "Remove {it}.")]
    message = str(refuse_together([*deep, *broken], 12_345))
    assert message == (
        "5 of 12,345 images have more than 8 bits, such as d0, d1, d2. Convert them. "
        "1 of 12,345 images cannot be read: b0. Remove it."
    )
    assert refuse_together(broken, 9) is broken[0]


def test_huge_images_are_refused_before_decoding(monkeypatch):
    monkeypatch.setattr(decode, "MAX_PIXELS", 99)
    with pytest.raises(DataError, match=r"big: 10x10 pixels; expected at most 99"):
        decode_image(encode(Image.new("L", (10, 10))), "big")


def test_decompression_bomb_header_is_refused():
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b"")
    with pytest.raises(DataError, match="bomb"):
        decode_image(data, "bomb.png")
