"""Block compressed sensing against plain numpy loops; the seeded matrix and its promises."""

import numpy as np
import pytest
import torch

from benchhost.physics.block_cs import BlockCS, gaussian_rows, sensing


def by_loops(x, phi, block):
    """(C, H, W) -> (C, blocks, m), one block after the other."""
    channels, height, width = x.shape
    return np.array(
        [
            [
                phi @ x[c, i : i + block, j : j + block].ravel()
                for i in range(0, height, block)
                for j in range(0, width, block)
            ]
            for c in range(channels)
        ]
    )


def test_blocks_are_measured_as_a_loop_measures_them():
    phi, x = np.random.RandomState(0).randn(5, 16), np.random.RandomState(1).rand(2, 12, 8)
    y = BlockCS((2, 12, 8), 4, sensing(phi), dtype=torch.float64).A(torch.from_numpy(x)[None])[0]
    np.testing.assert_allclose(y, by_loops(x, phi, 4), atol=1e-13)


def test_scrambled_sensing_is_block_sensing_of_the_permuted_image():
    phi, x = gaussian_rows(16, 5), np.random.RandomState(1).rand(2, 12, 8)
    order = np.random.RandomState(2).permutation(96)
    y = BlockCS((2, 12, 8), 4, sensing(phi), scramble=order, dtype=torch.float64).A(torch.from_numpy(x)[None])[0]
    permuted = x.reshape(2, -1)[:, order].reshape(2, 12, 8)
    np.testing.assert_allclose(y, by_loops(permuted, phi, 4), atol=1e-13)


@pytest.mark.parametrize("n", [9, 100])
def test_gaussian_rows_are_orthonormal_and_nested(n):
    phi = gaussian_rows(n, n // 2, seed=3)
    assert np.abs(phi @ phi.T - np.eye(n // 2)).max() < 1e-13
    np.testing.assert_allclose(gaussian_rows(n, n // 4, seed=3), phi[: n // 4], atol=1e-12)
    assert np.abs(gaussian_rows(n, n // 2, seed=4) - phi).max() > 0.1


def test_gaussian_rows_are_gram_schmidt_of_the_seeded_white_rows():
    white, rows = np.random.RandomState(7).standard_normal((4, 12)), []
    for row in white:
        for done in rows:
            row = row - (row @ done) * done
        rows.append(row / np.linalg.norm(row))
    np.testing.assert_allclose(gaussian_rows(12, 4, seed=7), rows, atol=1e-13)


GOLDEN = (
    (0.054453694510572026, 0.012352262919204505, 0.030212198245824596),
    (0.00035098646413980376, -0.05536981831729417, 0.003517383319443028),
)


def test_the_standard_matrix_is_pinned_within_tolerance():
    # Golden numbers: QR differs in the last bits between machines, hence a tolerance and not a hash.
    phi = gaussian_rows(1089, 3)
    np.testing.assert_allclose(phi[0, :3], GOLDEN[0], atol=1e-9)
    np.testing.assert_allclose(phi[2, -3:], GOLDEN[1], atol=1e-9)


def test_orthonormal_rows_make_the_adjoint_the_pseudo_inverse():
    A = BlockCS((1, 8, 8), 4, sensing(gaussian_rows(16, 6)))
    y = torch.randn(2, *A.out_shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(A.A_dagger(y), A.A_adjoint(y))
    assert A.norm == 1


def test_a_named_matrix_goes_into_the_spec_by_name_and_a_file_by_its_bytes():
    matrix = sensing(gaussian_rows(16, 6))
    assert BlockCS((1, 8, 8), 4, matrix, name="rule").spec()["matrix"] == "rule"
    assert BlockCS((1, 8, 8), 4, matrix).spec()["matrix"].startswith("sha256:")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BlockCS((1, 9, 8), 4, sensing(gaussian_rows(16, 5))), "9x8 pixels does not divide into 4x4"),
        (lambda: BlockCS((1, 8, 8), 4, sensing(gaussian_rows(9, 5))), "9 columns does not measure blocks of 4x4"),
        (lambda: BlockCS((1, 4, 4), 4, sensing(gaussian_rows(16, 5)), scramble=np.zeros(16, int)), "not a permutation"),
        (lambda: sensing(np.ones((5, 4))), r"m <= n, got \(5, 4\)"),
        (lambda: sensing(np.ones((2, 4))), "linearly dependent"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
