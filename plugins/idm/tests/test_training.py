"""Training IDM: from the prior, over the mixture, on one process or two."""

import json
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from benchhost_idm.method import network_of
from benchhost_idm.network import IdmShape
from benchhost_idm.params import TASKS, IdmTrainingParams
from benchhost_idm.training import SHARES, VALIDATED, IdmTraining
from benchhost_idm.unrolled import Idm, Kept
from safetensors.torch import load_file, save_file

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets import UNet, UNetShape
from benchhost.nets.weights import read_trained
from benchhost.training import mixture
from benchhost.types import Item

UNET = UNetShape(widths=(16, 32), down=(1, 1), up=(1, 0), embedding=8)


@pytest.fixture
def prior_file(tmp_path):
    """A random prior, as ``benchhost train prior`` would export it."""
    torch.manual_seed(0)
    network = UNet(UNET)
    with torch.no_grad():
        for p in network.parameters():
            p += 0.05 * torch.randn_like(p)
    shape = {"channels": 1, "widths": [16, 32], "down": [1, 1], "up": [1, 0], "embedding": 8}
    facts = {"architecture": "benchhost.nets:UNet", "shape": shape}
    path = tmp_path / "prior.safetensors"
    save_file({n: t.half() for n, t in network.state_dict().items()}, path, {"network": json.dumps(facts)})
    return path


def training(prior="none", **values):
    return IdmTraining(P.build(IdmTrainingParams, {"prior": str(prior), **values}, owner="training 'idm'"))


def batch(count=2, side=64):
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0))


def test_it_starts_from_the_very_weights_of_the_prior(prior_file):
    made = training(prior_file)
    assert made.shape.unet == UNET
    stored = read_trained(prior_file)
    start = made.network().net.unet.state_dict()
    for name, tensor in stored.tensors.items():
        if ".conv2." not in name:  # scaled for the wiring, see test_network
            assert torch.equal(start[name], tensor.float()), name
    assert made.facts()["prior"] == stored.sha256


def test_what_is_recomputed_does_not_make_it_another_training(prior_file, tmp_path):
    a, b = (P.content(IdmTrainingParams(prior=str(prior_file), keep=keep)) for keep in ("plain", "reversible"))
    assert a == b
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(prior_file.read_bytes())
    assert P.content(IdmTrainingParams(prior=str(copy))) == a
    assert P.content(IdmTrainingParams(prior=str(copy), steps=4)) != a


def test_the_loss_follows_from_its_generator(prior_file):
    made = training(prior_file)
    network = made.network()
    with torch.no_grad():
        a, b = (made.loss(network, batch(), torch.Generator().manual_seed(7)) for _ in range(2))
    assert a == b


def test_training_measures_in_full_precision(prior_file):
    made = training(prior_file, tasks="cs")
    seen = []

    def network(physics, y, sigma, scale, rng):
        seen.append((physics, y))
        return torch.zeros(2, *physics.in_shape)

    with torch.autocast("cpu", torch.bfloat16):
        made.loss(network, batch(), torch.Generator().manual_seed(7))
    expected = mixture.draw(batch(), torch.Generator().manual_seed(7), {"cs": 1})
    assert torch.equal(seen[0][1], expected.y)


def test_a_few_steps_lower_the_loss(prior_file):
    made = training(prior_file, tasks="inpaint")
    network = made.network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    smooth = torch.nn.functional.interpolate(batch(4, 8), size=(32, 32), mode="bicubic")

    def judged():
        with torch.no_grad():
            return np.mean([made.loss(network, smooth, torch.Generator().manual_seed(1000 + s)) for s in range(10)])

    before = judged()
    for step in range(40):
        optimizer.zero_grad()
        made.loss(network, smooth, torch.Generator().manual_seed(step)).backward()
        optimizer.step()
    assert judged() < 0.8 * before


