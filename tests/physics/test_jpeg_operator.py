"""The JPEG model: the codec's own files, its tables, and the projection onto quantisation cells."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn

from benchhost.physics.jpeg import Jpeg, codec_version, quantisation_table


def smooth(*shape, seed=0):
    """An image without saturated pixels, structure at every frequency."""
    noise = torch.rand(1, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.35 + 0.3 * torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_measurement_is_what_pillow_decodes(channels):
    x = smooth(channels, 24, 19)
    A = Jpeg((channels, 24, 19), 20)
    levels = np.floor(255 * x[0].permute(1, 2, 0).numpy() + 0.5).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(levels[..., 0] if channels == 1 else levels).save(out, "JPEG", quality=20)  # 4:2:0
    decoded = np.asarray(Image.open(out)).reshape(24, 19, channels)
    np.testing.assert_array_equal(np.round(255 * A.A(x)[0].permute(1, 2, 0).numpy()), decoded)
    assert A.encode(x)[0] == out.getvalue()


def test_the_table_at_quality_50_is_that_of_the_standard():
    # ITU-T T.81, table K.1: first row and first column.
    table = quantisation_table(50)
    assert list(table[0]) == [16, 11, 10, 16, 24, 40, 51, 61]
    assert list(table[:, 0]) == [16, 12, 14, 14, 18, 24, 49, 72]


def test_decoded_coefficients_lie_at_the_centres_of_their_cells():
    y = Jpeg((1, 16, 16), 10).A(smooth(1, 16, 16))[0, 0].numpy()
    block = dctn(255 * y[8:16, :8] - 128, norm="ortho")
    steps = quantisation_table(10)
    # Decoding rounds 64 pixels by at most a half: a coefficient moves by 4 at the very most.
    assert np.abs(block - steps * np.round(block / steps)).max() < 4


@pytest.mark.parametrize("quality", [10, 40])
def test_the_truth_is_its_own_projection(quality):
    A = Jpeg((1, 24, 32), quality)
    x = torch.round(255 * smooth(1, 24, 32)) / 255  # the encoder sees whole levels
    error = float((A.project(x, A.A(x)) - x).abs().max())
    # libjpeg's integer transform puts a coefficient at the very edge of a cell into the neighbour's now and then.
    assert error < 0.5 / 255


def test_projection_moves_an_estimate_nearer_to_the_truth_and_is_idempotent():
    A = Jpeg((1, 32, 32), 60)  # fine cells: smoothing leaves most of them
    x = torch.round(255 * smooth(1, 32, 32)) / 255
    y = A.A(x)
    estimate = torch.nn.functional.avg_pool2d(y, 5, stride=1, padding=2, count_include_pad=False)
    once = A.project(estimate, y)
    assert float((once - x).norm()) < 0.9 * float((estimate - x).norm())
    torch.testing.assert_close(A.project(once, y), once, rtol=0, atol=1e-12)


def test_projection_of_colour_keeps_chroma_and_of_partial_blocks_keeps_all():
    A = Jpeg((3, 20, 17), 20)
    x = smooth(3, 20, 17)
    moved = A.project(x, A.A(smooth(3, 20, 17, seed=1))) - x
    torch.testing.assert_close(moved[:, 0], moved[:, 1])
    assert moved[..., :16, :16].abs().max() > 0
    assert not moved[..., 16:, :].any()
    assert not moved[..., 16:].any()


def test_subsampling_is_part_of_what_a_colour_operator_is():
    x = 0.2 + 0.6 * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    fine, coarse = Jpeg((3, 16, 16), 10, subsampling="4:4:4"), Jpeg((3, 16, 16), 10)
    assert fine.spec_id != coarse.spec_id
    assert not torch.equal(fine.A(x), coarse.A(x))


def test_jpeg_pretends_neither_to_be_linear_nor_to_have_an_adjoint():
    A = Jpeg((1, 8, 8), 10)
    assert not A.linear
    assert A.offers() == frozenset()
    assert not hasattr(A, "A_adjoint")


def test_the_codec_says_its_version():
    assert codec_version().startswith("libjpeg")
    assert any(c.isdigit() for c in codec_version())


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match="1 or 3 channels, got 2"):
        Jpeg((2, 8, 8), 10)
