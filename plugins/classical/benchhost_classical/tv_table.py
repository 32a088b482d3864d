"""Made by ``python -m benchhost_classical.tune_tv``; see :mod:`benchhost_classical.tv_weights`.

Knots are (noise level seen from the image, lambda / gain) or (quality, lambda).  Exact measurements need no table: at
every level of inpaint, sr, cs, mri (both protocols) and ct no lambda was worth 0.01 dB against the equality constraint.
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
    ("mri", "grey"): ((0.02037, 0.0144), (0.06112, 0.0612)),
    ("mri/ista", "grey"): ((0.01796, 0.00458), (0.05388, 0.0318)),
    ("ct", "grey"): ((0.01331, 0.00334), (0.04436, 0.023), (0.1331, 0.116)),
    ("ct/poisson", "grey"): ((0.03055, 0.0204), (0.06143, 0.0608), (0.1257, 0.202)),
}
