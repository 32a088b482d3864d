"""Finding one picture inside another, rescaled: normalised cross-correlation, coarse over all places, then fine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

COARSE = 64  # short side of the larger picture in the first search
FINE = 192  # and in the second
SMALLEST = 0.3  # the least part of the larger picture's height or width that is looked for
STEP = 1.09  # between scales; half a step off moves the edge of a 64-pixel template by 1.4 pixels
# Measured between Set5, Set11, Set14, Classic5 and 100 Berkeley training pictures: the same picture scores at least
# .82, and .66 in fine detail (what a larger blur removes); among different ones that score .80, detail is at most .29.
PROMISING = 0.70
FOUND = 0.80
FOUND_DETAIL = 0.50
MOST_STRETCH = 1.3  # how far height and width may go apart
LEAST_PIXELS = 20 * 20  # of a template in the first search
LEAST_SIDE = 40  # in the second


@dataclass(frozen=True, kw_only=True)
class Crop:
    """Where the smaller picture lies in the larger one, in pixels of the larger; score: its correlation, at most 1."""

    top: int
    left: int
    height: int
    width: int
    score: float


def find_crop(small: np.ndarray, large: np.ndarray) -> Crop | None:
    """Where ``small`` (H, W), rescaled by any factor, is part of ``large``; None where it is not.

    It must cover at least 0.3 of the larger's height or width.  Mirrored and rotated crops are not looked for.
    """
    best: tuple[float, float, int, int] = (PROMISING, 0.0, 0, 0)
    coarse, zoom = _shrunk(large, COARSE)
    search = _Search(coarse)
    sketch, _ = _shrunk(small, 2 * COARSE)  # templates are made of it: a third less time, the same scores
    for height, width in _sizes(small.shape, coarse.shape):
        score, top, left = search.best(_resize(sketch, height, width))
        if score > best[0]:
            best = (score, height / small.shape[0] / zoom, round(top / zoom), round(left / zoom))
    if not best[1]:
        return None
    return _refined(small, large, *best[1:])


def _refined(small: np.ndarray, large: np.ndarray, scale: float, top: int, left: int) -> Crop | None:
    """Search again round a promising place at a higher resolution; it must agree there, and in its fine detail."""
    fine, zoom = _shrunk(large, FINE)
    margin = max(4, round(2.5 * FINE / COARSE))
    y0, x0 = max(0, round(top * zoom) - margin), max(0, round(left * zoom) - margin)

    aspect = small.shape[0] / small.shape[1]

    def match(height: int, width: int) -> tuple[float, int, int, int, int]:
        stretch = height / max(width, 1) / aspect
        if min(height, width) < LEAST_SIDE or not 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
            return -1.0, 0, 0, height, width  # a sliver of a few pixels correlates with anything
        window = fine[y0 : y0 + height + 2 * margin, x0 : x0 + width + 2 * margin]
        if height > window.shape[0] or width > window.shape[1]:
            return -1.0, 0, 0, height, width
        score, y, x = _Search(window).best(_resize(small, height, width))
        return score, y0 + y, x0 + x, height, width

    sizes = [[round(n * scale * zoom * factor) for n in small.shape] for factor in np.linspace(1 / STEP, STEP, 13)]
    best = max(match(*size) for size in sizes)
    # Copies of one scan differ in pixel aspect by a few per cent: climb in height and width apart.
    for step in (8, 4, 2, 1):
        while True:
            _, _, _, height, width = best
            around = ((height + step, width), (height - step, width), (height, width + step), (height, width - step))
            better = max(match(*size) for size in around)
            if better[0] <= best[0]:
                break
            best = better
    score, y, x, height, width = best
    if score < FOUND:
        return None
    # Smooth pictures (skies, portraits before a wall) correlate by their large shapes alone.
    detail = _correlation(_high_pass(_resize(small, height, width)), _high_pass(fine[y : y + height, x : x + width]))
    if detail < FOUND_DETAIL:
        return None
    top, left, height, width = (round(n / zoom) for n in (y, x, height, width))
    return Crop(top=top, left=left, height=height, width=width, score=float(min(score, 1.0)))


class _Search:
    """Normalised cross-correlation of templates with every place of one picture."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture.astype(np.float64) - picture.mean()
        self.shape = picture.shape
        self.spectrum = scipy.fft.rfft2(self.picture)
        self.sums = _integral(self.picture)
        self.squares = _integral(self.picture**2)

    def best(self, template: np.ndarray) -> tuple[float, int, int]:
        """The highest correlation, and the row and column of the template's corner there."""
        height, width = template.shape
        zero_mean = template - template.mean()
        norm = float(np.linalg.norm(zero_mean))
        if norm == 0:
            return 0.0, 0, 0
        spectrum = scipy.fft.rfft2(zero_mean, s=self.shape)
        # circular, but places where the template lies inside do not wrap round
        products = scipy.fft.irfft2(self.spectrum * spectrum.conj(), s=self.shape)
        products = products[: self.shape[0] - height + 1, : self.shape[1] - width + 1]
        sums, squares = (_windows(t, height, width) for t in (self.sums, self.squares))
        energy = np.sqrt(np.maximum(squares - sums**2 / (height * width), 0.0))
        flat = energy < 1e-3 * norm  # a uniform place correlates with nothing
        scores = np.where(flat, 0.0, products / np.where(flat, 1.0, energy * norm))
        place = int(np.argmax(scores))
        top, left = divmod(place, scores.shape[1])
        return float(scores[top, left]), top, left


def _sizes(small: tuple[int, int], large: tuple[int, int]) -> list[tuple[int, int]]:
    """Template sizes to try, largest first: those that fit into ``large`` and are not too small to tell."""
    widest = min(large[0] / small[0], large[1] / small[1])
    least = SMALLEST * max(large[0] / small[0], large[1] / small[1])
    sizes, scale = [], widest
    while scale >= min(least, widest):
        height, width = round(small[0] * scale), round(small[1] * scale)
        if height * width < LEAST_PIXELS or min(height, width) < 8:
            break
        sizes.append((height, width))
        scale /= STEP
    return sizes


def _shrunk(picture: np.ndarray, short_side: int) -> tuple[np.ndarray, float]:
    """The picture with that short side, and the factor; a smaller one stays as it is."""
    zoom = short_side / min(picture.shape)
    if zoom >= 1:
        return picture.astype(np.float32), 1.0
    return _resize(picture, *(max(1, round(n * zoom)) for n in picture.shape)), zoom


def _resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    from PIL import Image

    # bicubic with antialiasing: area averages would shift a template by up to half a pixel
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _high_pass(values: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(values, 0.7) - gaussian_filter(values, 3.0)


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    a, b = one.ravel() - one.mean(), two.ravel() - two.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b / norm) if norm else 0.0


def _integral(values: np.ndarray) -> np.ndarray:
    return np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _windows(table: np.ndarray, height: int, width: int) -> np.ndarray:
    return table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
