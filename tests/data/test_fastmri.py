"""The reader of fastMRI volumes, on generated files of the same schema."""

import h5py
import numpy as np
import pytest

from benchhost.data.fastmri import header_xml, read_volume, write_example, write_volume
from benchhost.errors import UnsuitableImage
from benchhost.types import ItemRef


def read(path):
    return read_volume(path, ItemRef(name=path.stem, file=path.name, sha256=""), {})


def ifft2c(k):
    axes = (-2, -1)
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(k, axes), norm="ortho"), axes)


def test_a_single_coil_volume_gets_a_coil_axis_and_its_esc_target(tmp_path):
    write_example(tmp_path / "file1.h5", slices=2, size=(48, 40), recon=24)
    kspace, meta = read(tmp_path / "file1.h5")
    assert kspace.shape == (2, 1, 48, 40)
    assert kspace.dtype == np.complex64
    assert meta["target"].shape == (2, 24, 24)
    assert meta["filename"] == "file1.h5"
    assert not meta["multicoil"]
    assert meta["mask"] is None
    assert meta["max"] == pytest.approx(float(meta["target"].max()))
    np.testing.assert_allclose(np.abs(ifft2c(kspace[:, 0]))[:, 12:36, 8:32], meta["target"], rtol=1e-3, atol=1e-9)


def test_a_multi_coil_volume_keeps_its_coils_and_its_rss_target(tmp_path):
    write_example(tmp_path / "file_brain_AXT2.h5", coils=3, size=(48, 40), recon=24)
    kspace, meta = read(tmp_path / "file_brain_AXT2.h5")
    assert kspace.shape == (3, 3, 48, 40)
    assert meta["multicoil"]
    rss = np.sqrt((np.abs(ifft2c(kspace)) ** 2).sum(1))[:, 12:36, 8:32]
    np.testing.assert_allclose(rss, meta["target"], rtol=1e-3, atol=1e-9)


def test_a_test_file_has_a_mask_and_no_target(tmp_path):
    mask = np.arange(40) % 4 == 0
    write_example(tmp_path / "t.h5", mask=mask)
    kspace, meta = read(tmp_path / "t.h5")
    assert meta["target"] is None
    assert meta["max"] is None
    assert (meta["acceleration"], meta["num_low_frequency"]) == (4, 3)
    np.testing.assert_array_equal(meta["mask"], mask)
    assert np.abs(kspace[..., ~mask]).max() == 0
    assert np.abs(kspace[..., mask]).max() > 0


def test_padding_and_sizes_come_from_the_header(tmp_path):
    write_example(tmp_path / "p.h5", size=(64, 40), pad=5)
    kspace, meta = read(tmp_path / "p.h5")
    assert meta["padding"] == (5, 35)
    assert meta["encoding_size"] == (64, 40)
    assert meta["recon_size"] == (32, 32)
    assert np.abs(kspace[..., :5]).max() == np.abs(kspace[..., 35:]).max() == 0


def test_the_published_header_of_the_knee_data_gives_its_published_padding():
    # 368 encoded columns of which 322 were measured: columns 23 to 344 (arXiv:1811.08839 and the reference loader)
    text = header_xml((640, 368), (320, 320), (23, 345))
    assert "<maximum>321</maximum><center>161</center>" in text


def test_a_file_without_header_counts_as_fully_measured(tmp_path):
    write_example(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["ismrmrd_header"]
    assert read(tmp_path / "a.h5")[1]["padding"] == (0, 40)
    assert read(tmp_path / "a.h5")[1]["recon_size"] is None


def _replace(name, value):
    def change(file):
        del file[name]
        file[name] = value

    return change


def _external(file):
    del file["kspace"]
    file["kspace"] = h5py.ExternalLink("other.h5", "/kspace")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.pop("kspace"), "has no 'kspace'; it holds ismrmrd_header, reconstruction_esc"),
        (_replace("kspace", np.zeros((2, 8, 8))), "must be complex64"),
        (_replace("reconstruction_esc", np.zeros((2, 8, 8))), "3 slices of k-space but a target"),
        (_replace("ismrmrd_header", b"<ismrmrdHeader/>"), "header cannot be read"),
        (_replace("ismrmrd_header", b"<!DOCTYPE x>"), "declares entities"),
        (lambda f: f.create_dataset("mask", data=np.ones(7)), "40 columns but the mask"),
        (_external, "a link to somewhere else"),
    ],
)
def test_a_damaged_file_is_refused_in_words(tmp_path, change, words):
    write_example(tmp_path / "bad.h5")
    with h5py.File(tmp_path / "bad.h5", "a") as file:
        change(file)
    with pytest.raises(UnsuitableImage, match=words):
        read(tmp_path / "bad.h5")


def test_a_file_that_is_no_hdf5_or_claims_too_much_is_refused(tmp_path, monkeypatch):
    (tmp_path / "no.h5").write_bytes(b"not hdf5")
    with pytest.raises(UnsuitableImage, match="not a readable HDF5 file"):
        read(tmp_path / "no.h5")
    write_example(tmp_path / "big.h5")
    monkeypatch.setattr("benchhost.data.fastmri.MAX_BYTES", 1000)
    with pytest.raises(UnsuitableImage, match="more than the 1000 allowed"):
        read(tmp_path / "big.h5")


def test_writing_and_reading_give_back_the_same_bits(tmp_path):
    rng = np.random.RandomState(0)
    kspace = (rng.standard_normal((2, 3, 8, 6)) + 1j * rng.standard_normal((2, 3, 8, 6))).astype(np.complex64)
    target = rng.uniform(size=(2, 4, 4)).astype(np.float32)
    write_volume(tmp_path / "v.h5", kspace=kspace, target=target, recon_size=(4, 4))
    back, meta = read(tmp_path / "v.h5")
    np.testing.assert_array_equal(back, kspace)
    np.testing.assert_array_equal(meta["target"], target)
