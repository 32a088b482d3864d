"""The trainings: the loss over steps, the mixture, what is validated."""

import json

import numpy as np
import pytest
import torch
from benchhost_rim.method import network_of
from benchhost_rim.params import TASKS, RimMriTrainingParams, RimTrainingParams
from benchhost_rim.training import FLOOR, VALIDATED, VALIDATED_MRI, RimMriTraining, RimTraining
from safetensors.torch import save_file

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets.weights import read_trained
from benchhost.types import Item

SMALL = {"width": 8, "steps": 3, "spread": 1, "images": 1}
QUICK = ("denoise", "sr", "inpaint")  # operators that cost little to make


def made(**values):
    return RimTraining(RimTrainingParams(**{**SMALL, "tasks": QUICK, **values}))


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count, side=48):
    random = np.random.RandomState(0)
    ramp = np.linspace(0.2, 0.8, side, dtype=np.float32)
    noise = 0.05 * random.standard_normal((count, 1, side, side)).astype(np.float32)
    return torch.from_numpy(ramp[:, None] * ramp[None] + noise).clamp(0, 1)


@pytest.mark.parametrize(
    "training",
    [made(), RimMriTraining(RimMriTrainingParams(**SMALL))],
    ids=["rim", "rim-mri"],
)
def test_every_weight_learns(training):
    network = training.network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    seen = set()
    for step in range(12):
        training.loss(network, images(2), rng(step)).backward()
        seen |= {n for n, p in network.named_parameters() if p.grad is not None and bool(p.grad.abs().max() > 0)}
        optimizer.step()
        optimizer.zero_grad()
    assert seen == {name for name, _ in network.named_parameters()}


def test_a_few_steps_lower_the_loss():
    training = made(tasks=("denoise", "inpaint"))
    network = training.network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)

    def judged():
        with torch.no_grad():
            return np.mean([training.loss(network, images(4, 32), rng(1000 + s)) for s in range(8)])

    before = judged()
    for step in range(40):
        training.loss(network, images(4, 32), rng(step)).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    assert judged() < before - 0.2  # of ln MSE: 0.9 dB


def test_the_loss_counts_every_step_alike():
    """One step's estimate is off by 0.1, the others are right: its ln (1 + MSE / FLOOR) over the number of steps."""
    training = made(tasks=("denoise",), spread=0, beyond=0.0)
    for wrong in range(3):

        def network(physics, y, sigma, *, scale, steps, skipped, wrong=wrong):
            estimates = images(2).expand(steps, *images(2).shape).clone()
            estimates[wrong] += 0.1
            return estimates

        loss = float(training.loss(network, images(2), rng()))
        assert loss == pytest.approx(np.log(0.01 / FLOOR + 1) / 3, rel=1e-3)


def test_the_number_of_steps_varies_and_some_batches_begin_later():
    training = made(steps=4, spread=2, beyond=0.3)
    seen = set()

    def network(physics, y, sigma, *, scale, steps, skipped):
        seen.add((steps, skipped))
        return torch.zeros(steps, *y.shape[:1], *physics.in_shape)

    for seed in range(60):
        training.loss(network, images(1, 33), rng(seed))
    assert {steps for steps, _ in seen} == {2, 3, 4, 5, 6}
    assert {skipped for _, skipped in seen} == {0, 4}


def test_the_loss_follows_from_its_generator():
    training = made()
    network = training.network()
    with torch.no_grad():
        a, b, c = (float(training.loss(network, images(2), rng(seed))) for seed in (7, 7, 8))
    assert a == b != c


def test_validation_covers_every_task_and_is_repeatable():
    assert {task for task, _ in VALIDATED.values()} == {*TASKS, "projections"}
    training = made(tasks=("denoise", "projections"), images=2)
    held = [torch.rand(1, 1, 100, 110, generator=rng(s)) for s in range(3)]
    network = training.network()
    with torch.no_grad():
        a, b = training.validate(network, held), training.validate(network, held[:2])
    assert a == b
    assert set(a) == {f"psnr_{n}" for n, (task, _) in VALIDATED.items() if task in ("denoise", "projections")}
    # Untrained: the noisy image itself, clipped.
    assert a["psnr_denoise_25"] == pytest.approx(20.2, abs=1.0)


def test_validation_of_complex_images_is_by_their_modulus():
    training = RimMriTraining(RimMriTrainingParams(**SMALL))
    with torch.no_grad():
        figures = training.validate(training.network(), [images(1, 100)])
    assert set(figures) == {f"psnr_{name}" for name in VALIDATED_MRI}
    assert all(np.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("training", [RimTraining, RimMriTraining])
def test_exported_weights_build_the_network_again(training, tmp_path):
    params = RimTrainingParams if training is RimTraining else RimMriTrainingParams
    trained = training(params(**SMALL, hidden=False))
    network, path = trained.network(), tmp_path / "rim.safetensors"
    tensors = {n: t.half().contiguous() for n, t in network.state_dict().items()}
    save_file(tensors, path, {"network": json.dumps(trained.facts())})
    again = network_of(read_trained(path))
    assert again.shape == trained.shape
    for name, tensor in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor.half().float()), name


def test_impossible_trainings_are_refused():
    with pytest.raises(UsageError, match="a spread of 3 leaves no step of 3"):
        made(spread=3)
    with pytest.raises(UsageError, match="training 'rim': the width is a positive multiple of 4"):
        made(width=9)
    with pytest.raises(UsageError, match="tasks must be one of denoise, cs"):
        P.build(RimTrainingParams, {"tasks": "jpeg"}, owner="training 'rim'")


def test_items_are_prepared_as_one_plane():
    colour = Item(dataset="d", name="n", kind="image", array=np.zeros((8, 9, 3), np.uint8))
    assert RimTraining(RimTrainingParams()).prepare(colour).shape == (1, 8, 9)
    magnitude = Item(dataset="d", name="n", kind="mri", array=np.ones((8, 9), np.float32))
    assert RimMriTraining(RimMriTrainingParams()).prepare(magnitude).dtype == np.float32
    with pytest.raises(UsageError, match="of kind 'image'"):
        RimMriTraining(RimMriTrainingParams()).prepare(colour)
