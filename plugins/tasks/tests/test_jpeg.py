"""JPEG: the published input scores of Classic5, and the record of what was encoded."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

# PSNR, SSIM and PSNR-B of the JPEG column in the tables of deblocking papers (Classic5, grey).
CLASSIC5 = {
    10: (27.82, 0.7595, 25.21),
    20: (30.12, 0.8344, 27.50),
    30: (31.48, 0.8666, 28.94),
    40: (32.43, 0.8849, 29.92),
}


@pytest.mark.parametrize("quality", CLASSIC5)
def test_decoded_classic5_has_the_published_scores(quality, items, published):
    psnr, ssim, psnr_b = published("jpeg", items("classic5"), quality=quality).values()
    expected = CLASSIC5[quality]
    assert psnr == pytest.approx(expected[0], abs=0.01)
    assert ssim == pytest.approx(expected[1], abs=2e-4)
    assert psnr_b == pytest.approx(expected[2], abs=0.01)


@pytest.mark.parametrize(("quality", "psnr"), [(10, 25.24), (20, 27.55), (30, 28.93), (40, 29.89)])
def test_the_decoded_butterfly_has_the_known_psnr(quality, psnr, items, pose, score):
    (colour,) = [item for item in items("set5") if "butterfly" in item.name]
    posed = pose("jpeg", np.asarray(Image.fromarray(colour.array).convert("L")), quality=quality)
    assert score("psnr/255/clip_round", posed.view(posed.physics.baseline(posed.y))) == pytest.approx(psnr, abs=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_record_pins_the_bytes_and_the_codec(channels, pose, picture):
    image = picture(40, 33, channels)
    posed = pose("jpeg", image, quality=20)
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=20)  # Pillow's default subsampling is 4:2:0
    assert posed.notes["jpeg_sha256"] == hashlib.sha256(out.getvalue()).hexdigest()
    assert posed.notes["jpeg_bytes"] == len(out.getvalue())
    assert "libjpeg" in posed.notes["codec"]
    np.testing.assert_array_equal(
        np.round(255 * posed.view(posed.y).estimate), np.asarray(Image.open(out)).astype(float)
    )


def test_the_noise_is_of_another_kind_and_said_to_be(pose, picture):
    posed = pose("jpeg", picture(40, 33))
    assert posed.sigma is None
    assert not posed.physics.linear


def test_luma_turns_colour_into_its_studio_y_before_encoding(pose, picture):
    posed = pose("jpeg", picture(40, 33, 3), colour="luma")
    assert posed.truth.shape[1] == 1
    assert 16 / 255 <= float(posed.truth.min()) <= float(posed.truth.max()) <= 235 / 255


def test_subsampling_of_chroma_costs_colour_images_several_tenths_of_a_decibel(items, published):
    # 0.6 to 0.8 dB on average over standard sets; chroma detail differs between images.
    item = items("set14", 1)
    coarse, fine = (
        published("jpeg", item, ["psnr/255/clip_round"], quality=40, subsampling=s)["psnr/255/clip_round"]
        for s in ("4:2:0", "4:4:4")
    )
    assert fine > coarse + 0.2
