"""Two processes train one network: the gradient is the mean over both, the weights are equal."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from benchhost.training import checkpoint
from benchhost.training.group import Group
from benchhost.training.patches import Crop, Patches, load_images
from benchhost.training.records import read_rows

STEPS = 6


@pytest.fixture(scope="module")
def two_processes(smoother_file, tmp_path_factory):
    """The folder of a run of two gloo processes under torchrun."""
    folder = tmp_path_factory.mktemp("two")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "benchhost", "train", "smoother", "--plugin", str(smoother_file), "--no-plugins"]
    command += ["--out", str(folder), "--steps", str(STEPS), "--set", "decay=0", "--device", "cpu", "--log-every", "3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, *command], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def reference(catalogue):
    """The same training in one process, as plainly as can be: the gradients of two ranks added up by hand."""
    from smoother import Smoother

    smoother = Smoother(None)
    images = load_images(catalogue.dataset("waves"), smoother, held_out=3)
    ranks = [Patches(images.train, [Crop(8, 4), Crop(16, 1)], seed=0, rank=rank) for rank in (0, 1)]
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = smoother.network()
        optimizer = torch.optim.AdamW(network.parameters(), betas=(0.9, 0.99), weight_decay=0.0)
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 0.01 * min(1.0, (step + 1) / 2)
            optimizer.zero_grad()
            for patches in ranks:
                rng = patches.generator(step)
                torch.manual_seed(rng.initial_seed() & 0x7FFFFFFF)
                loss = smoother.loss(network, patches.draw(step), rng) / 2
                loss.backward()
                losses.append(loss.item())
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
    return network, losses


def test_two_processes_equal_one_that_adds_their_gradients(two_processes, catalogue):
    folder, _ = two_processes
    tensors, facts = checkpoint.read(folder / checkpoint.LAST)
    network, losses = reference(catalogue)
    for name, tensor in network.state_dict().items():
        # Sums in another order: float32 rounding, amplified by Adam's division.
        torch.testing.assert_close(tensors[f"network/{name}"], tensor, rtol=1e-4, atol=1e-5)
    assert facts["step"] == STEPS
    assert facts["history"][0]["device"].startswith("2 x ")
    logged = [row["loss"] for row in read_rows(folder / "training.csv")]
    assert logged == pytest.approx([sum(losses[:6]) / 3, sum(losses[6:]) / 3], rel=1e-4)


def test_only_the_first_process_speaks_and_writes(two_processes):
    folder, said = two_processes
    assert said.count(f"done at step {STEPS}") == 1
    assert said.count("validation  mse") == 1
    assert len(read_rows(folder / "training.csv")) == 2


def test_alone_there_is_nothing_to_agree_on(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    group = Group.join("cpu")
    network = nn.Linear(1, 1)
    assert (group.rank, group.world, group.first) == (0, 1, True)
    assert group.wrap(network) is network
    assert group.agree(1.5, 0.0) == [1.5, 0.0]
    assert group.mean(torch.tensor([2.0])).item() == 2.0
    group.leave()
