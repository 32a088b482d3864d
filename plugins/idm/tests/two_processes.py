"""One of two processes that train together: ``python two_processes.py RANK PORT FOLDER`` writes its gradients."""

import os
import sys

import torch
import torch.distributed as dist
from benchhost_idm.network import IdmShape
from benchhost_idm.unrolled import Idm
from safetensors.torch import save_file
from torch.nn.parallel import DistributedDataParallel

from benchhost.nets import UNetShape
from benchhost.training import mixture

SHAPE = IdmShape(unet=UNetShape(widths=(16, 32), down=(1, 1), up=(1, 0), embedding=8))


def loss_of(network, seed):
    truth = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    m = mixture.measure(truth, mixture.MAKERS[("inpaint", "mri")[seed % 2]], seed)
    return (network(m.physics, m.y, m.sigma, scale=m.scale) - m.truth).abs().mean()


def main(rank, port, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.manual_seed(0)
    network = Idm(SHAPE)
    wrapped = DistributedDataParallel(network)
    for round in range(2):  # hooks of the first round must have left the reducer ready for a second
        network.zero_grad()
        loss_of(wrapped, seed=10 * round + rank).backward()
    save_file({name: p.grad.clone() for name, p in network.named_parameters()}, f"{folder}/{rank}.safetensors")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
