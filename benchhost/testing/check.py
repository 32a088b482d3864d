"""Everything ``benchhost check`` asserts about a plugin: its records, tasks and methods."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from benchhost import params as P
from benchhost.errors import BenchhostError
from benchhost.execute.contract import ContractBroken
from benchhost.plugins import Catalogue, PluginInfo, resolve, resolve_for
from benchhost.testing.methods import assert_method, why_not
from benchhost.testing.problems import Posing, pose
from benchhost.testing.tasks import assert_operator, assert_task
from benchhost.types import Method

EACH_S = 30.0  # a check that takes longer has failed: ``quick`` parameters are meant to take a second


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One check.  subject: "method tv on task cs".  reason: empty when ok."""

    plugin: str
    subject: str
    status: Literal["ok", "failed", "skipped", "left out"]
    reason: str = ""
    seconds: float = 0.0


def check_plugins(
    catalogue: Catalogue,
    plugins: Sequence[PluginInfo],
    *,
    until: float = float("inf"),
    tell: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Check what ``plugins`` offer, cheap checks first.

    until: :func:`time.monotonic` after which no further check is started; what is left is reported as left out.
    tell: called with each outcome as it is known.
    """
    bench = _Bench(catalogue, until, tell)
    for plugin in plugins:
        if plugin.error:
            bench.note(plugin, "plugin", "failed", plugin.error)
    own = [(kind, name, plugin) for (kind, name), plugin in catalogue.owners.items() if plugin in plugins]
    for kind, name, plugin in own:
        spec = getattr(catalogue, kind)[name]
        if kind in ("metrics", "reporters"):
            bench.run(plugin, f"{kind[:-1]} {name}", lambda spec=spec: _resolvable(spec))
    tasks = [(name, plugin) for kind, name, plugin in own if kind == "tasks"]
    for name, plugin in tasks:
        bench.task(plugin, name)
    methods = [(name, plugin) for kind, name, plugin in own if kind == "methods"]
    for name, plugin in methods:
        bench.run(plugin, f"method {name}", lambda name=name: _method_record(catalogue.methods[name]))
    # Round by round over the tasks, so that every method has met one before any method meets all.
    for task in dict.fromkeys([name for name, _ in tasks] + list(catalogue.tasks)):
        for name, plugin in methods:
            bench.pair(plugin, name, task)
    bench.misfits(methods)
    return bench.outcomes


class _Bench:
    """Runs checks, keeps outcomes, and the problems that tasks were posed as."""

    def __init__(self, catalogue: Catalogue, until: float, tell: Callable[[Outcome], None] | None) -> None:
        self.catalogue, self.until, self.tell = catalogue, until, tell
        self.outcomes: list[Outcome] = []
        self.posings: dict[str, Posing | None] = {}
        self.fitting: set[str] = set()

    def note(self, plugin: PluginInfo, subject: str, status: Any, reason: str = "", seconds: float = 0.0) -> None:
        outcome = Outcome(plugin=plugin.name, subject=subject, status=status, reason=reason, seconds=seconds)
        self.outcomes.append(outcome)
        if self.tell:
            self.tell(outcome)

    def run(self, plugin: PluginInfo, subject: str, action: Callable[[], Any]) -> Any:
        """What ``action`` returns; a breach, or anything else it raises, becomes an outcome."""
        if time.monotonic() > self.until:
            self.note(plugin, subject, "left out", "no time left: raise --seconds")
            return None
        begin = time.perf_counter()
        try:
            with _limit(EACH_S):
                result = action()
        except Exception as error:  # a plugin under test may raise anything
            self.note(plugin, subject, "failed", _words(error), time.perf_counter() - begin)
            return None
        self.note(plugin, subject, "ok", "", time.perf_counter() - begin)
        return result

    def task(self, plugin: PluginInfo, name: str) -> None:
        task = self.catalogue.tasks[name]
        for i, level in enumerate(task.levels):
            shown = ", ".join(f"{key}={P.show(value)}" for key, value in level.items()) or "no parameters"
            posing = self.run(
                plugin, f"task {name} ({shown})", lambda level=level: assert_task(task, self.catalogue, level)
            )
            if i == task.default_level and posing is not None:
                self.posings[name] = posing
                self.run(plugin, f"operator of task {name}", lambda posing=posing: assert_operator(posing))
        self.posings.setdefault(name, None)

    def pair(self, plugin: PluginInfo, method_name: str, task_name: str) -> None:
        method, subject = self.catalogue.methods[method_name], f"method {method_name} on task {task_name}"
        if task_name not in self.posings:
            try:
                self.posings[task_name] = pose(self.catalogue.tasks[task_name])
            except Exception as error:  # not this plugin's fault, unless it owns the task, which was checked above
                self.posings[task_name] = None
                self.note(plugin, f"task {task_name}", "skipped", f"cannot be posed: {_words(error)}")
        posing = self.posings[task_name]
        if posing is None:
            return
        try:
            reason = why_not(method, posing)
        except Exception as error:  # `refuses` and `params` are the plugin's own code
            self.note(plugin, subject, "failed", _words(error))
            return
        if reason:
            self.note(plugin, subject, "skipped", reason)
            return
        self.fitting.add(method_name)
        self.run(plugin, subject, lambda: assert_method(method, posing))

    def misfits(self, methods: Sequence[tuple[str, PluginInfo]]) -> None:
        """A method that no task suits would never run: a capability is misspelt, or its task is missing."""
        for name, plugin in methods:
            if name not in self.fitting and any(posing is not None for posing in self.posings.values()):
                self.note(plugin, f"method {name}", "skipped", "suits none of the installed tasks")


def _method_record(method: Method) -> None:
    from benchhost.capability import CAPABILITIES

    _resolvable(method)
    P.build(resolve_for(method, "params"), method.quick, owner=f"method '{method.name}' (quick)")
    for name, values in method.presets.items():
        P.build(resolve_for(method, "params"), values, owner=f"method '{method.name}' (preset {name})")
    if strange := {word for need in method.requires for word in need.split("|")} - set(CAPABILITIES):
        raise ContractBroken(f"requires {sorted(strange)}: no task can offer these; known: {', '.join(CAPABILITIES)}")
    for device, preset in method.default_preset.items():
        if preset not in method.presets:
            raise ContractBroken(f"default_preset for {device} is '{preset}', which is none of the presets")
    if method.refuses:
        resolve(method.refuses)


def _resolvable(spec: Any) -> None:
    target = resolve_for(spec)
    if not callable(target):
        raise ContractBroken(f"target '{spec.target}' cannot be called")


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, BenchhostError) else f"{type(error).__name__}: {text}".rstrip(": ")


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise ContractBroken in the block after ``seconds``, where the platform has an alarm."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: Any) -> None:
        raise ContractBroken(
            f"took more than {seconds:g} s on a small image: give `quick` parameters that take a second"
        )

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
