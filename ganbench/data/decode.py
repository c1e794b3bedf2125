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
| unreadable, truncated, above `MAX_PIXELS`    | refused                                                          |

Every refusal is a DataError that names the file and the remedy.
"""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ganbench.data.resize import fit_image
from ganbench.errors import DataError

MAX_PIXELS = 64 * 2**20
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
_ALPHA_MODES = ("RGBA", "LA", "PA")


def decode_image(data: bytes, source: str, resolution: int | None = None) -> npt.NDArray[np.uint8]:
    """An encoded image → uint8 [H, W] (grey) or [H, W, 3], at `resolution` where given; `source` names it in errors.

    Raises:
        DataError: By the policy above.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_header(image, source)
            image.load()
            upright = ImageOps.exif_transpose(image)
            plain = _plain(upright, source)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            f"{source}: not a readable image: damaged, or of an unknown format. Repair or remove this file."
        ) from error
    except _DAMAGE as error:
        raise DataError(f"{source}: not a readable image ({error}). Repair or remove this file.") from error
    return np.asarray(plain if resolution is None else fit_image(plain, resolution))


def _check_header(image: Image.Image, source: str) -> None:
    """Refuse by what is known before decoding."""
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"{source}: {image.width}x{image.height} pixels; expected at most {MAX_PIXELS:,}. Scale it down."
        )
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1 and image.format != "MPO":
        raise DataError(f"{source}: holds {num_frames} frames; expected one. Save the wanted frame on its own.")
    # Pillow reduces 16-bit RGB to 8 bits without a word; only the raw mode of the data tells.
    if image.mode.startswith(("I", "F")) or _HIGH_DEPTH.search(str(getattr(image, "tile", ""))):
        raise DataError(f"{source}: more than 8 bits per channel; expected 8. Convert it to 8 bits per channel first.")


def _plain(image: Image.Image, source: str) -> Image.Image:
    """The same picture in mode L or RGB."""
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _without_alpha(image, source)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "P":
        return image.convert("RGB")
    raise DataError(
        f"{source}: colour mode {image.mode}; expected grey, RGB or a palette. Convert it to RGB by its profile."
    )


def _without_alpha(image: Image.Image, source: str) -> Image.Image:
    colour = "L" if image.mode == "LA" else "RGB"
    full = image.convert("LA" if colour == "L" else "RGBA")
    lowest, _ = full.getchannel("A").getextrema()
    if lowest != 255:
        raise DataError(
            f"{source}: has transparent pixels; expected none. Lay it on a background of your choice first."
        )
    return full.convert(colour)
