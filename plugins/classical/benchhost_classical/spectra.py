"""Power spectra of the kinds of image that are measured, fitted on training sets; torch-free.

Made by ``python -m benchhost_classical.fit_spectra``.  The variance of an orthonormal DCT coefficient at frequency f
(cycles per pixel) is ``amplitude / f**exponent``, for images in [0, 1].
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Law:
    """amplitude / f**exponent."""

    amplitude: float
    exponent: float


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """mean: of the pixels.  laws: one for every channel alike, or one each for the 3-point DCT of the channels."""

    mean: float
    laws: tuple[Law, ...]


SPECTRA = {
    "grey": Spectrum(mean=0.45, laws=(Law(amplitude=3.21e-4, exponent=2.31),)),
    "colour": Spectrum(
        mean=0.436,
        laws=(
            Law(amplitude=9.63e-4, exponent=2.30),
            Law(amplitude=3.13e-6, exponent=3.08),
            Law(amplitude=1.82e-6, exponent=2.86),
        ),
    ),
    "mri": Spectrum(mean=0.0, laws=(Law(amplitude=2.93e-5, exponent=2.35),)),
    "ct": Spectrum(mean=0.117, laws=(Law(amplitude=2.37e-4, exponent=2.05),)),
}


def choose(task: str, channels: int, complex_image: bool) -> str:
    """Which spectrum fits a problem: by the task's kind of image and its channels."""
    if complex_image or task == "mri":
        return "mri"
    if task == "ct":
        return "ct"
    return "colour" if channels == 3 else "grey"
