import hashlib
import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from benchhost.nets import UNet, UNetShape
from benchhost.nets.weights import WeightsError, load_into, packaged, read_trained, unet
from benchhost.training.export import Exporter

SHAPE = UNetShape(widths=(8, 8), down=(1, 1), up=(1, 0), embedding=4)
FACTS = {"architecture": "benchhost.nets:UNet", "shape": asdict(SHAPE)}


def tensors():
    rng = torch.Generator().manual_seed(0)
    return {name: torch.randn(t.shape, generator=rng) for name, t in UNet(SHAPE).state_dict().items()}


def write(path, values=None, network=FACTS):
    values = {name: tensor.half() for name, tensor in (values or tensors()).items()}
    save_file(values, path, metadata={"network": json.dumps(network)})
    return path


def test_what_a_training_exports_comes_back_as_the_network_it_was(tmp_path):
    about = {"network": FACTS, "training": "prior", "dataset": "d", "dataset_digest": "0" * 64, "trained_images": 1}
    about |= {"held_out": [], "seed": 0}
    half = {name: tensor.half() for name, tensor in tensors().items()}
    path = Exporter(folder=tmp_path, name="w", about=about).write(half, step=1, seconds=1.0, history=[], figures={})
    trained = read_trained(path, sha256=json.loads(path.with_suffix(".json").read_text())["sha256"])
    assert trained.network == json.loads(json.dumps(FACTS))
    assert all(torch.equal(trained.tensors[name], tensor) for name, tensor in half.items())
    network = unet(trained)
    assert network.shape == SHAPE
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, half[name].float())


def test_weights_take_the_precision_of_the_network(tmp_path):
    network = load_into(UNet(SHAPE).double(), read_trained(write(tmp_path / "w")))
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float64}


def test_another_checksum_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "w"
    path.write_bytes(b"no safetensors at all")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match=f"w: expected sha256 {'0' * 64}, found {found} \\(21 bytes\\)"):
        read_trained(path, sha256="0" * 64)


def test_a_file_beyond_all_measure_is_refused_before_it_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("benchhost.nets.weights.MAX_BYTES", 1000)
    (tmp_path / "large.safetensors").write_bytes(bytes(1001))
    with pytest.raises(WeightsError, match=r"large.safetensors has more than 1,000 bytes"):
        read_trained(tmp_path / "large.safetensors")


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read weights .*absent .*No such file"):
        read_trained(tmp_path / "absent")
    data = write(tmp_path / "w").read_bytes()
    (tmp_path / "w").write_bytes(data[:-5])
    with pytest.raises(WeightsError, match="w is damaged or no safetensors file"):
        read_trained(tmp_path / "w")
    (tmp_path / "w").write_bytes(save({"a": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="expected the facts of a network in the file's header, found none"):
        read_trained(tmp_path / "w")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("last.bias"), r"the network has 'last.bias' \(4,\), the file does not"),
        (lambda t: t.update({"last.bias": torch.zeros(5)}), r"'last.bias' is \(5,\) in the file, the network has \(4,"),
        (lambda t: t.update({"more": torch.zeros(5)}), "the file has 'more', the network does not"),
        (lambda t: t.update({"last.bias": torch.full((4,), torch.nan)}), "'last.bias' holds values that are not fin"),
    ],
)
def test_the_first_tensor_that_does_not_fit_is_named(tmp_path, change, words):
    values = tensors()
    change(values)
    with pytest.raises(WeightsError, match=words):
        unet(read_trained(write(tmp_path / "w", values)))


def test_weights_of_another_network_are_refused(tmp_path):
    path = write(tmp_path / "w", network={"architecture": "mine:Net"})
    with pytest.raises(WeightsError, match="expected weights of benchhost.nets:UNet, found mine:Net"):
        unet(read_trained(path))
    path = write(tmp_path / "w", network={**FACTS, "shape": {"channels": 1}})
    with pytest.raises(WeightsError, match=r"expected a shape with .*'widths'.* found \{'channels': 1\}"):
        unet(read_trained(path))


def test_a_file_is_found_beside_its_own_package_or_another():
    assert packaged("unet.py", package="benchhost.nets").name == "unet.py"
    assert packaged("benchhost.nets:unet.py", package="json") == packaged("unet.py", package="benchhost.nets")


def test_a_missing_file_is_named_with_its_place_and_how_to_make_it():
    with pytest.raises(WeightsError, match=r"no weights 'w.safetensors': expected .*json.w\.safetensors\. Train them"):
        packaged("w.safetensors", package="json")
    with pytest.raises(WeightsError, match="benchhost train prior"):
        packaged("w.safetensors", package="json", training="prior")
    with pytest.raises(WeightsError, match="there is no package 'no_such_package' to look in"):
        packaged("w", package="no_such_package")


def test_any_module_can_be_loaded(tmp_path):
    layer = nn.Linear(2, 3)
    path = write(tmp_path / "w", {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}, {"architecture": "line"})
    assert load_into(layer, read_trained(path)) is layer
    assert layer(torch.ones(1, 2)).tolist() == [[2.0, 2.0, 2.0]]
