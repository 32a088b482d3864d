"""Every operator of natural images keeps the contract, over sizes, odd ones too, batches and precisions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.physics.block_cs import BlockCS, gaussian_rows, sensing
from benchhost.physics.blur import CircularBlur, ValidBlur
from benchhost.physics.diagonal import Identity, Mask
from benchhost.physics.jpeg import Jpeg
from benchhost.physics.separable import BicubicDownsampling, Separable
from benchhost.testing.operators import assert_adjoint, assert_linear_physics, assert_physics, assert_prox

DTYPES = [torch.float32, torch.float64]


def kernel(height: int, width: int) -> np.ndarray:
    k = np.random.RandomState(height * 100 + width).rand(height, width)
    return k / k.sum()


def gaussian(size: int, std: float) -> np.ndarray:
    k = np.exp(-0.5 * ((np.arange(size) - size // 2) / std) ** 2)
    return np.outer(k, k) / k.sum() ** 2


def scramble(n: int) -> np.ndarray:
    return np.random.RandomState(n).permutation(n)


OPERATORS = {
    "identity": lambda d: Identity((3, 5, 4), dtype=d),
    "mask, all channels alike": lambda d: Mask((2, 9, 8), np.random.RandomState(0).rand(9, 8) < 0.5, dtype=d),
    "mask by channel": lambda d: Mask((3, 7, 5), np.random.RandomState(1).rand(3, 7, 5) < 0.1, dtype=d),
    "bicubic x2": lambda d: BicubicDownsampling((2, 10, 14), 2, dtype=d),
    "bicubic x3, repeated border": lambda d: BicubicDownsampling((1, 15, 21), 3, boundary="replicate", dtype=d),
    "bicubic x4": lambda d: BicubicDownsampling((1, 28, 20), 4, dtype=d),
    "bicubic x8": lambda d: BicubicDownsampling((3, 24, 40), 8, dtype=d),
    "separable, not square": lambda d: Separable(
        (1, 9, 8), np.random.RandomState(2).randn(5, 9), np.random.RandomState(3).randn(8, 8), dtype=d
    ),
    "block cs": lambda d: BlockCS((3, 12, 8), 4, sensing(gaussian_rows(16, 5)), dtype=d),
    "block cs, one row": lambda d: BlockCS((1, 6, 9), 3, sensing(gaussian_rows(9, 1)), dtype=d),
    "block cs, all rows": lambda d: BlockCS((1, 6, 9), 3, sensing(gaussian_rows(9, 9)), dtype=d),
    "scrambled cs": lambda d: BlockCS((2, 12, 8), 4, sensing(gaussian_rows(16, 5)), scramble=scramble(96), dtype=d),
    "block cs, rows not orthonormal": lambda d: BlockCS(
        (1, 8, 12), 4, sensing(np.random.RandomState(4).randn(6, 16)), dtype=d
    ),
    "circular blur": lambda d: CircularBlur((1, 16, 15), kernel(5, 7), dtype=d),
    "circular blur, even kernel": lambda d: CircularBlur((3, 17, 13), kernel(4, 6), dtype=d),
    "circular blur, kernel larger than the image": lambda d: CircularBlur((1, 15, 16), gaussian(25, 1.6), dtype=d),
    "circular blur that loses frequencies": lambda d: CircularBlur((1, 12, 12), np.ones((3, 4)) / 12, dtype=d),
    "valid blur": lambda d: ValidBlur((1, 16, 15), kernel(5, 7), dtype=d),
    "valid blur, even kernel": lambda d: ValidBlur((2, 14, 17), kernel(4, 6), dtype=d),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", OPERATORS)
def test_operator_keeps_the_contract(name, dtype):
    A = OPERATORS[name](dtype)
    # The blur cuts singular values up to 1e-3 of the norm, which bounds |A A+ A x - A x| / (norm |x|).
    tolerance = 1e-3 if isinstance(A, CircularBlur) else None
    assert_linear_physics(A, torch.Generator().manual_seed(0), dtype, pinv_tolerance=tolerance)


@pytest.mark.parametrize("shape", [(1, 17, 16), (3, 8, 23)])
def test_jpeg_keeps_the_contract_of_a_non_linear_operator(shape):
    assert_physics(Jpeg(shape, 10), torch.Generator().manual_seed(0))


@settings(max_examples=25, deadline=None)
@given(
    family=st.sampled_from(["bicubic", "circular", "valid", "block", "scrambled"]),
    channels=st.integers(1, 3),
    height=st.integers(2, 6),
    width=st.integers(2, 6),
    factor=st.integers(2, 5),
    batch=st.integers(1, 4),
    seed=st.integers(0, 2**31 - 1),
)
def test_adjoint_and_prox_hold_for_any_size(family, channels, height, width, factor, batch, seed):
    shape = (channels, height * factor, width * factor)
    rows = 1 + seed % factor**2
    A = {
        "bicubic": lambda: BicubicDownsampling(shape, factor),
        "circular": lambda: CircularBlur(shape, kernel(factor, width)),
        "valid": lambda: ValidBlur(shape, kernel(height, factor)),
        "block": lambda: BlockCS(shape, factor, sensing(gaussian_rows(factor**2, rows, seed))),
        "scrambled": lambda: BlockCS(
            shape, factor, sensing(gaussian_rows(factor**2, rows)), scramble=scramble(shape[1] * shape[2])
        ),
    }[family]()
    rng = torch.Generator().manual_seed(seed)
    assert_adjoint(A, rng, batch=batch)
    assert_prox(A, rng, batch=batch)


@pytest.mark.parametrize("name", OPERATORS)
def test_singular_values_are_those_of_the_dense_matrix(name):
    A = OPERATORS[name](torch.float64)
    pixels = int(np.prod(A.in_shape))
    dense = A.A(torch.eye(pixels, dtype=torch.float64).reshape(pixels, *A.in_shape)).flatten(1).T.numpy()
    values = np.linalg.svd(dense, compute_uv=False)
    # Within the contract's 0.1 %, from above: ValidBlur rounds its norm up.
    assert values[0] * (1 - 1e-9) <= A.norm <= values[0] * 1.001
    if hasattr(A, "singular_values"):
        ours = np.sort(A.singular_values.numpy())[::-1]
        np.testing.assert_allclose(ours[: len(values)], values, atol=1e-10 * values[0])
        assert not ours[len(values) :].any()


@pytest.mark.parametrize("name", [n for n in OPERATORS if "valid" not in n])
def test_closed_form_pseudo_inverse_is_that_of_the_dense_matrix(name):
    A = OPERATORS[name](torch.float64)
    pixels = int(np.prod(A.in_shape))
    dense = A.A(torch.eye(pixels, dtype=torch.float64).reshape(pixels, *A.in_shape)).flatten(1).T.numpy()
    y = torch.randn(1, *A.out_shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = np.linalg.pinv(dense, rcond=max(A.rcond, 1e-12)) @ y.flatten().numpy()
    np.testing.assert_allclose(A.A_dagger(y).flatten().numpy(), expected, atol=1e-8 * np.abs(expected).max())


def test_iterative_prox_is_that_of_the_dense_matrix():
    A = ValidBlur((1, 7, 6), kernel(3, 2), dtype=torch.float64)
    dense = A.A(torch.eye(42, dtype=torch.float64).reshape(42, 1, 7, 6)).flatten(1).T
    rng = torch.Generator().manual_seed(0)
    z, y = (torch.randn(1, *s, dtype=torch.float64, generator=rng) for s in (A.in_shape, A.out_shape))
    left = torch.eye(42, dtype=torch.float64) + 30 * dense.T @ dense
    expected = torch.linalg.solve(left, z.flatten() + 30 * dense.T @ y.flatten())
    torch.testing.assert_close(A.prox(z, y, 30.0).flatten(), expected, rtol=1e-9, atol=1e-9)
