"""MRI on raw volumes: generated files of fastMRI's schema, through the reader, the task and the metrics."""

import numpy as np
import pytest
import torch

from benchhost.data.fastmri import read_volume, write_example
from benchhost.errors import UnsuitableImage
from benchhost.physics.masks import fastmri_mask, filename_seed
from benchhost.types import Item, ItemRef


@pytest.fixture
def volume(tmp_path):
    """``volume("file1000000.h5", coils=4)``: a generated volume, written and read."""

    def volume(name="file1000000.h5", **options):
        write_example(tmp_path / name, **options)
        array, meta = read_volume(tmp_path / name, ItemRef(name=name, file=name, sha256=""), {})
        return Item(dataset="fastmri", name=name.removesuffix(".h5"), kind="kspace", array=array, meta=meta)

    return volume


def zero_filled(item, mask):
    """fastMRI's run_zero_filled on a volume, written with numpy: ifft2c, centre crop, modulus, root sum of squares."""
    axes = (-2, -1)
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(np.where(mask, item.array, 0), axes), norm="ortho"), axes)
    rss = np.sqrt((np.abs(images) ** 2).sum(1))
    h, w = item.meta["target"].shape[-2:]
    top, left = (rss.shape[-2] - h) // 2, (rss.shape[-1] - w) // 2
    return rss[:, top : top + h, left : left + w]


def evaluate(target, estimate):
    """fastMRI's evaluate.py: NMSE, PSNR and SSIM of a volume."""
    from skimage.metrics import structural_similarity

    peak = target.max()
    error = np.mean((target - estimate) ** 2)
    ssim = [structural_similarity(t, e, data_range=peak) for t, e in zip(target, estimate, strict=True)]
    return {
        "nmse/volume": np.linalg.norm(target - estimate) ** 2 / np.linalg.norm(target) ** 2,
        "psnr/volmax": 10 * np.log10(peak**2 / error),
        "ssim/sk7/volmax": np.mean(ssim),
    }


def test_zero_filled_single_coil_volumes_score_as_by_fastmris_own_formulas(volume, pose, score):
    item = volume(size=(64, 48), recon=32)
    posed = pose("mri", item)
    mask = fastmri_mask("random", 48, filename_seed("file1000000.h5"))
    assert posed.y.shape == (3, 2, 64, 48)
    view = posed.view(posed.physics.baseline(posed.y))
    expected = evaluate(item.meta["target"].astype(np.float64), zero_filled(item, mask))
    for id, value in expected.items():
        assert score(id, view) == pytest.approx(value, rel=1e-4), id
    assert view.volume
    assert view.truth.shape == (3, 32, 32)


@pytest.mark.parametrize("coils", [None, 4])
def test_the_full_kspace_gives_back_the_target(coils, volume, pose, score):
    item = volume(coils=coils)
    posed = pose("mri", item, coils=1 if coils is None else 0)
    # single-coil exactly; with estimated maps |combined image| = RSS only as far as the maps are right
    assert score("psnr/volmax", posed.view(posed.truth)) > (100 if coils is None else 35)


def test_multi_coil_volumes_are_posed_with_maps_of_each_slice(volume, pose, score):
    item = volume(coils=5, size=(64, 64), recon=32)
    posed = pose("mri", item, coils=0, acceleration=2, center_fraction=0.16)
    assert posed.y.shape == (3, 2, 5, 64, 64)
    mask = np.broadcast_to(posed.physics.mask, (3, 2, 5, 64, 64))
    assert not posed.y.numpy()[~mask].any()
    zero_filling, sense = (posed.view(f(posed.y)) for f in (posed.physics.baseline, posed.physics.A_dagger))
    assert score("psnr/volmax", sense) > score("psnr/volmax", zero_filling) + 3
    for i in range(3):
        one = posed.physics.sample(i)
        torch.testing.assert_close(one.A(posed.truth[i : i + 1])[0], posed.physics.A(posed.truth)[i])
    residual = (posed.physics.A(posed.truth) - posed.y).norm() / posed.y.norm()
    assert float(residual) < 0.03  # what estimated maps cannot explain


