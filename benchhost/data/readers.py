"""Readers: from a file to the array that a dataset's kind promises.  Never a silent conversion.

A reader is called as ``reader(path, ref, rule)`` and gives the array, or the array and a dict of further facts.
Pillow and numpy are imported on the first call, not before.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.errors import ChecksumMismatch, UnsuitableImage, UsageError, unknown
from benchhost.types import ItemRef

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

MODES = ("L", "RGB", "keep", "rgb2gray")
MAX_PIXELS = 100_000_000
_KEY = re.compile(r"(?P<array>[^\[\]]+)?(\[(?P<index>\d+)\])?")
# What Pillow calls the kinds of pixel that are refused.
_MODES = {
    "1": "one bit a pixel", "I;16": "16 bits a channel", "I;16B": "16 bits a channel", "I;16L": "16 bits a channel",
    "I": "32-bit integers", "F": "floating point", "LA": "an alpha channel", "PA": "an alpha channel",
    "La": "an alpha channel", "RGBA": "an alpha channel", "RGBa": "an alpha channel", "CMYK": "CMYK inks",
    "YCbCr": "YCbCr", "LAB": "CIE L*a*b*", "HSV": "HSV",
}  # fmt: skip


def image(path: Path | None, ref: ItemRef, rule: Mapping[str, Any]) -> np.ndarray:
    """An 8-bit image file: uint8 (H, W) or (H, W, 3); float32 with ``scale``.

    mode: "L" a grey file (also one with a grey palette), "RGB" a colour file, "keep" either as it is (default),
        "rgb2gray" a colour file made grey as MATLAB does it, floor(.298936 R + .587043 G + .114021 B + .5).
    crop: [height, width]: the centre, offsets (H - h) // 2 and (W - w) // 2.
    reduce_to, reduce_from: the largest centred square whose side is a multiple of ``reduce_to`` and at most
        ``reduce_from``, averaged over blocks and rounded half up to ``reduce_to`` x ``reduce_to``.
    scale: divide by this number, giving float32: 255 for magnitude images in [0, 1].
    max_pixels: refuse larger images before decoding them (default 100 million).

    The pixels are compared with the item's pixel_sha256, where it has one, before anything is cut or scaled.
    16-bit, floating, CMYK, alpha, coloured-palette and multi-frame files raise UnsuitableImage: converting them is a
    decision that changes numbers, so it is the user's.
    """
    mode = rule.get("mode", "keep")
    if mode not in MODES:
        raise unknown("mode", str(mode), MODES, where="the rule of reader 'image'")
    pixels = _decode(path, mode, int(rule.get("max_pixels", MAX_PIXELS)))
    if ref.pixel_sha256:
        _check_pixels(pixels, ref)
    if mode == "rgb2gray":
        pixels = rgb2gray(pixels)
    if "crop" in rule:
        pixels = centre_crop(pixels, *rule["crop"])
    if "reduce_to" in rule:
        pixels = reduced(pixels, int(rule["reduce_to"]), int(rule.get("reduce_from", 4 * rule["reduce_to"])))
    return _scaled(pixels, rule["scale"]) if "scale" in rule else pixels


def array(path: Path | None, ref: ItemRef, rule: Mapping[str, Any]) -> np.ndarray:
    """A numpy file: float32 (H, W) (complex64 stays complex).

    The item's key says which part: an array of an ``.npz``, ``name[i]`` for one slice of it, ``[i]`` of an ``.npy``.
    clip: [low, high] applied to the file's values, e.g. [-1024, 3071] to Hounsfield units outside the scan circle.
    scale: divide by this number.
    """
    import numpy as np

    if path is None:
        raise UsageError("the reader 'array' needs a file")
    found = _KEY.fullmatch(ref.key)
    name, index = (found["array"] or "", found["index"] or "") if found else (ref.key, "")
    values = _load(str(path), path.stat().st_mtime_ns, name)
    if index:
        if int(index) >= len(values):
            raise UsageError(f"{path.name} has slices 0 to {len(values) - 1}, not {index}")
        values = values[int(index)]
    if values.dtype.kind not in "uifc":
        raise UnsuitableImage(f"{path.name} holds {values.dtype}, which is no number")
    if "clip" in rule:
        values = np.clip(values, *rule["clip"])
    values = values.astype(np.complex64 if values.dtype.kind == "c" else np.float32)
    return _scaled(values, rule["scale"]) if "scale" in rule else values


@lru_cache(maxsize=2)
def _load(path: str, mtime_ns: int, name: str) -> np.ndarray:
    """One array of a file; kept, because the items of a dataset are slices of it and come one after another."""
    from zipfile import BadZipFile

    import numpy as np

    short = Path(path).name
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            values = loaded
        elif name in loaded.files:
            values = loaded[name]
        else:
            raise unknown("array", name, loaded.files, where=short)
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise UnsuitableImage(f"{short} is not a readable .npy or .npz file: {error}") from error
    values.flags.writeable = False
    return values


def image_channels(path: Path) -> int:
    """1 for a grey image file, 3 for a colour one; only the header is read, what it says is checked on reading."""
    with _opened(path, MAX_PIXELS) as picture:
        grey = picture.mode in ("L", "1", "I;16", "F") or (picture.mode == "P" and _grey_palette(picture))
        return 1 if grey else 3


def rgb2gray(pixels: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2gray of uint8 (H, W, 3): what the grey Berkeley sets were made with (all 68 files, exactly).

    The weights are the first row of the inverse of the NTSC matrix; six digits of them are a level off here and there.
    """
    import numpy as np

    if pixels.ndim != 3:
        raise UnsuitableImage("the file is grey already: mode 'rgb2gray' wants a colour file")
    ntsc = [[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]]
    return np.floor(pixels @ np.linalg.inv(ntsc)[0] + 0.5).astype(np.uint8)


