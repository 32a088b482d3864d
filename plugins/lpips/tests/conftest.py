"""Makes the plugin importable where it is not installed; random weights in place of trained ones."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture(scope="session")
def tensors() -> dict[str, dict[str, np.ndarray]]:
    """Random weights of both nets, scaled so that activations neither die nor explode."""
    from benchhost_lpips.network import NETS, backbone_shapes, head_shapes

    made = {}
    for net in NETS:
        rng = np.random.RandomState(0)
        made[net] = {}
        for name, shape in {**backbone_shapes(net), **head_shapes(net)}.items():
            if name.startswith("lin"):
                made[net][name] = rng.rand(*shape).astype(np.float32)
            else:
                size = np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 4 else 0.1
                made[net][name] = (size * rng.randn(*shape)).astype(np.float32)
    return made


@pytest.fixture
def given(tensors, tmp_path, monkeypatch):
    """Write the weights of a net to files and set the variables that name them; returns the paths."""
    from benchhost_lpips.weights import variable

    def write(net: str = "alex") -> dict[str, Path]:
        paths = {}
        for part in ("backbone", "heads"):
            mine = {k: v for k, v in tensors[net].items() if k.startswith("lin") == (part == "heads")}
            paths[part] = tmp_path / f"{net}-{part}.safetensors"
            save_file(mine, paths[part])
            monkeypatch.setenv(variable(net, part), str(paths[part]))
            sha256 = hashlib.sha256(paths[part].read_bytes()).hexdigest()
            monkeypatch.setenv(f"{variable(net, part)}_SHA256", sha256)
        return paths

    return write