@pytest.mark.parametrize("acceleration", [4, 8])
def test_estimated_maps_keep_sense_stable_even_with_few_central_lines(acceleration, volume, pose, score):
    item = volume(coils=8, size=(128, 96), recon=64)
    values = [
        score("psnr/volmax", posed.view(posed.physics.A_dagger(posed.y)))
        for posed in (pose("mri", item, coils=0, acceleration=acceleration, pinv_iterations=k) for k in (5, 50))
    ]
    assert values[1] > values[0] - 1  # maps from windowed lines lose 6 dB and more


def test_maps_are_estimated_from_nothing_but_the_sampled_lines(volume, pose):
    item = volume(coils=3)
    posed = pose("mri", item, coils=0)
    unseen = ~posed.physics.mask[0]
    item.array[..., unseen] = 1e3
    np.testing.assert_array_equal(pose("mri", item, coils=0).physics.maps, posed.physics.maps)


def test_values_are_scaled_by_the_measurement_and_scored_in_the_files_units(volume, pose):
    item = volume()
    posed = pose("mri", item)
    modulus = torch.linalg.vector_norm(posed.physics.baseline(posed.y), dim=1)
    assert float(modulus.max()) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(posed.view(posed.truth).truth, item.meta["target"].astype(float))
    assert posed.value_range is None
    assert posed.notes["scale"] < 1e-3


def test_zero_filled_columns_are_left_out_of_the_mask(volume, pose):
    posed = pose("mri", volume(pad=6))
    assert not posed.physics.mask[:, :6].any()
    assert not posed.physics.mask[:, 34:].any()
    assert posed.physics.mask[:, 6:34].any()


def test_a_volume_narrower_than_its_target_is_compared_on_its_own_width(volume, pose):
    item = volume(size=(64, 40), recon=32)
    wide = {**item.meta, "target": np.pad(item.meta["target"], ((0, 0), (6, 6), (6, 6)))}  # 44 > 40, as FLAIR 203
    posed = pose("mri", Item(dataset="d", name="n", kind="kspace", array=item.array, meta=wide))
    view = posed.view(posed.truth)
    assert view.estimate.shape == view.truth.shape == (3, 40, 40)
    np.testing.assert_allclose(view.estimate[:, 4:36, 4:36], view.truth[:, 4:36, 4:36], atol=1e-6 * view.truth.max())


def test_targets_taller_than_wide_are_compared_on_a_square(volume, pose):
    item = volume(size=(64, 40), recon=32)
    tall = {**item.meta, "target": item.meta["target"][..., 4:28]}
    view = (lambda posed: posed.view(posed.truth))(
        pose("mri", Item(dataset="d", name="n", kind="kspace", array=item.array, meta=tall))
    )
    assert view.truth.shape == (3, 24, 24)
    np.testing.assert_allclose(view.estimate, view.truth, atol=1e-6 * view.truth.max())


def test_volumes_that_do_not_fit_are_refused_in_words(volume, pose):
    with pytest.raises(UnsuitableImage, match=r"has 4 coil\(s\); pose it with mri:coils=0, not coils=1"):
        pose("mri", volume(coils=4))
    with pytest.raises(UnsuitableImage, match="pose it with mri:coils=1, not coils=8"):
        pose("mri", volume(), coils=8)
    with pytest.raises(UnsuitableImage, match="withholds its target"):
        pose("mri", volume(mask=np.arange(40) % 4 == 0))
    with pytest.raises(UnsuitableImage, match="posed by protocol fastmri"):
        pose("mri", volume(), protocol="ista")
    with pytest.raises(UnsuitableImage, match="at least 2 fully sampled central lines, the mask has 1"):
        pose("mri", volume(coils=2), coils=0, center_fraction=0.025, mask="equispaced", acceleration=8)
    empty = volume()
    empty.array[...] = 0
    with pytest.raises(UnsuitableImage, match="all zeros"):
        pose("mri", empty)
