"""fastMRI volumes: the HDF5 files as NYU ships them, single- and multi-coil, training, validation and test.

Zbontar et al., "fastMRI: An Open Dataset and Benchmarks for Accelerated MRI", arXiv:1811.08839.  The data need
registration and may not be passed on; :func:`write_example` makes files of the same schema from phantoms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np

from benchhost.errors import UnsuitableImage
from benchhost.types import ItemRef

NAMESPACE = {"m": "http://www.ismrm.org/ISMRMRD"}
MAX_BYTES = 16 * 2**30  # a multi-coil knee volume has about 1.2 GiB; a forged header should not take the machine down


def read_volume(path: Path | None, ref: ItemRef, rule: Mapping[str, Any]) -> tuple[np.ndarray, Mapping[str, Any]]:
    """k-space as complex64 (slices, coils, H, W), one coil for single-coil files, and what else the file says.

    The second result holds

    - filename: with suffix; it seeds the volume's mask,
    - multicoil: whether the file has a coil axis,
    - target: float32 (slices, h, w), ``reconstruction_esc`` of single-coil and ``reconstruction_rss`` of multi-coil
      files; None in test files, which withhold it,
    - mask: bool (W,) of test files, whose k-space is undersampled already; else None,
    - padding: (left, right), columns outside which are zero-filled, not measured,
    - recon_size: (h, w) of the reconstruction, encoding_size: (H, W), from the header; None without a header,
    - max: the volume maximum by the file's attribute, acquisition, acceleration, num_low_frequency: None where absent.

    Raises UnsuitableImage for a file that is no HDF5, lacks k-space, points outside itself or has wrong shapes.
    """
    if path is None:
        raise UnsuitableImage(f"{ref.name}: a fastMRI volume is read from a file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UnsuitableImage(f"{path.name} is not a readable HDF5 file: {error}") from error
    with file:
        kspace = _array(file, "kspace", path.name)
        if kspace is None:
            raise UnsuitableImage(f"{path.name} has no 'kspace'; it holds {', '.join(sorted(file)) or 'nothing'}")
        if kspace.dtype != np.complex64 or kspace.ndim not in (3, 4):
            raise UnsuitableImage(
                f"{path.name}: kspace must be complex64 (slices, [coils,] H, W), not {kspace.dtype} {kspace.shape}"
            )
        multicoil = kspace.ndim == 4
        target = _array(file, "reconstruction_rss" if multicoil else "reconstruction_esc", path.name)
        mask = _array(file, "mask", path.name)
        header = _header(file, path.name)
        attributes = {name: _attribute(file, name) for name in _ATTRIBUTES}
    kspace = kspace if multicoil else kspace[:, None]
    _check(kspace, target, mask, path.name)
    width = kspace.shape[-1]
    meta = {
        "filename": path.name,
        "multicoil": multicoil,
        "target": None if target is None else target.astype(np.float32, copy=False),
        "mask": None if mask is None else mask.astype(bool),
        **({"padding": (0, width), "recon_size": None, "encoding_size": None} | header),
        **attributes,
    }
    return kspace, meta


_ATTRIBUTES = ("max", "acquisition", "acceleration", "num_low_frequency")


def _array(file: h5py.File, name: str, filename: str) -> np.ndarray | None:
    """A dataset that lies in the file itself, whole."""
    if name not in file:
        return None
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise UnsuitableImage(f"{filename}: '{name}' is a link to somewhere else, which is not followed")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise UnsuitableImage(f"{filename}: '{name}' is not stored in the file itself")
    if dataset.nbytes > MAX_BYTES:
        raise UnsuitableImage(f"{filename}: '{name}' claims {dataset.nbytes} bytes, more than the {MAX_BYTES} allowed")
    return dataset[()]


def _attribute(file: h5py.File, name: str) -> Any:
    value = file.attrs.get(name)
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def _check(kspace: np.ndarray, target: np.ndarray | None, mask: np.ndarray | None, filename: str) -> None:
    if target is not None and (target.ndim != 3 or len(target) != len(kspace)):
        raise UnsuitableImage(f"{filename}: {len(kspace)} slices of k-space but a target of shape {target.shape}")
    if mask is not None and mask.shape != kspace.shape[-1:]:
        raise UnsuitableImage(f"{filename}: k-space has {kspace.shape[-1]} columns but the mask {mask.shape}")


def _header(file: h5py.File, filename: str) -> dict[str, tuple[int, int]]:
    """Sizes and padding from the ISMRMRD header; empty without one."""
    if "ismrmrd_header" not in file:
        return {}
    stored = _array(file, "ismrmrd_header", filename)
    text = stored if isinstance(stored, bytes) else bytes(stored) if stored is not None else b""
    if re.search(rb"<!(DOCTYPE|ENTITY)", text):
        raise UnsuitableImage(f"{filename}: the ISMRMRD header declares entities, which no scanner writes")
    try:
        encoding = ElementTree.fromstring(text).find("m:encoding", NAMESPACE)
        encoding_size = _matrix(encoding, "encodedSpace")
        recon_size = _matrix(encoding, "reconSpace")
        limits = encoding.find("m:encodingLimits/m:kspace_encoding_step_1", NAMESPACE)
        center, maximum = (int(limits.findtext(f"m:{name}", None, NAMESPACE)) for name in ("center", "maximum"))
    except (ElementTree.ParseError, AttributeError, TypeError, ValueError) as error:
        raise UnsuitableImage(f"{filename}: the ISMRMRD header cannot be read: {error}") from error
    left = encoding_size[1] // 2 - center
    return {"padding": (left, left + maximum + 1), "recon_size": recon_size, "encoding_size": encoding_size}


def _matrix(encoding: ElementTree.Element, space: str) -> tuple[int, int]:
    size = encoding.find(f"m:{space}/m:matrixSize", NAMESPACE)
    return int(size.findtext("m:x", None, NAMESPACE)), int(size.findtext("m:y", None, NAMESPACE))


# ---------------------------------------------------------------------------------------------------------------
# Files of the same schema.


def write_volume(
    path: Path,
    *,
    kspace: np.ndarray,
    target: np.ndarray | None,
    recon_size: tuple[int, int],
    padding: tuple[int, int] | None = None,
    mask: np.ndarray | None = None,
    acceleration: int | None = None,
    num_low_frequency: int | None = None,
    acquisition: str = "CORPD_FBK",
) -> None:
    """Write a volume in fastMRI's schema.

    kspace: complex64 (slices, H, W) or (slices, coils, H, W).  target: float32 (slices, h, w), or None with a mask in
    test files.  padding: (left, right) measured columns, default all.
    """
    height, width = kspace.shape[-2:]
    left, right = padding or (0, width)
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace.astype(np.complex64)
        file["ismrmrd_header"] = header_xml((height, width), recon_size, (left, right)).encode()
        file.attrs["acquisition"] = acquisition
        file.attrs["patient_id"] = "generated"
        if target is not None:
            file["reconstruction_rss" if kspace.ndim == 4 else "reconstruction_esc"] = target.astype(np.float32)
            file.attrs["max"] = float(target.max())
            file.attrs["norm"] = float(np.linalg.norm(target))
        if mask is not None:
            file["mask"] = mask
            file.attrs["acceleration"] = acceleration
            file.attrs["num_low_frequency"] = num_low_frequency


def header_xml(encoded: tuple[int, int], recon: tuple[int, int], padding: tuple[int, int]) -> str:
    """The part of an ISMRMRD header that gives sizes and padding."""
    left, right = padding
    return (
        f'<ismrmrdHeader xmlns="{NAMESPACE["m"]}"><encoding>'
        f"<encodedSpace><matrixSize><x>{encoded[0]}</x><y>{encoded[1]}</y><z>1</z></matrixSize></encodedSpace>"
        f"<reconSpace><matrixSize><x>{recon[0]}</x><y>{recon[1]}</y><z>1</z></matrixSize></reconSpace>"
        f"<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{right - left - 1}</maximum>"
        f"<center>{encoded[1] // 2 - left}</center></kspace_encoding_step_1></encodingLimits>"
        "</encoding></ismrmrdHeader>"
    )


def write_example(
    path: Path,
    *,
    slices: int = 3,
    coils: int | None = None,
    size: tuple[int, int] = (64, 40),
    recon: int = 32,
    pad: int = 0,
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> None:
    """Write a small volume made of phantoms: k-space ``size``, readout (rows) oversampled, target ``recon`` squared.

    coils: None for a single-coil file, else the number of simulated coils.
    pad: zero-filled columns on either side.  mask: makes a test file, undersampled and without target.
    """
    from benchhost.data.phantoms import phantom
    from benchhost.physics.coils import simulated_maps, smooth_phase

    height, width = size
    maps = simulated_maps(coils or 1, height, width)
    volume = np.zeros((slices, len(maps), height, width), dtype=np.complex128)
    top, left = (height - recon) // 2, (width - recon) // 2
    for i in range(slices):
        image = np.zeros(size, dtype=np.complex128)
        image[top : top + recon, left : left + recon] = phantom("ellipses-mri", recon, seed + i) * (
            1 - 0.2 * i / slices
        )
        image *= np.exp(1j * smooth_phase(height, width, np.random.RandomState(seed + i)))
        volume[i] = maps * image
    axes = (-2, -1)
    kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(volume, axes), norm="ortho"), axes) * 1e-4  # scanner units
    kspace[..., :pad] = 0
    kspace[..., width - pad :] = 0
    kspace = kspace.astype(np.complex64)
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho"), axes)
    target = np.sqrt((np.abs(images) ** 2).sum(1))[:, top : top + recon, left : left + recon]
    if mask is not None:
        kspace = np.where(mask, kspace, 0)
    write_volume(
        path,
        kspace=kspace if coils else kspace[:, 0],
        target=None if mask is not None else target,
        recon_size=(recon, recon),
        padding=(pad, width - pad),
        mask=mask,
        acceleration=4,
        num_low_frequency=max(1, round(0.08 * width)),
    )
