"""The trainings: the loss over steps, the mixture, what is validated."""

import numpy as np
import pytest
import torch
from benchhost_rim.params import RimMriTrainingParams, RimTrainingParams
from benchhost_rim.training import RimMriTraining, RimTraining

from benchhost.errors import UsageError
from benchhost.types import Item

SMALL = {"width": 8, "steps": 3, "spread": 1, "images": 1}


def images(count, side=48):
    random = np.random.RandomState(0)
    ramp = np.linspace(0.2, 0.8, side, dtype=np.float32)
    noise = 0.05 * random.standard_normal((count, 1, side, side)).astype(np.float32)
    return torch.from_numpy(ramp[:, None] * ramp[None] + noise).clamp(0, 1)


@pytest.mark.parametrize(
    "training",
    [RimTraining(RimTrainingParams(**SMALL)), RimMriTraining(RimMriTrainingParams(**SMALL))],
    ids=["rim", "rim-mri"],
)
def test_every_weight_learns(training):
    network = training.network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    seen = set()
    for step in range(12):
        training.loss(network, images(2), torch.Generator().manual_seed(step)).backward()
        seen |= {n for n, p in network.named_parameters() if p.grad is not None and bool(p.grad.abs().max() > 0)}
        optimizer.step()
        optimizer.zero_grad()
    assert seen == {name for name, _ in network.named_parameters()}


def test_training_makes_the_loss_fall():
    training = RimTraining(RimTrainingParams(**SMALL, tasks=("denoise",)))
    network, batch = training.network(), images(2, 32)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for step in range(40):
        loss = training.loss(network, batch, torch.Generator().manual_seed(step % 5))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    # The same five noise levels; ln MSE: 0.5 is 2.2 dB.
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5


def test_items_are_prepared_as_one_plane():
    colour = Item(dataset="d", name="n", kind="image", array=np.zeros((8, 9, 3), np.uint8))
    assert RimTraining(RimTrainingParams()).prepare(colour).shape == (1, 8, 9)
    magnitude = Item(dataset="d", name="n", kind="mri", array=np.ones((8, 9), np.float32))
    assert RimMriTraining(RimMriTrainingParams()).prepare(magnitude).dtype == np.float32
    with pytest.raises(UsageError, match="of kind 'image'"):
        RimMriTraining(RimMriTrainingParams()).prepare(colour)
