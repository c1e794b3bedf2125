"""One encoded image → pixels, under one stated policy. Whatever would change the pixels by guesswork is refused.

| the file is                                  | what happens                                                     |
|----------------------------------------------|------------------------------------------------------------------|
| 8-bit grey or RGB                            | taken as it is                                                   |
| 1 bit per pixel                              | becomes grey, 0 and 255                                          |
| palette                                      | becomes RGB, exactly                                             |
| with an alpha channel, all of it opaque      | the alpha channel is dropped                                     |
| with transparency                            | refused: the background would have to be guessed                 |
| 16-bit, 32-bit or floating point             | refused: the range would have to be guessed                      |
| CMYK, YCbCr, Lab, …                          | refused: the colours depend on a profile                         |
| animated or of several pages                 | refused; of a camera's multi-picture JPEG the main picture counts|
| turned by an EXIF orientation tag            | turned upright                                                   |
| unreadable, truncated, above `MAX_PIXELS`    | refused; a PNG's checksums must hold                             |

Every refusal is a RefusedImageError, a DataError that names the file and the remedy. `read_header` finds all but
transparency and damaged pixels without decoding; a truncated PNG, too.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import SEEK_CUR, BytesIO
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ganbench.data.resize import fit_image
from ganbench.errors import DataError

POLICY_VERSION = 1  # goes up with every change that gives other pixels for the same file
MAX_PIXELS = 64 * 2**20
MAX_NAMED = 3
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_DAMAGE = (  # what Pillow's decoders raise on damaged files
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_HIGH_DEPTH = re.compile(r";16[BLN]")
_GREY_MODES = ("1", "L", "LA")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA")
_ALPHA_MODES = ("LA", "PA", "RGBA")
_PNG_METADATA = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_ORIENTATION_TAG = 0x0112
_SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange width and height


class RefusedImageError(DataError):
    """An image file that cannot be used.

    `group` says of many such files what is wrong with them ("have …" or "cannot …"), so that they can be counted; the
    remedy has {it} where the file stands.
    """

    def __init__(self, source: str, problem: str, group: str, remedy: str) -> None:
        super().__init__(f"{source}: {problem}. {remedy.format(it='it')}")
        self.source, self.group, self.remedy = source, group, remedy


class Header(NamedTuple):
    """What an image will be once it is decoded."""

    height: int
    width: int
    channels: int  # 1 or 3


def refuse_unreadable(source: str, problem: str) -> RefusedImageError:
    """The refusal of a file whose bytes cannot be had or make no image."""
    return RefusedImageError(source, problem, "cannot be read", "Repair or remove {it}.")


def refuse_together(refused: Sequence[RefusedImageError], num_images: int) -> DataError:
    """One error for all refused files among `num_images`: by reason, how many they are and the names of a few."""
    if len(refused) == 1:
        return refused[0]
    groups: dict[tuple[str, str], list[str]] = {}
    for image in refused:
        groups.setdefault((image.group, image.remedy), []).append(image.source)
    sentences = []
    for (group, remedy), sources in groups.items():
        alone = len(sources) == 1
        problem = group.replace("have ", "has ", 1) if alone else group
        names = ", ".join(sources[:MAX_NAMED])
        listing = f": {names}" if len(sources) <= MAX_NAMED else f", such as {names}"
        wanted = remedy.format(it="it" if alone else "them")
        sentences.append(f"{len(sources):,} of {num_images:,} images {problem}{listing}. {wanted}")
    return DataError(" ".join(sentences))


def read_header(stream: IO[bytes], source: str, resolution: int | None = None) -> Header:
    """What `decode_image` will give, found without decoding (but for pictures stored sideways).

    Raises:
        RefusedImageError: By the policy above, as far as the header tells.
    """
    with _damage_is_refused(source), Image.open(stream, formats=FORMATS) as image:
        _check_header(image, source)
        width, height = (resolution, resolution) if resolution is not None else image.size
        has_metadata = image.format != "PNG" or _has_png_metadata(stream)
        # Pillow decodes a whole PNG to look for metadata behind the pixels
        if width != height and has_metadata and image.getexif().get(_ORIENTATION_TAG) in _SIDEWAYS:
            width, height = ImageOps.exif_transpose(image).size
        return Header(height, width, 1 if image.mode in _GREY_MODES else 3)


def decode_image(data: bytes, source: str, resolution: int | None = None) -> npt.NDArray[np.uint8]:
    """An encoded image → uint8 [H, W] (grey) or [H, W, 3], at `resolution` where given; `source` names it in errors.

    Raises:
        RefusedImageError: By the policy above.
    """
    with _damage_is_refused(source), Image.open(BytesIO(data), formats=FORMATS) as image:
        _check_header(image, source)
        if image.format == "PNG":
            _check_png(BytesIO(data), checksums=True)
        image.load()
        plain = _plain(ImageOps.exif_transpose(image), source)
        return np.asarray(plain if resolution is None else fit_image(plain, resolution))


@contextmanager
def _damage_is_refused(source: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise refuse_unreadable(source, "not a readable image: damaged, or of an unknown format") from error
    except _DAMAGE as error:
        raise refuse_unreadable(source, f"not a readable image ({error})") from error


def _check_header(image: Image.Image, source: str) -> None:
    """Refuse by what is known before decoding."""
    if image.width * image.height > MAX_PIXELS:
        problem = f"{image.width}x{image.height} pixels; expected at most {MAX_PIXELS:,}"
        raise RefusedImageError(source, problem, f"have more than {MAX_PIXELS:,} pixels", "Scale {it} down.")
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1 and image.format != "MPO":
        problem = f"holds {num_frames} frames; expected one"
        raise RefusedImageError(source, problem, "have several frames", "Save the wanted frame on its own.")
    # Pillow reduces 16-bit RGB to 8 bits without a word; only the raw mode of the data tells.
    if image.mode.startswith(("I", "F")) or _HIGH_DEPTH.search(str(getattr(image, "tile", ""))):
        problem = "more than 8 bits per channel; expected 8"
        remedy = "Convert {it} to 8 bits per channel first."
        raise RefusedImageError(source, problem, "have more than 8 bits per channel", remedy)
    if image.mode not in _GREY_MODES + _COLOUR_MODES:
        problem = f"colour mode {image.mode}; expected grey, RGB or a palette"
        remedy = "Convert {it} to RGB by the colour profile."
        raise RefusedImageError(source, problem, f"have the colour mode {image.mode}", remedy)


def _has_png_metadata(stream: IO[bytes]) -> bool:
    """Whether an orientation may stand somewhere. Raises OSError where the file is truncated."""
    position = stream.tell()
    kinds = _check_png(stream, checksums=False)
    stream.seek(position)
    return not kinds.isdisjoint(_PNG_METADATA)


def _check_png(stream: IO[bytes], checksums: bool) -> set[bytes]:
    """The kinds of chunks. Raises OSError unless all are there, and whole where `checksums` are wanted.

    Pillow leaves the checksums of pixel data unread, so that a damaged file would give other pixels.
    """
    stream.seek(8)
    kind, kinds = b"", set()
    while kind != b"IEND":
        head = stream.read(8)
        if len(head) < 8:
            raise OSError("it is truncated")
        num_bytes, kind = int.from_bytes(head[:4], "big"), head[4:]
        kinds.add(kind)
        if not checksums and kind != b"IEND":
            stream.seek(num_bytes + 4, SEEK_CUR)
            continue
        content, checksum = stream.read(num_bytes), stream.read(4)
        if len(content) < num_bytes or len(checksum) < 4:
            raise OSError("it is truncated")
        if zlib.crc32(content, zlib.crc32(kind)) != int.from_bytes(checksum, "big"):
            raise OSError("a checksum is wrong")
    return kinds


def _plain(image: Image.Image, source: str) -> Image.Image:
    """The same picture in mode L or RGB."""
    wanted = "L" if image.mode in _GREY_MODES else "RGB"
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        image = image.convert("LA" if wanted == "L" else "RGBA")
        lowest, _ = image.getchannel("A").getextrema()
        if lowest != 255:
            remedy = "Lay {it} on a background of your choice first."
            raise RefusedImageError(source, "has transparent pixels; expected none", "have transparent pixels", remedy)
    return image if image.mode == wanted else image.convert(wanted)
