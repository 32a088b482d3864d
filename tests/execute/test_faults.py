"""Every way a method can fail, in one run with methods that work: real processes, true reasons."""

import os

import psutil
import pytest

from benchhost.execute.limits import cores
from benchhost.testing.faults import FAULTS

GOOD = ("synthetic-pinv", "synthetic-landweber", "fault-slow")
# Touching memory page by page takes seconds where other work has the cores: the limit grows with the load.
SECONDS = round(4 * max(1.0, os.getloadavg()[0] / cores()))
# What the rows of a fault must say: (status, a piece of the reason).
EXPECTED = {
    "raises": ("failed", "ValueError: the step size must be positive"),
    "hangs": ("timeout", f"{SECONDS} s per image exceeded during reconstruct"),
    "segfaults": ("crashed", "signal SIGSEGV during reconstruct"),
    "aborts": ("crashed", "signal SIGABRT during reconstruct"),
    "exits": ("crashed", "exit code 17 during reconstruct"),
    "sys-exits": ("failed", "sys.exit(3)"),
    "asks-for-100-gb": ("oom", "out of memory"),
    "eats-100-gb": ("oom", "memory limit of 0.8 GB exceeded"),
    "returns-nan": ("failed", "contract: 1 of 256 values"),
    "wrong-shape": ("failed", "contract: reconstruct returned shape (1, 16, 16)"),
    "returns-array": ("failed", "contract: reconstruct returned a ndarray"),
    "returns-complex": ("failed", "contract: reconstruct returned torch.complex64"),
    "mutates-y": ("failed", "contract: reconstruct changed problem.y"),
    "global-numpy": ("failed", "contract: reconstruct used the global random generator of numpy"),
    "global-torch": ("failed", "contract: reconstruct used the global random generator of torch"),
    "global-python": ("failed", "contract: reconstruct used the global random generator of Python"),
    "bad-setup": ("failed", "FileNotFoundError: no weights file"),
    "crashes-in-setup": ("crashed", "signal SIGSEGV during setup"),
    "leaves-children": ("crashed", "exit code 18 during reconstruct"),
}


@pytest.fixture(scope="module")
def outcome(catalogue, plan, tmp_path_factory):
    """The frame and the attempts of one run of every fault and every good method, two images each."""
    from benchhost import execute
    from benchhost.store import Store

    folder = tmp_path_factory.mktemp("faults")
    methods = ",".join((*GOOD, *(f"fault-{name}" for name in EXPECTED)))
    cells = plan(methods, limit=2)
    options = execute.Options(
        results=folder, workers=2, threads=1, timeout_s=SECONDS, grace_s=0.2, memory_gb=0.8, installed=False,
        plugins=("benchhost.testing.synthetic", "benchhost.testing.faults"),
    )  # fmt: skip
    with Store.open(folder) as store:
        run_id = store.begin_run({"command": "faults"}, cells, metrics=catalogue.metrics, environment={})
        counts = execute.execute(cells, store=store, run_id=run_id, options=options, catalogue=catalogue)
        assert sum(counts.values()) == len(cells)
        return store.frame(run_id), store.attempts(run_id)


def test_every_fault_is_tried():
    assert set(EXPECTED) | {"slow"} == set(FAULTS)


@pytest.mark.parametrize("method", GOOD)
def test_good_methods_finish_beside_bad_ones(outcome, method):
    rows = outcome[0].query("method == @method")
    assert rows["status"].tolist() == ["ok"] * 4  # two images, two metrics
    assert rows["value"].notna().all()


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_is_a_row_with_its_true_reason(outcome, fault):
    rows = outcome[0][outcome[0]["method"] == f"fault-{fault}"].drop_duplicates("key")
    status, words = EXPECTED[fault]
    assert rows["status"].tolist() == [status] * 2
    assert all(words in reason for reason in rows["reason"]), rows["reason"].tolist()
    assert rows["value"].isna().all()


def test_how_a_process_ended_is_kept(outcome):
    tries = outcome[1].assign(fault=outcome[1]["key"].map(outcome[0].drop_duplicates("key").set_index("key")["method"]))
    first = tries.drop_duplicates("fault").set_index("fault")
    assert first.loc["fault-segfaults", "signal"] == 11
    assert first.loc["fault-exits", "exit_code"] == 17
    assert "string_at" in first.loc["fault-segfaults", "traceback"]  # where it crashed, by faulthandler
    assert first.loc["fault-raises", "exception_type"] == "ValueError"


def test_a_method_that_dies_while_it_is_set_up_is_not_tried_on_every_image(outcome):
    rows = outcome[0][outcome[0]["method"] == "fault-crashes-in-setup"].drop_duplicates("key")
    assert rows["reason"].iloc[1].endswith("met on wave00, not tried again")


def test_no_process_is_left_behind(outcome):
    assert not [p for p in psutil.process_iter(["cmdline"]) if "time.sleep(600)" in " ".join(p.info["cmdline"] or [])]
