"""DCT denoising against a plain loop over patches, its invariances, and what it gains on a real image."""

import numpy as np
import pytest
import torch
from benchhost_classical.dct import dct_denoise, dct_matrix
from scipy.fft import dctn, idctn

from benchhost.data.phantoms import phantom


def by_patches(y, level, n, by_sparsity):
    """The definition, one patch at a time, on the mirrored image: (H, W) -> (H, W)."""
    padded = np.pad(y, n - 1, mode="reflect")
    total, weight = np.zeros_like(padded), np.zeros_like(padded)
    for i in range(padded.shape[0] - n + 1):
        for j in range(padded.shape[1] - n + 1):
            c = dctn(padded[i : i + n, j : j + n], norm="ortho")
            keep = np.abs(c) >= level
            keep[0, 0] = True
            w = 1 / keep.sum() if by_sparsity else 1.0
            total[i : i + n, j : j + n] += w * idctn(c * keep, norm="ortho")
            weight[i : i + n, j : j + n] += w
    return (total / weight)[n - 1 : 1 - n, n - 1 : 1 - n]


@pytest.mark.parametrize("by_sparsity", [False, True])
@pytest.mark.parametrize(("shape", "n"), [((13, 10), 4), ((9, 12), 5)])
def test_the_vectorised_form_is_the_definition(shape, n, by_sparsity):
    y = np.random.RandomState(0).standard_normal(shape)
    ours = dct_denoise(torch.from_numpy(y)[None, None], 0.5, patch=n, threshold=2.0, by_sparsity=by_sparsity)
    np.testing.assert_allclose(ours[0, 0].numpy(), by_patches(y, 1.0, n, by_sparsity), atol=1e-12)


def test_the_matrix_is_the_orthonormal_dct():
    np.testing.assert_allclose(dct_matrix(7).numpy(), dctn(np.eye(7), norm="ortho", axes=[0]), atol=1e-14)


def test_without_noise_nothing_is_changed():
    y = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(dct_denoise(y, 0.0, patch=4), y)


def test_a_patch_larger_than_the_image_is_no_trouble():
    y = torch.rand(1, 1, 3, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert dct_denoise(y, 0.1, patch=8).shape == y.shape


def test_bands_of_rows_do_not_show(monkeypatch):
    y = torch.rand(1, 1, 20, 17, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = dct_denoise(y, 0.2, patch=6)
    monkeypatch.setattr("benchhost_classical.dct.CHUNK", 1)
    torch.testing.assert_close(dct_denoise(y, 0.2, patch=6), whole, atol=1e-13, rtol=0)


def test_grey_stays_grey_in_colour():
    y = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64).expand(1, 3, 12, 12)
    x = dct_denoise(y, 0.1, patch=4)
    torch.testing.assert_close(x[:, :1].expand_as(x), x, atol=1e-12, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_three_quarters_of_the_noise_on_a_phantom_are_removed(channels):
    x = torch.from_numpy(phantom("shepp-logan", 64)).expand(1, channels, 64, 64)
    y = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    clean = dct_denoise(y, 0.1, patch=8, threshold=2.5, by_sparsity=True)
    assert (clean - x).pow(2).mean() < (y - x).pow(2).mean() / 4
