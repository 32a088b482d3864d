"""One cell in this process: what a method gets, what is checked, what is recorded."""

import math
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchhost.cell import Runtime, rescore, run_batch
from benchhost.store import read_estimate
from benchhost.testing import synthetic
from benchhost.types import Method, Metric


@pytest.fixture
def runtime(catalogue, tmp_path):
    return Runtime(catalogue=catalogue, results=tmp_path)


def records(cells, runtime, **options):
    found = []
    run_batch(cells, runtime, found.append, **options)
    return found


def with_method(catalogue, cls, **facts):
    """The catalogue with one more method, which lives in this test alone."""
    name = cls.__name__.lower()
    setattr(synthetic, cls.__name__, cls)
    spec = Method(name=name, target=f"benchhost.testing.synthetic:{cls.__name__}", summary="", **facts)
    return replace(catalogue, methods={**catalogue.methods, name: spec})


class Recording:
    """A method that keeps the problems it is given."""

    seen: list = []
    setups: list = []

    def __init__(self, params):
        pass

    def setup(self, problem):
        Recording.setups.append(problem)

    def reconstruct(self, problem):
        Recording.seen.append(problem)
        return problem.physics.A_dagger(problem.y)


@pytest.fixture
def recording(catalogue, runtime):
    Recording.seen, Recording.setups = [], []
    return replace(runtime, catalogue=with_method(catalogue, Recording))


def test_a_good_cell_is_scored_stored_and_described(plan, runtime):
    (cell,) = plan("synthetic-pinv", limit=1)
    (record,) = records([cell], runtime)
    assert (record["status"], record["reason"]) == ("ok", "")
    estimate = read_estimate(runtime.results, cell.key)
    dataset = runtime.catalogue.dataset("synthetic")
    truth = synthetic.read(None, dataset.items[0], {}) / 255.0
    rounded = np.round(estimate[0, 0].double().numpy().clip(0, 1) * 255) / 255
    expected = 10 * math.log10(1 / np.mean((rounded - truth) ** 2))
    assert record["scores"]["psnr/255/clip_round"] == pytest.approx(expected, abs=1e-5)  # truth is float32 in the task
    assert record["scores"]["consistency/l2"] < 1e-6
    assert record["seconds"] > 0
    assert record["peak_rss_mb"] > 50
    assert len(record["y_digest"]) == len(record["physics_id"]) == 64
    assert record["notes"] == {"pixels": 256}
    assert record["artifact"] == f"reconstructions/{cell.key[:2]}/{cell.key}.safetensors"


def test_every_method_meets_the_same_measurement(plan, runtime):
    cells = plan("synthetic-pinv,synthetic-dither,synthetic-landweber,fault-global-numpy,fault-mutates-y", limit=2)
    digests = {}
    for cell in cells:
        (record,) = records([cell], runtime)
        digests.setdefault(cell.image, set()).add((record["y_digest"], record["physics_id"]))
    assert [len(found) for found in digests.values()] == [1, 1]
    assert len(set.union(*digests.values())) == 2


def test_repeats_and_seeds_move_the_noise(plan, runtime):
    cells = [*plan("synthetic-pinv", limit=1, repeats=2), *plan("synthetic-pinv", limit=1, seed=1)]
    digests = [records([cell], runtime)[0]["y_digest"] for cell in cells]
    assert len(set(digests)) == 3


def test_the_result_of_an_image_does_not_depend_on_the_images_before_it(plan, runtime):
    cells = plan("synthetic-dither", limit=3)
    together = records(cells, runtime)
    alone = records(cells[2:], runtime)
    assert together[2]["scores"] == alone[0]["scores"]


def test_setup_is_called_once_and_never_sees_a_measurement(plan, recording):
    cells = [replace(cell, method="recording") for cell in plan("synthetic-pinv", limit=3)]
    found = records(cells, recording)
    assert [record["status"] for record in found] == ["ok"] * 3
    assert len(Recording.setups) == 1
    assert not Recording.setups[0].y.any()
    assert found[0]["setup_seconds"] > 0
    assert found[1]["setup_seconds"] == found[2]["setup_seconds"] == 0


def test_a_failing_setup_fails_every_image_without_being_tried_again(plan, runtime):
    cells = plan("fault-bad-setup", limit=3)
    found = records(cells, runtime)
    assert {record["reason"] for record in found} == {"FileNotFoundError: no weights file (raised in setup())"}


