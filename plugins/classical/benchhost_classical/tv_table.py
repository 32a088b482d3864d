"""Made by ``python -m benchhost_classical.tune_tv``; see :mod:`benchhost_classical.tv_weights`."""

DENOISE = {"grey": ((0.1, 0.07),), "colour": ((0.1, 0.07),)}
NOISY: dict = {}
EXACT: dict = {}
POISSON: dict = {}
JPEG = {"grey": ((10.0, 0.03),), "colour": ((10.0, 0.03),)}
