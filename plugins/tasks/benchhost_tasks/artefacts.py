"""Arrays that a user's file brings into a task: measurement matrices and blur kernels, identified by their bytes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchhost.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".mat", ".npy")


def is_file(value: str) -> bool:
    """Whether a parameter names a file of arrays rather than a built-in."""
    return value.endswith(SUFFIXES)


def file_id(path: str) -> str:
    """sha256 of a file's bytes: what a content key holds in place of a path.  Raises UsageError where it is absent."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"no file {file} (looked for it from {Path.cwd()})")
    state = file.stat()
    return _digest(str(file.resolve()), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: str, size: int, modified: int) -> str:
    return "sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()


def load_arrays(path: str) -> list[np.ndarray]:
    """Every two-dimensional array of a file, float64, in order; a stack (n, k, l) or a cell array gives n of them.

    .npy; .mat up to version 7.2 (scipy) and 7.3 (HDF5, whose axes are turned back).  Raises UsageError where the file
    cannot be read or holds no such array.
    """
    import numpy as np

    file = Path(path).expanduser()
    file_id(path)  # says so where the file is absent
    try:
        found = [np.load(file, allow_pickle=False)] if file.suffix == ".npy" else _read_mat(file)
    except (ValueError, OSError, NotImplementedError, KeyError) as error:
        raise UsageError(f"cannot read arrays from {file}: {error}") from error
    arrays: list[np.ndarray] = []
    for value in found:
        arrays.extend(_flat(value))
    if not arrays:
        raise UsageError(f"{file} holds no array of two dimensions")
    return arrays


def _read_mat(file: Path) -> list[np.ndarray]:
    import h5py

    if h5py.is_hdf5(file):
        with h5py.File(file) as h5:
            return [_read_hdf5(h5, h5[name]) for name in sorted(h5) if not name.startswith("#")]
    from scipy.io import loadmat

    return [value for name, value in loadmat(file).items() if not name.startswith("__")]


def _read_hdf5(h5, dataset) -> np.ndarray:
    """A dataset as MATLAB shows it: HDF5 lists the axes of a matrix, and the entries of a cell, the other way round."""
    import h5py
    import numpy as np

    value = dataset[()]
    if dataset.dtype == h5py.ref_dtype:
        cells = [h5[reference][()].T for reference in value.T.ravel(order="F")]
        out = np.empty(len(cells), dtype=object)
        out[:] = cells
        return out
    return value.T


def _flat(value: np.ndarray) -> list[np.ndarray]:
    import numpy as np

    if value.dtype == object:
        return [array for entry in value.ravel(order="F") for array in _flat(np.asarray(entry))]
    if not np.issubdtype(value.dtype, np.number) or np.iscomplexobj(value) or 1 in value.shape:
        return []
    if value.ndim == 3:
        return [np.ascontiguousarray(plane, dtype=np.float64) for plane in value]
    return [np.ascontiguousarray(value, dtype=np.float64)] if value.ndim == 2 else []