def test_validation_covers_every_task_and_is_repeatable():
    assert {task for task, _ in VALIDATED.values()} == set(TASKS)
    made = training(images="2")
    network = Idm(IdmShape(unet=UNET))
    images = [torch.rand(1, 1, 140, 150, generator=torch.Generator().manual_seed(s)) for s in range(3)]
    with torch.no_grad():
        a, b = made.validate(network, images), made.validate(network, images[:2])
    assert a == b
    assert set(a) == {f"psnr_{name}" for name in VALIDATED}
    only = training(tasks="mri", images="1")
    assert set(only.validate(network, images[:1])) == {"psnr_mri_20", "psnr_mri_columns_4"}


def test_tasks_of_a_mixture_come_in_their_shares(prior_file, monkeypatch):
    made, drawn, measure = training(prior_file), [], mixture.measure

    def counted(batch, maker, seed):
        drawn.append(next((task for task, known in mixture.MAKERS.items() if known is maker), "cs"))
        return measure(batch, maker, seed)

    monkeypatch.setattr(mixture, "measure", counted)
    tiny = batch(1, 33)
    for seed in range(120):
        rng = torch.Generator().manual_seed(seed)
        loss = made.loss(lambda physics, *_, **__: torch.zeros(1, *physics.in_shape), tiny, rng)
        assert loss > 0
    for task, share in SHARES.items():
        assert abs(drawn.count(task) - 120 * share) < 22, task  # four standard deviations of the commonest
    assert set(drawn) == set(TASKS)


def test_the_share_of_block_sensing_is_the_training_s_parameter(prior_file):
    def seen(blocks):
        kinds = set()

        def network(physics, y, sigma, scale, rng):
            kinds.add(physics.block)
            return torch.zeros(2, *physics.in_shape)

        made = training(prior_file, tasks="cs", blocks=blocks)
        for seed in range(6):
            made.loss(network, batch(), torch.Generator().manual_seed(seed))
        return kinds

    assert (seen("1"), seen("0")) == ({33}, {32})


def test_images_are_prepared_by_kind():
    made = training()
    colour = np.full((4, 4, 3), 128, np.uint8)
    item = {"dataset": "d", "name": "n"}
    assert made.prepare(Item(kind="image", array=colour, **item)).tolist() == [[[128] * 4] * 4]
    mri = np.full((4, 4), 0.5, np.float32)
    assert made.prepare(Item(kind="mri", array=mri, **item)).dtype == np.float32
    with pytest.raises(UsageError, match="of kind 'kspace'"):
        made.prepare(Item(kind="kspace", array=np.zeros((1, 1, 4, 4), np.complex64), **item))


def test_impossible_shapes_are_refused_with_the_training_s_name(prior_file):
    with pytest.raises(UsageError, match="training 'idm': 3 scales with injectors, the U-Net has 2"):
        training(prior_file, injected="3")
    with pytest.raises(UsageError, match="tasks must be one of cs, denoise"):
        training(tasks="jpeg")


def test_exported_weights_build_the_network_again(prior_file, tmp_path):
    made = training(prior_file, steps="2", consistent="false")
    network = made.network()
    path = tmp_path / "idm.safetensors"
    facts = json.dumps(made.facts())
    save_file({n: t.clone().half() for n, t in network.state_dict().items()}, path, {"network": facts})
    again = network_of(read_trained(path))
    assert again.shape == made.shape
    for name, tensor in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor.half().float()), name


def test_two_processes_get_the_mean_of_their_gradients(tmp_path):
    """The reversible function returns its gradients, so DistributedDataParallel works on it without special flags."""
    script = Path(__file__).with_name("two_processes.py")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    both = [subprocess.Popen([sys.executable, str(script), str(rank), port, str(tmp_path)]) for rank in (0, 1)]
    try:
        assert [process.wait(timeout=120) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
    here = runpy.run_path(str(script), run_name="two_processes")
    torch.manual_seed(0)
    network = Idm(here["SHAPE"], Kept(steps="plain", blocks="plain"))
    (sum(here["loss_of"](network, seed) for seed in (10, 11)) / 2).backward()
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    for name, p in network.named_parameters():
        assert torch.equal(first[name], second[name]), name
        expected = torch.zeros_like(p) if p.grad is None else p.grad
        torch.testing.assert_close(first[name], expected, rtol=1e-3, atol=1e-6, msg=name)
