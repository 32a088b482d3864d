"""Strip areas against polygons, disks and skimage; the operator's contract, CGLS and filtered back-projection."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from benchhost.data.phantoms import draw, phantom
from benchhost.physics.radon import Radon, _torch_map, ramp_filter
from benchhost.physics.solvers import cgls
from benchhost.physics.strips import (
    ParallelBeam,
    diagonal_bins,
    norm_bounds,
    project,
    scan_angles,
    transposed_matrix,
)
from benchhost.testing.operators import assert_linear_physics


def beam(height, width, views, **more):
    more.setdefault("angles", scan_angles(views))
    more.setdefault("bins", diagonal_bins(height, width))
    return ParallelBeam(height=height, width=width, **more)


def psnr(estimate, truth):
    return -10 * math.log10(float(((estimate - truth) ** 2).mean()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "geometry",
    [
        beam(16, 16, 7),
        beam(13, 18, 5, bins=23),
        beam(16, 15, 6, bins=29, det_pitch=0.77, angles=scan_angles(6, convention="centred")),
    ],
    ids=["square", "rectangle", "fine-detector"],
)
def test_the_projection_keeps_the_contract(geometry, dtype):
    assert_linear_physics(Radon(geometry, dtype=dtype), Generator().manual_seed(0), dtype)


def clipped_area(corners, normal, low, high):
    """Area of a polygon between two parallel lines, by Sutherland-Hodgman clipping and the shoelace formula."""
    for sign, bound in ((1, low), (-1, -high)):
        kept = []
        for p, q in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            dp, dq = sign * (p @ normal) - bound, sign * (q @ normal) - bound
            if dp >= 0:
                kept.append(p)
            if dp * dq < 0:
                kept.append(p + (q - p) * dp / (dp - dq))
        if len(kept) < 3:
            return 0.0
        corners = np.array(kept)
    x, y = corners.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


@pytest.mark.parametrize("pitch", [1.0, 0.6, 1.7])
def test_every_entry_is_the_area_of_pixel_and_strip(pitch):
    height, width, bins = 3, 4, 7
    angles = (0.0, 0.3, math.pi / 4, math.pi / 2, 2.2)
    geometry = beam(height, width, 5, angles=angles, bins=bins, det_pitch=pitch)
    matrix = transposed_matrix(geometry, "float64").toarray().reshape(height, width, len(angles), bins)
    square = 0.5 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    expected = np.zeros_like(matrix)
    for i, j, k, b in np.ndindex(matrix.shape):
        centre = np.array([j - (width - 1) / 2, (height - 1) / 2 - i])  # row 0 on top
        normal = np.array([math.cos(angles[k]), math.sin(angles[k])])
        low = (b - bins / 2) * pitch
        expected[i, j, k, b] = clipped_area(square + centre, normal, low, low + pitch) / pitch
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(
    height=st.integers(2, 12),
    width=st.integers(2, 12),
    views=st.integers(1, 9),
    pitch=st.floats(0.4, 2.0),
    convention=st.sampled_from(["linspace", "centred"]),
)
def test_a_pixel_gives_its_whole_area_to_every_view(height, width, views, pitch, convention):
    bins = math.ceil(diagonal_bins(height, width) / pitch) + 1
    geometry = beam(height, width, views, bins=bins, det_pitch=pitch, angles=scan_angles(views, convention=convention))
    sums = transposed_matrix(geometry, "float64").toarray().reshape(height * width, views, bins).sum(-1)
    np.testing.assert_allclose(sums * pitch, 1, atol=1e-7)  # entries below 1e-9 of a pixel are left out


def test_projections_of_a_disk_are_its_mean_chords():
    radius, n = 40.3, 128
    disk = torch.from_numpy(draw([(1, radius * 2 / n, radius * 2 / n, 0, 0, 0)], n, subsamples=16))[None, None]
    for bins, tolerance in ((183, 0.0034), (182, 0.004)):  # the error is that of drawing a disk with square pixels
        A = Radon(beam(n, n, 60, bins=bins))
        edge = np.clip(np.arange(bins + 1) - bins / 2, -radius, radius)
        area = edge * np.sqrt(radius**2 - edge**2) + radius**2 * np.arcsin(edge / radius)
        found = (A.A(disk.float()) / A.scale)[0, 0].double().numpy()
        error = np.linalg.norm(found - np.diff(area)) / (np.linalg.norm(np.diff(area)) * math.sqrt(60))
        assert error < tolerance


def test_projections_agree_with_skimage():
    from skimage.transform import radon

    n = 65  # odd: skimage then turns about the same point, the middle of the centre pixel
    image = draw([(1, 0.5, 0.3, 0.1, -0.2, 30), (-0.5, 0.2, 0.1, 0.1, 0, 0)], n, subsamples=8)
    degrees = np.array([0.0, 20.0, 45.0, 90.0, 135.0, 170.0])
    theirs = radon(image, degrees, circle=False)
    assert len(theirs) == 92  # about bin 46: a detector of 93 bins without its last
    A = Radon(beam(n, n, 6, angles=tuple(np.radians(degrees)), bins=93))
    ours = (A.A(torch.from_numpy(image).float()[None, None]) / A.scale)[0, 0].numpy().T[:92]
    # skimage turns the image with linear interpolation and adds up columns, which blurs by about half a pixel
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 0.01
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], atol=1e-5)  # nothing to interpolate at 0 degrees


def test_a_point_right_of_the_middle_moves_as_the_angle_says():
    image = torch.zeros(1, 1, 21, 21)
    image[0, 0, 10, 18] = 1  # 8 pixels to the right
    image[0, 0, 4, 10] = 1  # 6 pixels up
    A = Radon(beam(21, 21, 2, angles=(0.0, math.pi / 2), bins=31))
    at_0, at_90 = A.A(image)[0, 0] / A.scale
    assert at_0.argmax() == 15 + 8 or at_0[15 + 8] == pytest.approx(1, abs=1e-6)
    assert at_90[15 + 6] == pytest.approx(1, abs=1e-6)


def test_the_grid_need_not_be_stored_to_be_projected():
    geometry = beam(20, 17, 6, bins=19, det_pitch=1.3)
    image = np.random.RandomState(0).uniform(size=(20, 17))
    stored = (transposed_matrix(geometry, "float64").T @ image.ravel()).reshape(6, 19)
    np.testing.assert_allclose(project(image, geometry), stored, atol=1e-6)


def test_a_finer_grid_over_the_same_object_gives_the_same_projections():
    coarse = np.random.RandomState(0).uniform(size=(12, 10))
    geometry = beam(12, 10, 7)
    fine = beam(36, 30, 7, bins=geometry.bins, pixel=1 / 3)
    np.testing.assert_allclose(project(np.kron(coarse, np.ones((3, 3))), fine), project(coarse, geometry), atol=1e-9)


@pytest.mark.parametrize("geometry", [beam(16, 16, 5), beam(20, 28, 9), beam(24, 24, 9, bins=11)])
def test_the_norm_bounds_enclose_the_largest_singular_value(geometry):
    matrix = transposed_matrix(geometry, "float64").toarray()
    lower, upper = norm_bounds(geometry)
    exact = np.linalg.norm(matrix, 2)
    assert lower <= exact <= upper
    assert upper / lower < 1 + 1e-4
    assert 1 - 3e-4 < Radon(geometry).scale * exact <= 1


@pytest.fixture(scope="module")
def scan():
    """Shepp-Logan 256 x 256 seen from 60 sides, exact and with 1 % noise."""
    A = Radon(beam(256, 256, 60))
    truth = torch.from_numpy(phantom("shepp-logan", 256))[None, None]
    y = A.A(truth)
    noise = torch.from_numpy(np.random.RandomState(0).standard_normal(y.shape)).float()
    return A, truth, y, y + 0.01 * y.max() * noise


@pytest.mark.parametrize(
    ("count", "residual", "exact", "noisy"),
    [(5, 6.5e-2, 21.5, 21.5), (20, 1.9e-3, 26.5, 25.1), (50, 4.1e-4, 26.6, 24.2)],
)
def test_cgls_fits_first_and_then_fits_the_noise(scan, count, residual, exact, noisy):
    A, truth, y, y_noisy = scan
    x = cgls(A.A, A.A_adjoint, y, iterations=count)
    assert float((A.A(x) - y).norm() / y.norm()) == pytest.approx(residual, rel=0.05)
    assert psnr(x, truth) == pytest.approx(exact, abs=0.1)
    assert psnr(cgls(A.A, A.A_adjoint, y_noisy, iterations=count), truth) == pytest.approx(noisy, abs=0.1)


def test_the_norm_of_the_standard_grid_is_the_published_one(scan):
    assert 1 / scan[0].scale == pytest.approx(121.8, abs=0.1)


def test_twenty_steps_are_the_pseudo_inverse(scan):
    A, _, y, _ = scan
    assert torch.equal(A.A_dagger(y), cgls(A.A, A.A_adjoint, y, iterations=20))
    assert A.spec()["pinv"] == {"cgls": 20}


def test_filtered_back_projection_is_as_good_as_skimages(scan):
    from skimage.transform import iradon, radon

    A, truth, y, _ = scan
    degrees = np.arange(60) * 3.0
    sinogram = radon(truth[0, 0].double().numpy(), degrees, circle=False)
    theirs = torch.from_numpy(iradon(sinogram, degrees, circle=False, output_size=256)).float()[None, None]
    assert psnr(A.fbp(y), truth) == pytest.approx(24.9, abs=0.1)
    assert psnr(A.fbp(y), truth) > psnr(theirs, truth) - 0.1
    assert torch.equal(A.baseline(y), A.fbp(y))


@pytest.mark.parametrize("arc", [180.0, 360.0])
@pytest.mark.parametrize("pitch", [1.0, 0.8])
def test_filtered_back_projection_keeps_the_level_of_a_disk(arc, pitch):
    disk = torch.from_numpy(draw([(1, 0.6, 0.6, 0.1, 0, 0)], 48))[None, None].float()
    A = Radon(beam(48, 48, 1, angles=scan_angles(120, arc=arc), bins=math.ceil(70 / pitch), det_pitch=pitch))
    assert float(A.fbp(A.A(disk))[0, 0, 18:30, 20:32].mean()) == pytest.approx(1, abs=0.01)


def test_the_ramp_has_slope_one_half_and_all_but_no_mean():
    ramp = ramp_filter(100, 1.0)
    frequency = np.arange(len(ramp)) / (2 * (len(ramp) - 1))
    np.testing.assert_allclose(ramp, frequency, atol=3e-3)


def test_lodopabs_angles_are_a_thinned_thousand():
    full = scan_angles(1000, convention="lodopab")
    assert full[0] == pytest.approx(math.pi / 2000)
    np.testing.assert_allclose(np.diff(full), math.pi / 1000)
    assert scan_angles(50, convention="lodopab") == full[::20]
    with pytest.raises(ValueError, match="cannot be thinned to 60: take a divisor of 1000, such as 50"):
        scan_angles(60, convention="lodopab")
    with pytest.raises(ValueError, match="linspace, centred or lodopab"):
        scan_angles(60, convention="fan")


def test_wrong_geometries_are_refused_in_words():
    with pytest.raises(ValueError, match="pixels of side 1"):
        Radon(beam(8, 8, 3, pixel=0.5))


def test_torchs_sparse_product_agrees_with_scipys():
    matrix = transposed_matrix(beam(12, 10, 7))
    y = torch.randn(3, matrix.shape[1], generator=Generator().manual_seed(0))
    expected = torch.from_numpy((matrix @ y.numpy().T).T.copy())
    torch.testing.assert_close(_torch_map(matrix, torch.device("cpu"))(y), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_projection_on_cuda_agrees_with_the_cpu():
    A = Radon(beam(32, 30, 12))
    x = torch.randn(2, 1, 32, 30, generator=Generator().manual_seed(0))
    B = A.to("cuda")
    torch.testing.assert_close(B.A(x.cuda()).cpu(), A.A(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(B.fbp(A.A(x).cuda()).cpu(), A.fbp(A.A(x)), rtol=1e-4, atol=1e-5)
    assert B.spec_id == A.spec_id


PROGRAM = """
import hashlib, torch
from benchhost.data.phantoms import phantom
from benchhost.physics.radon import Radon
from benchhost.physics.strips import ParallelBeam, scan_angles
A = Radon(ParallelBeam(height=64, width=64, angles=scan_angles(30), bins=91))
y = A.A(torch.from_numpy(phantom("shepp-logan", 64))[None, None])
for value in (y, A.fbp(y), A.A_dagger(y)):
    print(hashlib.sha256(value.numpy().tobytes()).hexdigest())
print(A.spec_id)
"""


def test_another_process_agrees_to_the_last_bit(capsys):
    there = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    exec(PROGRAM, {})
    assert there == capsys.readouterr().out
    assert len(there.split()) == 4
