"""The masked Fourier transforms: contract, numpy's FFT, closed forms and coils."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from benchhost.physics.coils import central_run, estimate_maps, normalised, simulated_maps, smooth_phase
from benchhost.physics.fourier import RealFourier, SingleCoilFourier
from benchhost.physics.masks import mirror
from benchhost.physics.sense import MultiCoilFourier
from benchhost.testing.operators import assert_linear_physics

SIZES = [(16, 16), (17, 15), (12, 21)]
DTYPES = [torch.float32, torch.float64]


def mask_2d(height, width, seed=0, ratio=0.4):
    mask = np.random.RandomState(seed).uniform(size=(height, width)) < ratio
    mask[height // 2, width // 2] = True
    return mask


def columns(width):
    mask = np.arange(width) % 3 == 0
    mask[width // 2 - 2 : width // 2 + 2] = True
    return mask


def centred_fft(x):
    """fastMRI's fft2c, written with numpy."""
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(x, axes), norm="ortho"), axes)


def as_complex(x):
    return x[:, 0].numpy() + 1j * x[:, 1].numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["columns", "points"])
def test_single_coil_keeps_the_contract(kind, size, dtype):
    mask = columns(size[1]) if kind == "columns" else mask_2d(*size)
    assert_linear_physics(SingleCoilFourier(mask, size, dtype), Generator().manual_seed(0), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_real_images_keep_the_contract_for_a_mask_without_symmetry(size, dtype):
    mask = mask_2d(*size)
    assert (mask != mirror(mask)).any()
    assert_linear_physics(RealFourier(mask, size, dtype), Generator().manual_seed(0), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_several_coils_keep_the_contract(size, dtype):
    A = MultiCoilFourier(columns(size[1]), simulated_maps(4, *size), dtype=dtype)
    assert_linear_physics(A, Generator().manual_seed(0), dtype)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(2, 20), width=st.integers(2, 20), seed=st.integers(0, 99))
def test_the_transform_is_numpys_centred_fft_for_even_and_odd_sizes(height, width, seed):
    mask = mask_2d(height, width, seed)
    A = SingleCoilFourier(mask, (height, width), torch.float64)
    x = torch.from_numpy(np.random.RandomState(seed).standard_normal((2, 2, height, width)))
    expected = np.where(mask, centred_fft(as_complex(x)), 0)
    np.testing.assert_allclose(as_complex(A.A(x)), expected, atol=1e-12)


def test_the_real_transform_is_numpys_fft_with_dc_in_the_corner():
    mask = mask_2d(9, 12)
    A = RealFourier(mask, (9, 12), torch.float64)
    x = np.random.RandomState(1).standard_normal((9, 12))
    y = A.A(torch.from_numpy(x)[None, None])
    np.testing.assert_allclose(as_complex(y)[0], mask * np.fft.fft2(x, norm="ortho"), atol=1e-13)
    zero_filled = np.fft.ifft2(mask * np.fft.fft2(x)).real  # ISTA-Net's formula
    np.testing.assert_allclose(A.baseline(y)[0, 0].numpy(), zero_filled, atol=1e-13)


@pytest.mark.parametrize("symmetric", [True, False])
def test_zero_filling_is_the_pseudo_inverse_only_for_a_symmetric_mask(symmetric):
    mask = mask_2d(16, 15)
    mask = mask | mirror(mask) if symmetric else mask
    A = RealFourier(mask, (16, 15), torch.float64)
    x = torch.randn(1, 1, 16, 15, generator=Generator().manual_seed(0), dtype=torch.float64)
    y = A.A(x)
    gap = float((A.A(A.A_adjoint(y)) - y).norm() / y.norm())
    assert gap < 1e-14 if symmetric else gap > 0.1
    assert float((A.A(A.A_dagger(y)) - y).norm() / y.norm()) < 1e-14


def test_the_pseudo_inverse_of_real_images_is_that_of_the_dense_matrix():
    A = RealFourier(mask_2d(5, 6, ratio=0.3), (5, 6), torch.float64)
    basis = torch.eye(30, dtype=torch.float64).reshape(30, 1, 5, 6)
    dense = A.A(basis).flatten(1).T
    y = torch.randn(4, *A.out_shape, generator=Generator().manual_seed(0), dtype=torch.float64)
    expected = y.flatten(1) @ torch.linalg.pinv(dense, rtol=1e-8).T
    torch.testing.assert_close(A.A_dagger(y).flatten(1), expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(
        torch.sort(A.singular_values).values, torch.sort(torch.linalg.svdvals(dense)).values, atol=1e-12, rtol=0
    )


def test_coils_are_numpys_weighted_transforms():
    maps = simulated_maps(3, 11, 14)
    A = MultiCoilFourier(columns(14), maps, dtype=torch.float64)
    x = torch.from_numpy(np.random.RandomState(0).standard_normal((2, 2, 11, 14)))
    expected = np.where(columns(14), centred_fft(as_complex(x)[:, None] * maps), 0)
    np.testing.assert_allclose(as_complex(A.A(x)), expected, atol=1e-12)


def test_one_coil_of_unit_sensitivity_is_the_single_coil_operator():
    x = torch.randn(1, 2, 12, 10, generator=Generator().manual_seed(0))
    one = SingleCoilFourier(columns(10), (12, 10))
    many = MultiCoilFourier(columns(10), simulated_maps(1, 12, 10))
    torch.testing.assert_close(many.A(x)[:, :, 0], one.A(x))
    assert many.norm == one.norm == 1


def test_slices_with_maps_of_their_own_take_only_whole_batches_and_give_single_operators():
    rng = np.random.RandomState(0)
    maps = normalised(simulated_maps(3, 8, 9) + 0.2 * rng.standard_normal((2, 3, 8, 9)))
    A = MultiCoilFourier(columns(9), maps)
    x = torch.randn(2, 2, 8, 9, generator=Generator().manual_seed(0))
    y = A.A(x)
    for i in (0, 1):
        one = A.sample(i)
        torch.testing.assert_close(one.A(x[i : i + 1])[0], y[i])
        torch.testing.assert_close(one.A_dagger(y[i : i + 1])[0], A.A_dagger(y)[i], rtol=1e-4, atol=1e-5)
        assert one.spec_id != A.spec_id
    with pytest.raises(ValueError, match=r"coil maps of 2 slices and got a batch of 1; use sample\(i\)"):
        A.A(x[:1])
    with pytest.raises(IndexError):
        A.sample(2)


@pytest.mark.parametrize("size", [(16, 16), (64, 48)])
def test_the_norm_is_the_largest_singular_value_or_a_bound_within_a_thousandth(size):
    A = MultiCoilFourier(columns(size[1])[None] & mask_2d(*size, ratio=0.5), simulated_maps(4, *size))
    v = torch.randn(1, *A.in_shape, generator=Generator().manual_seed(1))
    for _ in range(2000):  # plain power iteration, long enough for its slow convergence
        v = A.A_adjoint(A.A(v / v.norm()))
    reached = float(v.norm()) ** 0.5
    assert reached * (1 - 1e-5) <= A.norm <= reached * 1.001


def test_sense_by_conjugate_gradients_approaches_the_image():
    truth = torch.randn(1, 2, 24, 24, generator=Generator().manual_seed(0), dtype=torch.float64)
    errors = []
    for count in (5, 20, 80):
        A = MultiCoilFourier(
            np.arange(24) % 2 == 0, simulated_maps(6, 24, 24), pinv_iterations=count, dtype=torch.float64
        )
        errors.append(float((A.A_dagger(A.A(truth)) - truth).norm() / truth.norm()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3  # six coils resolve a twofold undersampling


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SingleCoilFourier(np.ones(5, bool), (4, 4)), r"mask of shape \(5,\) does not fit an image of 4x4"),
        (lambda: SingleCoilFourier(np.zeros(4, bool), (4, 4)), "samples nothing"),
        (lambda: MultiCoilFourier(np.ones(4, bool), 2 * simulated_maps(2, 4, 4)), "normalise them"),
        (lambda: MultiCoilFourier(np.ones(4, bool), np.ones((2, 4, 4))), "coil maps are complex"),
    ],
)
def test_wrong_parts_are_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_to_float64_is_exact_not_a_copy_of_rounded_ramps():
    A = SingleCoilFourier(columns(15), (17, 15), torch.float32).to(dtype=torch.float64)
    x = torch.randn(1, 2, 17, 15, generator=Generator().manual_seed(0), dtype=torch.float64)
    assert float((A.V(A.V_adjoint(x)) - x).abs().max()) < 1e-14


def test_simulated_maps_are_normalised_smooth_and_different():
    maps = simulated_maps(8, 33, 40)
    np.testing.assert_allclose((np.abs(maps) ** 2).sum(0), 1, atol=1e-12)
    assert np.abs(np.diff(maps, axis=-1)).max() < 0.15
    correlation = np.abs(np.einsum("chw,dhw->cd", maps, maps.conj()))
    assert correlation[0, 4] < 0.75 * correlation[0, 0]


def test_estimated_maps_recover_simulated_ones_on_the_object():
    true = simulated_maps(6, 64, 64)
    y, x = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64), indexing="ij")
    image = np.exp(-3 * (x**2 + y**2)) * np.exp(1j * smooth_phase(64, 64, np.random.RandomState(0)))
    sampled = np.zeros(64, bool)
    sampled[::4] = True
    sampled[26:38] = True
    kspace = np.where(sampled, centred_fft(true * image), 0)[None]
    found = estimate_maps(kspace, sampled)[0]
    object_area = np.abs(image) > 0.2
    agreement = np.abs((found.conj() * true).sum(0))[object_area]  # 1 where equal up to a common phase
    assert agreement.min() > 0.99


def test_the_central_run_ends_at_the_first_gap():
    assert central_run(np.array([1, 0, 1, 1, 1, 0, 1, 1], bool)) == (2, 5)
    assert central_run(np.array([1, 1, 0, 1], bool)) == (2, 2)
    with pytest.raises(ValueError, match="at least 2 fully sampled central lines, the mask has 1"):
        estimate_maps(np.ones((1, 2, 4, 4), complex), np.array([0, 0, 1, 0], bool))


def test_a_batch_at_once_is_what_its_samples_are_one_by_one(monkeypatch):
    """On a GPU one call serves the batch; there the operators' own loop over samples would launch too often."""
    A = MultiCoilFourier(np.arange(12) % 3 == 0, simulated_maps(3, 9, 12), dtype=torch.float64)
    x = torch.randn(4, 2, 9, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loop = A.A(x), A.A_adjoint(A.A(x))
    monkeypatch.setattr(MultiCoilFourier, "_at_once", lambda self, batch: True)
    torch.testing.assert_close(A.A(x), loop[0])
    torch.testing.assert_close(A.A_adjoint(loop[0]), loop[1])
