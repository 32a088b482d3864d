import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from benchhost.errors import UsageError
from benchhost.training import checkpoint
from benchhost.training.average import Average


def parts(width=4):
    network = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))
    return network, Average(network, 0.9), torch.optim.AdamW(network.parameters(), lr=0.1)


def trained(width=4):
    network, average, optimizer = parts(width)
    for step in range(3):
        network(torch.randn(2, 1, 8, 8)).square().sum().backward()
        optimizer.step()
        average.update(network, step)
    return network, average, optimizer


def test_what_is_packed_comes_back(tmp_path):
    network, average, optimizer = trained()
    checkpoint.write(tmp_path / "a", checkpoint.pack(network, average.tensors, optimizer), {"step": 3})
    tensors, facts = checkpoint.read(tmp_path / "a")
    assert facts["step"] == 3
    other, other_average, other_optimizer = parts()
    checkpoint.unpack(tensors, other, other_average.tensors, other_optimizer, path=tmp_path / "a")
    for mine, theirs in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for key, value in optimizer.state[mine].items():
            assert torch.equal(value, other_optimizer.state[theirs][key])
    assert all(torch.equal(average.tensors[n], other_average.tensors[n]) for n in average.tensors)


def test_optimizer_states_take_the_layout_of_their_parameters(tmp_path):
    network, average, optimizer = trained()
    checkpoint.write(tmp_path / "a", checkpoint.pack(network, average.tensors, optimizer), {})
    other, other_average, other_optimizer = parts()
    other = other.to(memory_format=torch.channels_last)
    other_optimizer = torch.optim.AdamW(other.parameters(), lr=0.1, fused=True)
    checkpoint.unpack(checkpoint.read(tmp_path / "a")[0], other, other_average.tensors, other_optimizer, path=tmp_path)
    weight = other[0].weight
    assert other_optimizer.state[weight]["exp_avg"].stride() == weight.stride()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("network/0.weight"), r"the network has '0.weight' \(4, 1, 3, 3\), the file does not"),
        (
            lambda t: t.update({"network/0.bias": torch.zeros(5)}),
            r"'0.bias' is \(5,\) in the file, the network has \(4,\)",
        ),
        (lambda t: t.update({"network/9.bias": torch.zeros(5)}), "the file has '9.bias', the network does not"),
        (lambda t: t.pop("average/0.bias"), "the network has '0.bias'"),
        (lambda t: t.update({"optimizer/0.bias/exp_avg": torch.zeros(5)}), r"'optimizer/0.bias/exp_avg' is \(5,\)"),
    ],
)
def test_the_first_tensor_that_does_not_fit_is_named(tmp_path, change, words):
    network, average, optimizer = trained()
    tensors = checkpoint.pack(network, average.tensors, optimizer)
    change(tensors)
    with pytest.raises(checkpoint.CheckpointError, match=words):
        checkpoint.unpack(tensors, network, average.tensors, optimizer, path=tmp_path / "a")


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no checkpoint"):
        checkpoint.read(tmp_path / "nothing")
    (tmp_path / "torn").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(checkpoint.CheckpointError, match="not a readable safetensors file"):
        checkpoint.read(tmp_path / "torn")
    save_file({"x": torch.zeros(1)}, tmp_path / "weights")
    with pytest.raises(checkpoint.CheckpointError, match="no checkpoint of a training"):
        checkpoint.read(tmp_path / "weights")
    save_file({"x": torch.zeros(1)}, tmp_path / "newer", metadata={"benchhost": json.dumps({"format": 99})})
    with pytest.raises(checkpoint.CheckpointError, match="has format 99; this version reads format 1"):
        checkpoint.read(tmp_path / "newer")


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "last"
    checkpoint.write(path, {"x": torch.zeros(1)}, {"step": 1})

    def full_disk(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        checkpoint.write(path, {"x": torch.ones(1)}, {"step": 2})
    assert checkpoint.read(path)[1]["step"] == 1


def test_the_average_forgets_the_start_and_then_follows_its_decay():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 0.0)
    average = Average(network, 0.9)
    nn.init.constant_(network.weight, 1.0)
    expected = 0.0
    for step in range(200):
        average.update(network, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay)
        assert average.tensors["weight"].item() == pytest.approx(expected, abs=1e-6)
