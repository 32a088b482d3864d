"""A run cut in pieces is the run: weights, average, optimizer and logs are equal to the last bit."""

import json
import threading

import pytest
import torch

from benchhost.errors import UsageError
from benchhost.training import checkpoint
from benchhost.training.group import Group
from benchhost.training.loop import Pace, Trainer
from benchhost.training.patches import load_images
from benchhost.training.records import read_rows
from benchhost.training.settings import Goal, Settings


def state(folder, name=checkpoint.LAST):
    return checkpoint.read(folder / name)


def assert_same_tensors(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.fixture
def trainer(catalogue):
    """``trainer(folder, steps)``: the smoother's trainer itself, to be stopped from within."""
    from smoother import Smoother

    def make(folder, steps, **changes):
        folder.mkdir(exist_ok=True)
        spec = catalogue.training("smoother")
        settings = Settings(**{**spec.settings, **changes})
        smoother = Smoother(None)
        images = load_images(catalogue.dataset("waves"), smoother, held_out=settings.held_out)
        group = Group(0, 1, torch.device("cpu"))
        identity = {"training": "smoother", "seed": settings.seed}
        return Trainer(
            smoother,
            images,
            settings=settings,
            goal=Goal(steps=steps),
            folder=folder,
            identity=identity,
            group=group,
            pace=Pace(log=5),
        )

    return make


def stop_before(trainer, step):
    """Make the trainer stop once it stands before ``step``."""
    advance = trainer._step

    def advance_and_stop(*args):
        if trainer.progress.step == step - 1:
            trainer.stop()
        return advance(*args)

    trainer._step = advance_and_stop


@pytest.mark.parametrize(("precision", "optimizer"), [("fp32", "adam"), ("bf16", "adamw")])
def test_a_run_cut_in_three_equals_one_run_bit_for_bit(trainer, tmp_path, precision, optimizer):
    options = {"precision": precision, "optimizer": optimizer, "weight_decay": 0.1}
    whole = trainer(tmp_path / "whole", 30, **options)
    assert whole.train()
    for cut in (7, 26, None):  # in the constant phase, in the decay, at the end
        part = trainer(tmp_path / "parts", 30, **options)
        if cut != 7:
            part.resume()
        if cut:
            stop_before(part, cut)
        assert part.train() is (cut is None)
    one, one_facts = state(tmp_path / "whole")
    other, other_facts = state(tmp_path / "parts")
    assert_same_tensors(one, other)
    assert other_facts["step"] == one_facts["step"] == 30
    assert [stretch["from_step"] for stretch in other_facts["history"]] == [0, 7, 26]


def test_the_seed_decides_the_run(trainer, tmp_path):
    runs = {name: trainer(tmp_path / name, 6, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))}
    for run in runs.values():
        run.train()
    a, b, c = (state(tmp_path / name)[0] for name in runs)
    assert_same_tensors(a, b)
    assert not torch.equal(a["network/0.weight"], c["network/0.weight"])


