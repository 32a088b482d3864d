"""``benchhost train`` as a user meets it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from benchhost.cli.train import Span, train
from benchhost.errors import BenchhostError, UsageError
from benchhost.training import checkpoint
from benchhost.training.records import duration, read_rows


@pytest.fixture
def command(smoother_file):
    def run(*arguments):
        result = CliRunner().invoke(
            train,
            [*arguments, "--plugin", str(smoother_file), "--no-plugins", "--device", "cpu"],
            standalone_mode=False,
        )
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_a_run_leaves_weights_card_logs_and_figure(command, tmp_path):
    result = command("smoother", "--out", str(tmp_path), "--steps", "20", "--log-every", "4")
    assert result.return_value == 0
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        "last.safetensors",
        "trunk.safetensors",
        "smoother.safetensors",
        "smoother.json",
        "smoother.md",
        "training.csv",
        "validation.csv",
        "curves.png",
        "curves.pdf",
    }
    rows = read_rows(tmp_path / "training.csv")
    assert [row["step"] for row in rows] == [4, 8, 12, 16, 20]
    assert rows[-1]["loss"] < rows[0]["loss"]  # it learns
    assert all(0 <= row["wait_share"] <= 1 for row in rows)
    assert "step 20" in result.stderr
    assert "100.0 % done, 0 s left" in result.stderr


def test_the_card_pins_the_file_and_its_figures_are_those_of_the_file(train, catalogue, tmp_path):
    from smoother import Smoother

    from benchhost.training.loop import _as_batch
    from benchhost.training.patches import load_images

    train(tmp_path, steps=20)
    card = json.loads((tmp_path / "smoother.json").read_text())
    data = (tmp_path / card["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == card["sha256"]
    weights = load_file(tmp_path / card["file"])
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    assert card["parameters"] == sum(t.numel() for t in weights.values()) == 4 * 9 + 4 + 4 * 9 + 1
    average = checkpoint.read(tmp_path / checkpoint.LAST)[0]
    assert all(torch.equal(weights[name], average[f"average/{name}"].half()) for name in weights)

    network = Smoother(None).network().eval()
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    images = load_images(catalogue.dataset("waves"), Smoother(None), held_out=3)
    with torch.no_grad():
        figures = Smoother(None).validate(network, [_as_batch(image) for image in images.held_out])
    assert card["validation"] == pytest.approx(figures)
    assert (card["steps"], card["dataset"], card["dataset_digest"], card["seed"]) == (20, "waves", "d1", 0)
    assert card["held_out"] == ["09", "10", "11"]
    assert card["history"][0]["torch"] == torch.__version__
    text = (tmp_path / "smoother.md").read_text()
    assert card["sha256"] in text
    assert "| mse | " in text


def test_resume_goes_on_and_says_where(command, tmp_path):
    command("smoother", "--out", str(tmp_path), "--steps", "8")
    result = command("smoother", "--out", str(tmp_path), "--steps", "12", "--resume", "--set", "rate=0.001")
    assert "resumed trunk.safetensors at step 6" in result.stderr
    assert checkpoint.read(tmp_path / checkpoint.LAST)[1]["step"] == 12


def test_a_new_run_begins_at_exported_weights_and_its_card_says_which(command, tmp_path):
    command("smoother", "--out", str(tmp_path / "a"), "--steps", "20")
    exported = tmp_path / "a" / "smoother.safetensors"
    result = command("smoother", "--out", str(tmp_path / "b"), "--steps", "1", "--from", str(exported),
                     "--set", "rate=0")  # fmt: skip
    assert "begins at the weights of smoother.safetensors" in result.stderr
    # Nothing is learned at rate 0, so what comes out is what went in.
    assert (tmp_path / "b" / "smoother.safetensors").read_bytes() == exported.read_bytes()
    origin = json.loads((tmp_path / "b" / "smoother.json").read_text())["history"][0]["began_at"]
    assert (origin["steps"], origin["sha256"]) == (20, hashlib.sha256(exported.read_bytes()).hexdigest())
    assert "before | smoother.safetensors" in (tmp_path / "b" / "smoother.md").read_text()


def test_beginning_anew_and_going_on_exclude_each_other(command, tmp_path):
    command("smoother", "--out", str(tmp_path), "--steps", "2")
    exported = str(tmp_path / "smoother.safetensors")
    with pytest.raises(UsageError, match="--from begins a new run, --resume goes on"):
        command("smoother", "--out", str(tmp_path), "--steps", "4", "--resume", "--from", exported)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["smother", "--steps", "1"], "No training 'smother'. Did you mean 'smoother'"),
        (["smoother"], "either --steps or --time-budget"),
        (["smoother", "--steps", "1", "--time-budget", "1m"], "either --steps or --time-budget"),
        (["smoother:width=3", "--steps", "1"], "No parameter 'width' in training 'smoother'"),
        (["smoother:width", "--steps", "1"], "training 'smoother': write PARAMETER=VALUE, got 'width'"),
        (["smoother", "--steps", "1", "--set", "rate"], "--set: write PARAMETER=VALUE, got 'rate'"),
        (["smoother", "--steps", "1", "--set", "emma=1"], "Did you mean 'ema'"),
        (["smoother", "--steps", "1", "--task", "cs"], "'smoother' is not trained for tasks"),
        (["smoother", "--steps", "1", "--dataset", "wave"], "No dataset 'wave'. Did you mean 'waves'"),
        (["smoother", "--steps", "1", "--set", "crops=99x1"], "patches of 99 pixels do not fit"),
    ],
)
def test_bad_input_is_named_with_the_nearest_valid_choice(command, tmp_path, arguments, words):
    with pytest.raises(UsageError, match=words):
        command(*arguments, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run" / checkpoint.LAST).exists()


def test_a_gpu_that_is_not_there_is_refused(train, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(BenchhostError, match="device 'cuda' was asked for, but torch sees no GPU"):
        train(tmp_path, steps=1, device="cuda")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("0.5h", 1800)])
def test_spans_of_time_are_read(text, seconds):
    assert Span().convert(text, None, None) == seconds


@pytest.mark.parametrize(("seconds", "text"), [(8.9, "8 s"), (720, "12 min"), (3900, "1 h 05 min"), (-1, "0 s")])
def test_spans_of_time_are_written(seconds, text):
    assert duration(seconds) == text


def test_sigterm_ends_a_run_in_good_order_and_resume_goes_on(command, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    result = command("smoother", "--out", str(tmp_path), "--steps", "100000000")
    assert result.return_value == 130
    assert signal.getsignal(signal.SIGTERM) is before
    step = checkpoint.read(tmp_path / checkpoint.LAST)[1]["step"]
    assert f"stopped at step {step};" in result.stderr
    again = command("smoother", "--out", str(tmp_path), "--steps", str(step + 2), "--resume")
    assert again.return_value == 0
    assert f"resumed last.safetensors at step {step}," in again.stderr


def test_kill_9_loses_nothing_but_the_steps_since_the_checkpoint(command, smoother_file, tmp_path):
    line = [sys.executable, "-m", "benchhost", "train", "smoother", "--plugin", str(smoother_file), "--no-plugins"]
    line += ["--out", str(tmp_path), "--device", "cpu", "--threads", "1", "--checkpoint-every", "0.05s"]
    process = subprocess.Popen([*line, "--steps", "100000000"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / checkpoint.LAST).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    process.kill()
    process.wait()
    step = checkpoint.read(tmp_path / checkpoint.LAST)[1]["step"]  # whole, whatever the moment
    assert step > 0
    assert command("smoother", "--out", str(tmp_path), "--steps", str(step + 2), "--resume").return_value == 0