def test_the_method_is_told_what_it_may_know(plan, recording):
    (cell,) = plan("synthetic-pinv", limit=1)
    records([replace(cell, method="recording")], recording)
    (problem,) = Recording.seen
    assert problem.image_shape == (1, 16, 16)
    assert problem.sigma == 0.02
    assert (problem.task, problem.task_params) == ("synthetic", {"factor": 2, "sigma": 0.02})
    assert problem.deadline is None
    assert not hasattr(problem, "truth")


def test_the_deadline_leaves_time_to_hand_the_estimate_over(plan, recording):
    (cell,) = plan("synthetic-pinv", limit=1)
    before = time.monotonic()
    records([replace(cell, method="recording")], replace(recording, timeout_s=10.0))
    left = Recording.seen[0].deadline - before
    assert 9.0 < left < 10.0  # 5 % of the limit is kept back


def test_a_method_that_honours_its_deadline_returns_its_best_so_far(plan, runtime):
    (cell,) = plan("synthetic-landweber:iterations=1000,pause=0.01", limit=1)
    (record,) = records([cell], replace(runtime, timeout_s=0.3))
    assert record["status"] == "ok"
    assert len(record["trace"]["step"]) < 100


BROKEN = {
    "raises": ("failed", "ValueError: the step size must be positive"),
    "sys-exits": ("failed", "SystemExit: the method called sys.exit(3)"),
    "returns-nan": ("failed", "contract: 1 of 256 values of the estimate are NaN or infinite"),
    "wrong-shape": ("failed", "contract: reconstruct returned shape (1, 16, 16), expected (1, 1, 16, 16)"),
    "returns-array": ("failed", "contract: reconstruct returned a ndarray of shape (1, 1, 16, 16), expected a torch"),
    "returns-complex": ("failed", "contract: reconstruct returned torch.complex64, expected real numbers"),
    "mutates-y": ("failed", "contract: reconstruct changed problem.y in place"),
    "global-numpy": (
        "failed",
        "contract: reconstruct used the global random generator of numpy: draw from problem.rng",
    ),
    "global-torch": (
        "failed",
        "contract: reconstruct used the global random generator of torch: draw from problem.rng",
    ),
    "global-python": ("failed", "contract: reconstruct used the global random generator of Python: draw from"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_contract_is_named_and_the_next_image_runs(plan, runtime, fault):
    cells = plan(f"fault-{fault}:image=1", limit=2)
    first, second = records(cells, runtime)
    status, words = BROKEN[fault]
    assert first["status"] == status
    assert first["reason"].startswith(words)
    assert first["scores"] == {}
    assert "Traceback" in first["exception"]["traceback"]
    assert second["status"] == "ok"


def test_a_broken_target_fails_each_cell_of_its_batch_by_name(plan, runtime, catalogue):
    spec = replace(catalogue.method("synthetic-pinv"), target="benchhost.testing.synthetic:Gone")
    broken = replace(runtime, catalogue=replace(catalogue, methods={"synthetic-pinv": spec}))
    found = records(plan("synthetic-pinv", limit=2), broken)
    assert [record["status"] for record in found] == ["failed"] * 2
    assert "method 'synthetic-pinv'" in found[0]["reason"]


class Initialised:
    """Draws its first weights from every global generator, as networks do."""

    def __init__(self, params):
        self.weights = float(torch.randn(()) + np.random.standard_normal() + random.random())

    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y) + 0.01 * self.weights


def test_building_a_method_may_draw_globally_repeats_and_leaves_no_trace(plan, runtime, catalogue):
    runtime = replace(runtime, catalogue=with_method(catalogue, Initialised))
    (cell,) = [replace(cell, method="initialised") for cell in plan("synthetic-pinv", limit=1)]
    torch.manual_seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = records([cell], runtime)[0]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    torch.manual_seed(4)
    assert records([cell], runtime)[0]["scores"] == first["scores"]


def slow_metric(view):
    time.sleep(0.02)
    return 1.0


def test_scoring_iterates_is_not_timed(plan, runtime, catalogue):
    synthetic.slow_metric = slow_metric
    metric = Metric(id="slow/1", target="benchhost.testing.synthetic:slow_metric", summary="", higher_is_better=True)
    runtime = replace(runtime, catalogue=replace(catalogue, metrics={**catalogue.metrics, "slow/1": metric}))
    (cell,) = plan("synthetic-landweber:iterations=20", limit=1)
    begin = time.perf_counter()
    (record,) = records([replace(cell, metrics=("slow/1",))], runtime)
    assert time.perf_counter() - begin > 0.4  # 20 iterates were scored at 20 ms each
    assert record["seconds"] < 0.2


def test_a_trace_gives_the_convergence_and_the_peak(plan, runtime):
    (cell,) = plan("synthetic-landweber:iterations=5", limit=1)
    (record,) = records([cell], runtime)
    trace = record["trace"]
    assert trace["step"] == [1, 2, 3, 4, 5]
    assert set(trace["metric"]) == {"psnr/255/clip_round"}
    assert trace["seconds"] == sorted(trace["seconds"])
    assert record["peak"] == max(trace["value"])


def test_the_oracle_gets_a_copy_of_the_truth(plan, runtime):
    (record,) = records(plan("synthetic-truth", limit=1), runtime)
    assert record["scores"]["psnr/255/clip_round"] == math.inf


def test_nothing_is_written_when_nothing_is_to_be_saved(plan, runtime):
    (record,) = records(plan("synthetic-pinv", limit=1), replace(runtime, save="none"))
    assert (record["status"], record["artifact"]) == ("ok", "")
    assert list(runtime.results.iterdir()) == []


def test_stored_reconstructions_score_to_the_last_bit_without_their_method(plan, runtime, catalogue):
    cells = plan("synthetic-dither", limit=2)
    first = records(cells, runtime)
    without = replace(runtime, catalogue=replace(catalogue, methods={}))
    again = []
    rescore(cells, without, again.append)
    assert [record["scores"] for record in again] == [record["scores"] for record in first]
    assert {record["kind"] for record in again} == {"score"}


def test_a_lost_reconstruction_cannot_be_scored(plan, runtime):
    (cell,) = plan("synthetic-pinv", limit=1)
    found = []
    rescore([cell], runtime, found.append)
    assert found[0]["status"] == "failed"
    assert "FileNotFoundError" in found[0]["reason"]


def raising_metric(view):
    raise ZeroDivisionError("no contrast")


def test_a_broken_or_unavailable_metric_costs_only_itself(plan, runtime, catalogue):
    synthetic.raising_metric = raising_metric
    broken = Metric(
        id="broken/1", target="benchhost.testing.synthetic:raising_metric", summary="", higher_is_better=True
    )
    runtime = replace(runtime, catalogue=replace(catalogue, metrics={**catalogue.metrics, "broken/1": broken}))
    (cell,) = plan("synthetic-pinv", limit=1)
    (record,) = records([replace(cell, metrics=("psnr/255/clip", "broken/1", "psnr/255/clip_round/shave8"))], runtime)
    assert record["status"] == "ok"
    assert record["scores"]["psnr/255/clip"] > 10
    assert record["scores"]["broken/1"] is None
    assert record["metric_reasons"]["broken/1"] == "ZeroDivisionError: no contrast"
    assert record["metric_reasons"]["psnr/255/clip_round/shave8"].startswith("unavailable: shaving 8 pixels")


def test_a_timing_pass_gives_times_and_nothing_else(plan, runtime):
    (cell,) = plan("synthetic-landweber", limit=1)
    (record,) = records([cell], replace(runtime, alone=True, cores=10**6), kind="time")
    assert record["status"] == "ok"
    assert record["timing_valid"] is True
    assert record["seconds"] > 0
    assert record["scores"] == {}
    assert record["trace"]["step"] == []
    assert list(runtime.results.iterdir()) == []


def test_a_timing_pass_warms_the_method_up_first(plan, recording):
    cells = [replace(cell, method="recording") for cell in plan("synthetic-pinv", limit=2)]
    found = records(cells, replace(recording, alone=True, cores=10**6), kind="time")
    assert len(Recording.seen) == 3  # the first image twice
    assert [record["timing_valid"] for record in found] == [True, True]


def test_a_first_call_that_may_have_paid_for_loading_is_not_a_valid_time(plan, runtime):
    found = records(plan("synthetic-pinv", limit=2), replace(runtime, alone=True, cores=10**6))
    assert [record["timing_valid"] for record in found] == [False, True]


def test_an_end_asked_for_from_outside_is_not_the_methods_failure(plan, runtime, monkeypatch):
    class Terminated(SystemExit):
        pass

    def ended(self, problem):
        raise Terminated(143)

    monkeypatch.setattr(synthetic.Pinv, "reconstruct", ended)
    with pytest.raises(Terminated):
        records(plan("synthetic-pinv", limit=1), runtime)


def test_times_are_not_valid_beside_other_workers_or_on_a_busy_machine(plan, runtime, monkeypatch):
    cells = plan("synthetic-pinv", limit=2)
    assert records(cells, replace(runtime, alone=False, cores=10**6))[1]["timing_valid"] is False
    monkeypatch.setattr("benchhost.cell.load1", lambda: 5.0)
    assert records(cells, replace(runtime, alone=True, cores=4))[1]["timing_valid"] is False
    assert records(cells, replace(runtime, alone=True, cores=5))[1]["timing_valid"] is True