def centre_crop(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of (H, W, ...), refusing an image that is too small."""
    h, w = pixels.shape[:2]
    if height > h or width > w:
        raise UnsuitableImage(f"an image of {h}x{w} pixels cannot be cropped to {height}x{width}")
    top, left = (h - height) // 2, (w - width) // 2
    return pixels[top : top + height, left : left + width]


def reduced(pixels: np.ndarray, side: int, largest: int) -> np.ndarray:
    """The largest centred square that is a multiple of ``side`` and at most ``largest``, averaged over blocks.

    Rounded half up, in integer arithmetic: the same on every machine.
    """
    import numpy as np

    square = min(*pixels.shape[:2], largest) // side * side
    if square == 0:
        raise UnsuitableImage(f"an image of {pixels.shape[0]}x{pixels.shape[1]} pixels is smaller than {side}x{side}")
    block = square // side
    cut = centre_crop(pixels, square, square).astype(np.int64)
    sums = cut.reshape(side, block, side, block, *cut.shape[2:]).sum(axis=(1, 3))
    return ((2 * sums + block**2) // (2 * block**2)).astype(pixels.dtype)


def _decode(path: Path | None, mode: str, max_pixels: int) -> np.ndarray:
    import numpy as np

    if path is None:
        raise UsageError("the reader 'image' needs a file")
    with _opened(path, max_pixels) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise UnsuitableImage(f"{path.name} holds {picture.n_frames} images; save the one you mean by itself")
        has = picture.mode
        if has in _MODES or "transparency" in picture.info:
            what = _MODES.get(has, "a transparent colour")
            raise UnsuitableImage(f"{path.name} has {what} (mode {has}); convert it to 8-bit grey or RGB yourself")
        if has == "P":
            if not _grey_palette(picture):
                raise UnsuitableImage(f"{path.name} has a coloured palette; convert it to 8-bit RGB yourself")
            has = "L"
        if has not in ("L", "RGB"):
            raise UnsuitableImage(f"{path.name} has pixels of mode {has}; 8-bit grey and RGB can be read")
        wants = {"L": ("L",), "RGB": ("RGB",), "rgb2gray": ("RGB",)}.get(mode, ("L", "RGB"))
        if has not in wants:
            hint = ' (mode = "rgb2gray" in the card\'s rule makes it grey)' if has == "RGB" else ""
            raise UnsuitableImage(f"{path.name} is {_word(has)}, the dataset reads {_word(wants[0])} images{hint}")
        try:
            return np.array(picture.convert(has))  # a copy: Pillow's own buffer is read-only
        except (OSError, SyntaxError, ValueError) as error:
            raise UnsuitableImage(f"{path.name} is damaged: {error}") from error


def _opened(path: Path, max_pixels: int) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # our own limit is stricter, or is the user's wish
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path)
    except UnidentifiedImageError as error:
        raise UnsuitableImage(f"{path.name} is no image file that Pillow knows") from error
    except Image.DecompressionBombError as error:
        raise UnsuitableImage(f"{path.name} is too large to decode: {error}") from error
    except (SyntaxError, ValueError) as error:
        raise UnsuitableImage(f"{path.name} is damaged: {error}") from error
    if picture.width * picture.height > max_pixels:
        picture.close()
        raise UnsuitableImage(
            f"{path.name} is {picture.height}x{picture.width} pixels, more than the {max_pixels} allowed "
            "(max_pixels in the card's rule)"
        )
    return picture


def _grey_palette(picture: Image.Image) -> bool:
    palette = picture.getpalette("RGB") or []
    return palette[0::3] == palette[1::3] == palette[2::3]


def _check_pixels(pixels: np.ndarray, ref: ItemRef) -> None:
    found = hashlib.sha256(pixels.tobytes()).hexdigest()
    if found != ref.pixel_sha256:
        from PIL import __version__

        raise ChecksumMismatch(
            f"{ref.file} is the right file, but Pillow {__version__} here decodes it to other pixels: "
            f"expected pixel sha256 {ref.pixel_sha256}, found {found}. Use the Pillow of PyPI (libjpeg-turbo)"
        )


def _scaled(values: np.ndarray, scale: float) -> np.ndarray:
    import numpy as np

    return (values / np.float32(scale)).astype(np.complex64 if values.dtype.kind == "c" else np.float32)


def _word(mode: str) -> str:
    return {"L": "grey", "RGB": "colour"}[mode]
