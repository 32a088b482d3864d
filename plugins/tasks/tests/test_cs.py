"""Block compressed sensing: rows, padding, luma, matrices from files, and the published facts of Set11."""

import hashlib

import numpy as np
import pytest
import torch
from benchhost_tasks.artefacts import load_arrays
from benchhost_tasks.cs import measurement_matrix
from benchhost_tasks.cs_spec import ROWS_33, CsParams
from benchhost_tasks.images import full_range_luma

from benchhost import params as P
from benchhost.errors import UsageError

PHI = {0.01: 1, 0.04: 4, 0.1: 10, 0.25: 25, 0.3: 30, 0.4: 40}


@pytest.fixture
def phi(shared_data):
    return lambda ratio: str(shared_data / "operators" / f"phi_0_{PHI[ratio]}_1089.mat")


@pytest.mark.parametrize("ratio", PHI)
def test_the_matrices_of_ista_net_have_the_rows_of_the_table_and_are_orthonormal(ratio, phi):
    (matrix,) = load_arrays(phi(ratio))
    assert matrix.shape == (ROWS_33[ratio], 1089)
    assert np.abs(matrix @ matrix.T - np.eye(len(matrix))).max() < 1e-12


@pytest.mark.parametrize(("ratio", "digest"), [(0.1, "ba84349f42bab732"), (0.25, "8264bb6a553b0d4e")])
def test_a_matrix_is_read_to_the_byte(ratio, digest, phi):
    (matrix,) = load_arrays(phi(ratio))
    assert hashlib.sha256(matrix.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize(("ratio", "psnr"), [(0.1, 6.38), (0.25, 7.64)])
def test_the_adjoint_on_set11_has_the_known_psnr(ratio, psnr, phi, items, published):
    found = published("cs", items("set11"), ["psnr/255/clip"], ratio=ratio, matrix=phi(ratio))
    assert found["psnr/255/clip"] == pytest.approx(psnr, abs=0.005)


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ({"ratio": 0.1}, 109),
        ({"ratio": 0.5}, 545),
        ({"ratio": 0.2}, 218),
        ({"ratio": 0.1, "block": 32}, 103),
        ({"ratio": 0.3, "block": 32}, 308),
        ({"ratio": 0.5, "block": 32}, 512),
        ({"ratio": 0.3, "block": 10}, 30),
        ({"ratio": 1.0, "block": 8}, 64),
    ],
)
def test_rows_follow_the_table_for_blocks_of_33_and_the_ceiling_elsewhere(values, rows):
    assert P.build(CsParams, values, owner="cs").rows == rows


@pytest.mark.parametrize(
    ("padding", "size", "canvas"),
    [
        ("mod", (66, 50), [66, 66]),
        ("ista", (66, 50), [99, 66]),
        ("mod", (128, 128), [132, 132]),
        ("ista", (128, 128), [132, 132]),
        ("mod", (1, 2), [33, 33]),
    ],
)
def test_the_canvas_is_padded_with_zeros_and_cropped_by_the_view(padding, size, canvas, pose, picture):
    image = picture(*size)
    posed = pose("cs", image, padding=padding)
    assert posed.notes["canvas"] == canvas == list(posed.truth.shape[2:])
    assert not posed.truth[..., size[0] :, :].any()
    assert not posed.truth[..., size[1] :].any()
    np.testing.assert_allclose(255 * posed.view(posed.truth).truth, image, atol=1e-9)


def test_full_range_luma_is_that_of_opencv():
    corners = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 200, 99]]], np.uint8)
    # cv2.cvtColor(rgb, COLOR_RGB2YCrCb)[..., 0]; the float formula 0.299 R + 0.587 G + 0.114 B rounds to the same here.
    assert full_range_luma(corners)[0].tolist() == [0, 255, 76, 150, 29, 132]
    colour = np.random.RandomState(0).randint(0, 256, (50, 50, 3)).astype(np.uint8)
    exact = colour @ np.array([0.299, 0.587, 0.114])
    assert np.abs(full_range_luma(colour) - exact).max() < 0.51


def test_colour_is_measured_on_luma_by_default_and_by_channel_on_request(pose, picture):
    image = picture(33, 33, 3)
    assert pose("cs", image).truth.shape[1] == 1
    posed = pose("cs", image, colour="keep")
    alone = pose("cs", np.ascontiguousarray(image[..., 2]))
    torch.testing.assert_close(posed.y[:, 2:], alone.y)


def test_every_image_and_repeat_is_scrambled_its_own_way_but_every_level_of_noise_alike(pose, picture):
    image = picture(64, 64)
    ids = [pose("cs", image, repeat=k, operator="scrambled", block=32).physics.spec()["scramble"] for k in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_the_gaussian_matrix_is_named_by_its_rule_and_changes_with_its_seed():
    matrix, name = measurement_matrix(CsParams(ratio=0.1))
    assert name == "gaussian-rows:n=1089,rows=109,seed=0"
    other, other_name = measurement_matrix(CsParams(ratio=0.1, matrix_seed=1))
    assert other_name != name
    assert np.abs(matrix.matrix - other.matrix).max() > 0.01


def test_a_larger_matrix_file_serves_a_smaller_ratio_by_its_first_rows(tmp_path):
    rows = np.linalg.qr(np.random.RandomState(0).randn(64, 64))[0]
    np.save(tmp_path / "phi.npy", rows)
    matrix, name = measurement_matrix(CsParams(ratio=0.25, block=8, matrix=str(tmp_path / "phi.npy")))
    np.testing.assert_array_equal(matrix.matrix, rows[:16])
    assert name == ""


def test_a_file_counts_by_its_bytes_not_by_its_path(tmp_path):
    for name, seed in (("a.npy", 0), ("b.npy", 0), ("c.npy", 1)):
        np.save(tmp_path / name, np.random.RandomState(seed).randn(16, 64))
    a = P.content(CsParams(block=8, matrix=str(tmp_path / "a.npy")))
    b = P.content(CsParams(block=8, matrix=str(tmp_path / "b.npy"), matrix_seed=5))  # a file has no use for a seed
    c = P.content(CsParams(block=8, matrix=str(tmp_path / "c.npy")))
    assert a == b != c


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: "nowhere.mat", "no file nowhere.mat"),
        (lambda folder: _write(folder / "bad.npy", b"not an array"), "cannot read arrays from"),
        (
            lambda folder: _write(folder / "bad.mat", b"not an array, and long enough to look at" * 9),
            "cannot read arrays",
        ),
        (
            lambda folder: _saved(folder / "small.npy", np.ones((3, 64))),
            "at least 16 x 64 is needed, the file has 3 x 64",
        ),
        (lambda folder: _saved(folder / "flat.npy", np.ones(64)), "no array of two dimensions"),
        (lambda folder: _saved(folder / "text.npy", np.array([["a", "b"]])), "no array of two dimensions"),
    ],
)
def test_a_file_that_does_not_serve_is_refused_by_name(make, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        measurement_matrix(CsParams(ratio=0.25, block=8, matrix=make(tmp_path)))


def test_a_pickle_in_disguise_is_not_loaded(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="cannot read arrays"):
        load_arrays(str(tmp_path / "objects.npy"))


def test_a_matrix_that_is_neither_built_in_nor_a_file_is_refused():
    with pytest.raises(UsageError, match="matrix must be 'gaussian' or a file"):
        P.build(CsParams, {"matrix": "bernoulli"}, owner="task 'cs'")


def _write(path, data):
    path.write_bytes(data)
    return str(path)


def _saved(path, array):
    np.save(path, array)
    return str(path)
