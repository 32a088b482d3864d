"""Made by ``python -m benchhost_classical.tune_tv``; see :mod:`benchhost_classical.tv_weights`.

Knots are (noise level seen from the image, lambda / gain), or (quality, lambda), (photons, lambda / gain) and
(views or acceleration, lambda / gain).  Tasks that are missing in EXACT did no better than 0.01 dB with any lambda than
with the equality constraint: inpaint, sr and cs at every level.
"""

DENOISE = {
    "grey": ((0.01961, 0.00638), (0.05882, 0.0318), (0.09804, 0.0639), (0.1961, 0.187), (0.2941, 0.289)),
    "colour": ((0.01961, 0.0115), (0.05882, 0.051), (0.09804, 0.103), (0.1961, 0.244), (0.2941, 0.453)),
}
JPEG = {
    "grey": ((10.0, 0.0198), (20.0, 0.011), (30.0, 0.00946), (40.0, 0.00781)),
    "colour": ((10.0, 0.039), (20.0, 0.0218), (30.0, 0.0185), (40.0, 0.0147)),
}
NOISY = {
    ("deblur/gaussian", "grey"): ((0.05464, 0.0143), (0.1639, 0.103)),
    ("deblur/motion", "grey"): ((0.06665, 0.0338), (0.2, 0.193)),
}
EXACT: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {}
POISSON: dict[str, tuple[tuple[float, float], ...]] = {}
