"""The parts of the executor one by one: messages, queues, clocks, limits, reasons."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from itertools import pairwise

import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.execute import limits, reasons, timing, wire
from benchhost.execute.contract import generators_untouched, tensor_digest
from benchhost.execute.queues import Work, batches, longest_first
from benchhost.execute.timing import Stopwatch, Trace

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=15, deadline=None)
@given(messages=st.lists(st.dictionaries(st.text(), JSON), max_size=3), cut=st.integers(1, 50))
def test_messages_arrive_as_they_were_sent_however_they_are_cut(messages, cut):
    near, far = socket.socketpair()
    spy, sink = socket.socketpair()
    with near, far, spy, sink:
        for message in messages:
            wire.send(near, message)
        near.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: far.recv(1 << 16), b""))
        inbox, got = wire.Inbox(sink), []
        for start in range(0, len(data), cut):
            spy.sendall(data[start : start + cut])
            got += inbox.messages()
        assert got == messages
        assert not inbox.closed
        spy.close()
        assert list(inbox.messages()) == []
        assert inbox.closed


def test_a_message_cut_off_by_a_death_is_not_delivered():
    near, far = socket.socketpair()
    with far:
        near.sendall(b"\0\0\0\x10{")
        near.close()
        inbox = wire.Inbox(far)
        assert list(inbox.messages()) == []
        assert inbox.closed


def test_a_dataset_survives_the_wire_with_the_images_asked_for(catalogue):
    dataset = catalogue.dataset("synthetic")
    sent = wire.dataset_from_json(wire.dataset_to_json(dataset, {"wave03", "wave07"}))
    assert [ref.name for ref in sent.items] == ["wave03", "wave07"]
    assert (sent.name, sent.reader, sent.rule) == (dataset.name, dataset.reader, dataset.rule)


def test_cells_are_batched_by_what_they_share_and_the_longest_batch_goes_first(plan):
    cells = plan("synthetic-pinv,synthetic-landweber:iterations=5,10", tasks="synthetic:all", limit=3)
    works = batches(cells)
    assert [len(work.waiting) for work in works] == [3] * 6
    estimates = {("synthetic", "synthetic", "synthetic-pinv", "{}"): 1.0}
    order = [work.waiting[0].method for work in longest_first(works, estimates)]
    assert order == ["synthetic-landweber"] * 4 + ["synthetic-pinv"] * 2  # never timed: it may be the longest
    estimates = {**estimates, ("synthetic", "synthetic", "synthetic-landweber", '{"iterations":5,"pause":0.0}'): 2.0}
    estimates = {**estimates, ("synthetic", "synthetic", "synthetic-landweber", '{"iterations":10,"pause":0.0}'): 0.5}
    order = [work.waiting[0].method_params.get("iterations") for work in longest_first(works, estimates)]
    assert order == [5, 5, None, None, 10, 10]


def test_the_work_left_is_estimated_from_what_is_done():
    work = Work(deque(range(4)), spent=6.0, done=3)
    assert work.left(running_since=100.0) == 8.0
    assert Work(deque(range(4))).left(running_since=5.0) == 20.0


def test_the_stopwatch_leaves_out_what_is_excluded():
    watch = Stopwatch("cpu")
    watch.start()
    watch.excluding(lambda seconds: time.sleep(0.2))
    assert watch.seconds() < 0.1


def test_the_clock_is_read_only_when_the_device_has_nothing_pending(monkeypatch):
    order = []
    monkeypatch.setattr("torch.cuda.synchronize", lambda device: order.append(device))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: order.append("clock") or 0.0)
    watch = Stopwatch("cuda:1")
    watch.start()
    watch.seconds()
    assert order == ["cuda:1", "clock"] * 2


def drained(values, *, higher_is_better=True):
    watch = Stopwatch("cpu")
    watch.start()
    trace = Trace(watch, lambda estimate: estimate.item(), "psnr/1", higher_is_better=higher_is_better)
    for step, value in enumerate(values):
        trace(step, torch.tensor(value), loss=2 * value)
    return trace


@pytest.mark.parametrize(("higher", "peak"), [(True, 3.0), (False, 1.0)])
def test_the_peak_is_the_best_iterate_in_the_metrics_own_direction(higher, peak):
    assert drained([1.0, 3.0, float("nan"), 2.0], higher_is_better=higher).peak == peak


def test_further_numbers_of_a_step_are_kept_beside_the_metric():
    columns = drained([1.0, 2.0]).columns()
    assert columns["metric"] == ["psnr/1", "loss"] * 2
    assert columns["value"] == [1.0, 2.0, 2.0, 4.0]


def test_a_long_trace_is_thinned_evenly_and_its_peak_is_still_exact():
    values = [float(n) for n in range(9000)]
    values[4321] = 1e6  # on a step that is dropped
    trace = drained(values)
    steps = list(dict.fromkeys(trace.columns()["step"]))
    assert trace.peak == 1e6
    assert len(trace.columns()["step"]) <= timing.TRACE_ROWS
    assert len(steps) > timing.TRACE_ROWS / 8
    assert len({b - a for a, b in pairwise(steps)}) == 1


def test_a_load_below_the_number_of_cores_is_quiet():
    assert timing.quiet(1.9, 2)
    assert timing.quiet(2.1, 2)  # our own two threads, and a little beyond
    assert not timing.quiet(2.5, 2)
    assert not timing.quiet(None, 2)


def test_peak_memory_is_of_the_time_since_the_reset():
    memory = timing.PeakMemory("cpu")
    memory.reset()
    before = memory.rss_mb()
    block = bytearray(64 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    assert memory.rss_mb() > before + 50
    del block
    if os.path.exists("/proc/self/clear_refs"):
        memory.reset()
        assert memory.rss_mb() < before + 30


def test_cores_obey_the_affinity_of_the_process():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    one = {min(os.sched_getaffinity(0))}
    code = f"import os; os.sched_setaffinity(0, {one}); from benchhost.execute.limits import cores; print(cores())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"


def test_cores_obey_the_quota_of_a_container(monkeypatch):
    monkeypatch.setattr(limits, "_cgroup_quota", lambda: 1.5)
    assert limits.cores() == 1


def test_a_request_for_far_more_than_the_limit_is_refused_at_once():
    code = (
        "from benchhost.execute.limits import limit_address_space; limit_address_space(0.5)\n"
        "import numpy as np\n"
        "try: np.empty(10**10, np.uint8)\nexcept MemoryError: print('refused')\n"
        "print(np.ones(2**27, np.uint8).sum())"  # 128 MB are within the limit
    )
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert out.split() == ["refused", str(2**27)]


@pytest.fixture
def family():
    """A process with a child in its own session and one that left it."""
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; x = bytearray(2**26); time.sleep(600)']\n"
        "subprocess.Popen(sleep); subprocess.Popen(sleep, start_new_session=True)\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    members = psutil.Process(process.pid).children(recursive=True)
    yield process, members
    for member in members:
        if member.is_running():
            member.kill()
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_memory_of_a_child_counts_its_descendants_and_its_end_ends_them(family):
    process, members = family
    tree = limits.Tree(process.pid, limits.Census())
    deadline = time.monotonic() + 20
    while tree.rss_gb() * 1024 < 2 * 64 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert tree.rss_gb() * 1024 > 2 * 64  # two children with 64 MB each
    assert len(members) == 2
    tree.kill()
    process.wait(timeout=5)
    assert not psutil.wait_procs(members, timeout=5)[1]  # nobody is left alive


def test_descendants_whose_parent_died_are_still_of_the_tree(family):
    process, members = family
    process.kill()
    process.wait()
    found = limits.Census().members(process.pid)
    assert len(set(found) & {member.pid for member in members}) == 1  # the one that stayed in the session


ENDS = [
    (-signal.SIGSEGV, False, ("crashed", "signal SIGSEGV during reconstruct")),
    (17, False, ("crashed", "exit code 17 during reconstruct")),
    (0, False, ("crashed", "exit code 0 during reconstruct")),
    (-signal.SIGKILL, True, ("oom", "killed by the kernel's out-of-memory killer during reconstruct")),
    (-signal.SIGKILL, False, ("crashed", "signal SIGKILL during reconstruct, sent by someone else")),
    (None, False, ("crashed", "the process vanished during reconstruct")),
]


@pytest.mark.parametrize(("code", "kernel", "expected"), ENDS)
def test_the_end_of_a_process_is_put_into_words(code, kernel, expected):
    assert reasons.explain_exit(code, "reconstruct", kernel_killed=kernel) == expected


def test_an_exception_is_put_into_words():
    assert reasons.explain(MemoryError("Unable to allocate 93 GiB"))[0] == "oom"
    assert reasons.explain(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))[0] == "oom"
    assert reasons.explain(torch.OutOfMemoryError("CUDA out of memory"))[0] == "oom"
    assert reasons.explain(ValueError("no\nsecond line")) == ("failed", "ValueError: no")
    assert reasons.explain(ZeroDivisionError()) == ("failed", "ZeroDivisionError")


def test_drawing_inside_a_fork_of_the_generator_is_allowed():
    with generators_untouched("cpu"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        torch.randn(3)


def test_a_digest_depends_on_every_byte_of_a_tensor():
    a = torch.arange(12.0).reshape(1, 3, 4)
    b = a.clone()
    b[0, 2, 3] += 1e-6
    assert tensor_digest(a) == tensor_digest(a.clone()) != tensor_digest(b)
    assert tensor_digest(a[..., ::2]) == tensor_digest(a[..., ::2].contiguous())
