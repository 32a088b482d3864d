"""What a task offers and a method requires, and the reasons why a pair does not fit."""

CAPABILITIES = {
    "linear": "y = A x + noise with a linear A",
    "adjoint": "A_adjoint",
    "pinv": "A_dagger, exact or iterative with a fixed count",
    "exact-pinv": "A_dagger in closed form",
    "svd": "the singular value decomposition of A",
    "prox": "the proximal map of the data term",
    "differentiable": "A can be differentiated by autograd",
    "awgn": "the noise is white and Gaussian, or absent",
    "sigma": "the noise level is told to the method",
    "real": "the image is real",
    "grey": "the image has one channel",
    "colour": "the image has three channels",
    "bounded": "the image lies in [0, 1]",
}


def missing(requires: frozenset[str], offers: frozenset[str]) -> list[str]:
    """Reasons why ``requires`` is not met, one sentence each; empty when it is.

    ``requires`` may hold alternatives written ``"grey|colour"``.
    """
    reasons = []
    for need in sorted(requires):
        options = need.split("|")
        if not offers.intersection(options):
            words = " or ".join(CAPABILITIES.get(option, option) for option in options)
            reasons.append(f"needs {need} ({words})")
    return reasons