def test_training_leaves_torchs_default_generator_alone(trainer, tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    trainer(tmp_path / "run", 3).train()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_larger_goal_prolongs_the_trunk_and_equals_the_run_that_had_it_from_the_start(train, tmp_path):
    train(tmp_path / "grown", steps=20)
    assert state(tmp_path / "grown")[1]["decay_from"] == 15
    notes = train(tmp_path / "grown", steps=40, resume=True)
    assert any("going back to step 15" in note for note in notes)
    train(tmp_path / "direct", steps=40)
    assert_same_tensors(state(tmp_path / "grown")[0], state(tmp_path / "direct")[0])


def test_a_larger_goal_before_the_decay_goes_straight_on(trainer, train, tmp_path):
    early = trainer(tmp_path / "early", 40)
    stop_before(early, 10)
    early.train()
    later = trainer(tmp_path / "early", 80)
    later.resume()
    assert later.progress.step == 10


def test_a_run_that_decayed_from_its_first_step_cannot_be_prolonged(train, tmp_path):
    train(tmp_path / "run", steps=6, changes=["decay=1"])
    with pytest.raises(checkpoint.CheckpointError, match="decayed from step 0 .* no trunk to prolong"):
        train(tmp_path / "run", steps=12, changes=["decay=1"], resume=True)


def test_the_same_goal_again_changes_nothing(train, tmp_path):
    train(tmp_path / "run", steps=8)
    before = state(tmp_path / "run")[0]
    train(tmp_path / "run", steps=8, resume=True)
    assert_same_tensors(before, state(tmp_path / "run")[0])


def test_log_rows_of_lost_steps_are_dropped_and_written_again(trainer, tmp_path):
    trainer(tmp_path / "whole", 30).train()
    lost = trainer(tmp_path / "lost", 30)
    stop_before(lost, 10)
    lost.train()
    # As after kill -9: rows were written that no checkpoint stands for, the last of them torn.
    with (tmp_path / "lost" / "training.csv").open("a") as file:
        file.write("15,0.3,9.9,9.9,0.01,10.0,0.0\n20,0.4,9")
    again = trainer(tmp_path / "lost", 30)
    again.resume()
    again.train()
    rows = read_rows(tmp_path / "lost" / "training.csv")
    expected = read_rows(tmp_path / "whole" / "training.csv")
    assert [row["step"] for row in rows] == [5, 10, 15, 20, 25, 30]
    assert [row["loss"] for row in rows] == [row["loss"] for row in expected]


def test_a_time_budget_counts_the_stretches_before(train, tmp_path):
    train(tmp_path / "run", time_budget=0.4)
    seconds = state(tmp_path / "run")[1]["seconds"]
    assert 0.4 <= seconds < 3  # one step more at most; a step takes milliseconds, or a second on a crowded machine
    notes = train(tmp_path / "run", time_budget=0.4, resume=True)
    assert not any(note.startswith("step") for note in notes)
    train(tmp_path / "run", time_budget=seconds + 0.3, resume=True)
    assert state(tmp_path / "run")[1]["seconds"] >= seconds + 0.3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"changes": ["seed=7"]}, "belongs to another run: seed is 0 there and 7 here"),
        ({"changes": ["held_out=2"]}, "held_out is 3 there and 2 here"),
        ({"dataset": "exam"}, "'exam' is a test set: it is never trained on"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(train, tmp_path, changes, words):
    train(tmp_path / "run", steps=4)
    with pytest.raises((checkpoint.CheckpointError, UsageError), match=words):
        train(tmp_path / "run", steps=8, resume=True, **changes)


def test_a_run_is_never_overwritten_and_never_invented(train, tmp_path):
    train(tmp_path / "run", steps=2)
    with pytest.raises(UsageError, match="holds a run already: go on with --resume"):
        train(tmp_path / "run", steps=4)
    with pytest.raises(UsageError, match="--resume: there is no run in"):
        train(tmp_path / "nothing", steps=4, resume=True)


def test_a_diverged_run_keeps_its_last_whole_checkpoint(trainer, tmp_path):
    from benchhost.training.loop import Diverged

    good = trainer(tmp_path / "run", 10)
    stop_before(good, 4)
    good.train()
    before = (tmp_path / "run" / checkpoint.LAST).read_bytes()
    bad = trainer(tmp_path / "run", 10)
    bad.resume()
    bad.trainable.loss = lambda network, batch, rng: (network(batch) * float("nan")).mean()
    with pytest.raises(Diverged, match="not finite at step"):
        bad.train()
    assert (tmp_path / "run" / checkpoint.LAST).read_bytes() == before


def test_stop_from_another_thread_ends_the_run_with_a_checkpoint(trainer, tmp_path):
    run = trainer(tmp_path / "run", 10_000_000)
    timer = threading.Timer(0.3, run.stop)
    timer.start()
    assert run.train() is False
    assert state(tmp_path / "run")[1]["step"] == run.progress.step > 0


def test_the_history_tells_every_stretch(train, tmp_path):
    train(tmp_path / "run", steps=10)
    train(tmp_path / "run", steps=20, resume=True, changes=["rate=0.002"])
    card = json.loads((tmp_path / "run" / "smoother.json").read_text())
    assert [(h["from_step"], h["to_step"], h["settings"]["rate"]) for h in card["history"]] == [
        (0, 8, 0.01),
        (8, 20, 0.002),
    ]


def test_a_compiled_network_has_the_names_of_a_plain_one_and_learns_the_same(trainer, tmp_path, monkeypatch):
    # The tracing is what could change names or randomness; generating machine code for a toy takes minutes.
    compiled = []

    def traced(module):
        compiled.append(module)
        return original(module, backend="eager")

    original = torch.compile
    monkeypatch.setattr(torch, "compile", traced)
    for name, value in (("plain", False), ("compiled", True)):
        trainer(tmp_path / name, 4, compile=value).train()
    assert len(compiled) == 1
    assert_same_tensors(state(tmp_path / "plain")[0], state(tmp_path / "compiled")[0])
