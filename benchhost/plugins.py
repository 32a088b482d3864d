"""The plugin host: find plugins, register what they offer, and say clearly what is wrong with those that fail."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from benchhost import hookspecs
from benchhost.errors import BenchhostError, PluginError, UsageError, unknown
from benchhost.types import API_VERSION, Dataset, Method, Metric, Preset, Reporter, Task, Training

GROUP = "benchhost"
BUILTINS = ("benchhost.builtins.metrics", "benchhost.builtins.datasets", "benchhost.builtins.reporters")
_COLLECTED: Mapping[str, tuple[str, type]] = {
    "benchhost_tasks": ("tasks", Task),
    "benchhost_methods": ("methods", Method),
    "benchhost_datasets": ("datasets", Dataset),
    "benchhost_metrics": ("metrics", Metric),
    "benchhost_reporters": ("reporters", Reporter),
    "benchhost_presets": ("presets", Preset),
    "benchhost_trainings": ("trainings", Training),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*(/[A-Za-z0-9_.+-]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
log = logging.getLogger("benchhost")


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """A plugin that was found: where it comes from, and what went wrong with it, if anything did."""

    name: str
    module: str
    distribution: str = ""
    version: str = ""
    path: str = ""
    error: str = ""
    traceback: str = ""

    @property
    def owner(self) -> str:
        """What qualifies a clashing name: the distribution, or the module of a loose file."""
        return self.distribution or self.module


@dataclass
class Catalogue:
    """Everything the plugins offer, by name; a name that two plugins claim is only reachable as ``owner/name``."""

    tasks: dict[str, Task] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    reporters: dict[str, Reporter] = field(default_factory=dict)
    presets: dict[str, Preset] = field(default_factory=dict)
    trainings: dict[str, Training] = field(default_factory=dict)
    plugins: list[PluginInfo] = field(default_factory=list)
    owners: dict[tuple[str, str], PluginInfo] = field(default_factory=dict)
    clashes: dict[tuple[str, str], list[PluginInfo]] = field(default_factory=dict)
    manager: pluggy.PluginManager | None = None

    def task(self, name: str) -> Task:
        """The task of that name, or an error with the nearest one."""
        return self._find("tasks", name)

    def method(self, name: str) -> Method:
        """The method of that name, or an error with the nearest one."""
        return self._find("methods", name)

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name, or an error with the nearest one."""
        return self._find("datasets", name)

    def metric(self, id: str) -> Metric:
        """The metric of that id (``psnr/255/clip``), or an error with the nearest one."""
        return self._find("metrics", id)

    def reporter(self, name: str) -> Reporter:
        """The report format of that name, or an error with the nearest one."""
        return self._find("reporters", name)

    def training(self, name: str) -> Training:
        """The training of that name, or an error with the nearest one."""
        return self._find("trainings", name)

    @property
    def failures(self) -> list[PluginInfo]:
        """Plugins that could not be used."""
        return [plugin for plugin in self.plugins if plugin.error]

    def owner(self, kind: str, name: str) -> PluginInfo:
        """Which plugin offers ``name``; ``kind`` is "tasks", "methods", ..."""
        return self.owners[kind, name]

    def observed(self, hook: str) -> bool:
        """Whether any plugin implements an observer hook."""
        return self.manager is not None and bool(getattr(self.manager.hook, hook).get_hookimpls())

    def observe(self, hook: str, **facts: Any) -> None:
        """Call an observer hook in every plugin; an exception in one is logged, never fatal."""
        if self.manager is None:
            return
        for impl in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                impl.function(*[facts[name] for name in impl.argnames])
            except Exception:  # an observer must never cost a run its results
                log.exception("plugin %s failed in %s", impl.plugin_name, hook)

    def _find(self, kind: str, name: str) -> Any:
        table = getattr(self, kind)
        if name in table:
            return table[name]
        if (kind, name) in self.clashes:
            rivals = self.clashes[kind, name]
            choice = " or ".join(f"'{rival.owner}/{name}'" for rival in rivals)
            raise PluginError(f"{kind[:-1]} '{name}' is offered by {_and(r.owner for r in rivals)}; choose {choice}")
        raise unknown(kind[:-1], name, table)

    def _add(self, kind: str, name: str, spec: Any, plugin: PluginInfo) -> None:
        table = getattr(self, kind)
        rivals = self.clashes.get((kind, name))
        if rivals is None and name not in table:
            table[name], self.owners[kind, name] = spec, plugin
            return
        if rivals is None:
            first = self.owners.pop((kind, name))
            rivals = self.clashes[kind, name] = [first]
            self._add(kind, f"{first.owner}/{name}", table.pop(name), first)
        if plugin.owner in {rival.owner for rival in rivals}:
            raise PluginError(f"plugin '{plugin.name}' offers {kind[:-1]} '{name}' twice")
        rivals.append(plugin)
        self._add(kind, f"{plugin.owner}/{name}", spec, plugin)


def load(
    extra: Sequence[str | Path] = (),
    *,
    strict: bool = False,
    installed: bool = True,
    allow: Sequence[str] | None = None,
) -> Catalogue:
    """Load the built-ins, installed plugins and loose files, and collect what they offer.

    extra: paths of Python files, or importable module names, each a plugin.
    strict: raise on the first plugin that fails instead of naming it in ``Catalogue.failures``.
    installed: False loads no entry points (``--no-plugins``).
    allow: names of the entry points to load; None reads $BENCHHOST_PLUGINS (comma list) and loads all when it is unset.

    Raises PluginError where one entry-point name belongs to two distributions, and for a bad ``extra``.
    """
    manager = pluggy.PluginManager("benchhost")
    manager.add_hookspecs(hookspecs)
    catalogue = Catalogue(manager=manager)
    for module in BUILTINS:
        _register(
            catalogue, PluginInfo(name=module.rpartition(".")[2], module=module, distribution="benchhost"), strict
        )
    if installed:
        for plugin in _installed(allow):
            _register(catalogue, plugin, strict)
    for item in extra:
        plugin = _loose(item)
        _register(catalogue, plugin, strict=True)  # a file named by hand must work
    return catalogue


def resolve(target: str) -> Any:
    """The object that "package.module:attribute" names."""
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def resolve_for(spec: Task | Method | Metric | Reporter | Training, attribute: str = "target") -> Any:
    """Resolve a spec's target or params; PluginError names the spec when that fails."""
    target = getattr(spec, attribute)
    label = getattr(spec, "name", "") or getattr(spec, "id", "")
    try:
        return resolve(target)
    except (ImportError, AttributeError) as error:
        kind = type(spec).__name__.lower()
        raise PluginError(f"{kind} '{label}': {attribute} '{target}' cannot be imported: {error}") from error


def _installed(allow: Sequence[str] | None) -> Iterator[PluginInfo]:
    if allow is None and os.environ.get("BENCHHOST_PLUGINS") is not None:
        allow = [name for name in os.environ["BENCHHOST_PLUGINS"].split(",") if name]
    found: dict[str, tuple[EntryPoint, Distribution]] = {}
    for distribution in distributions():
        for entry in distribution.entry_points:
            if entry.group != GROUP:
                continue
            first = found.setdefault(entry.name, (entry, distribution))
            # The same distribution may be seen twice (two sys.path entries); two different ones are a clash.
            if _project(first[1]) != _project(distribution):
                raise PluginError(
                    f"plugin '{entry.name}' is installed twice: by {_project(first[1])} ({first[0].value}) and by "
                    f"{_project(distribution)} ({entry.value}). Uninstall one: pip uninstall {_project(distribution)}"
                )
    if allow is not None:
        for name in allow:
            if name not in found:
                raise unknown("plugin", name, found)
    for name, (entry, distribution) in sorted(found.items()):
        if allow is None or name in allow:
            yield PluginInfo(
                name=name, module=entry.value, distribution=_project(distribution), version=distribution.version
            )


def _project(distribution: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "?").lower()


def _loose(item: str | Path) -> PluginInfo:
    path = Path(item)
    if path.suffix != ".py":
        if importlib.util.find_spec(str(item)) is None:
            raise UsageError(f"--plugin {item}: neither a .py file nor an importable module")
        return PluginInfo(name=str(item), module=str(item))
    if not path.is_file():
        raise UsageError(f"--plugin {item}: no such file")
    name = path.stem
    known = sys.modules.get(name)
    if known is not None and Path(getattr(known, "__file__", "") or "").resolve() != path.resolve():
        raise UsageError(f"--plugin {item}: a module named '{name}' is already loaded; rename the file")
    return PluginInfo(name=name, module=name, path=str(path.resolve()))


def _import(plugin: PluginInfo) -> ModuleType:
    if not plugin.path:
        return importlib.import_module(plugin.module.partition(":")[0])
    if plugin.module not in sys.modules:
        spec = importlib.util.spec_from_file_location(plugin.module, plugin.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[plugin.module] = module  # before execution, so that targets "file:Class" and dataclasses resolve
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[plugin.module]
            raise
    return sys.modules[plugin.module]


def _register(catalogue: Catalogue, plugin: PluginInfo, strict: bool) -> None:
    """Register one plugin and collect from it; a failure is kept with its name and leaves nothing half-registered."""
    manager = catalogue.manager
    try:
        module = _import(plugin)
        manager.register(module, name=plugin.name)
        try:
            _check_hook_names(manager, module)
            offers = list(_collect(manager, module))
        except BaseException:
            manager.unregister(name=plugin.name)
            raise
    except Exception as error:  # whatever a plugin does wrong, the others must go on
        if strict:
            raise PluginError(f"plugin '{plugin.name}' ({plugin.path or plugin.module}): {_one_line(error)}") from error
        reason = f"{type(error).__name__}: {_one_line(error)}" if not isinstance(error, BenchhostError) else str(error)
        catalogue.plugins.append(PluginInfo(**{**vars(plugin), "error": reason, "traceback": traceback.format_exc()}))
        return
    catalogue.plugins.append(plugin)
    for kind, name, spec in offers:
        catalogue._add(kind, name, spec, plugin)


def _check_hook_names(manager: pluggy.PluginManager, module: ModuleType) -> None:
    """Refuse a hookimpl whose name no hook has; pluggy alone notices it only when asked."""
    hooks = [name for name in dir(hookspecs) if name.startswith("benchhost_")]
    for name in vars(module):
        options = manager.parse_hookimpl_opts(module, name)
        if options is not None and not options.get("optionalhook") and (options.get("specname") or name) not in hooks:
            raise unknown("hook", options.get("specname") or name, hooks, where=f"plugin '{module.__name__}'")
    manager.check_pending()


def _collect(manager: pluggy.PluginManager, module: ModuleType) -> Iterator[tuple[str, str, Any]]:
    """What one plugin offers, validated: (kind, name, spec)."""
    for hook, (kind, cls) in _COLLECTED.items():
        impls = [impl for impl in getattr(manager.hook, hook).get_hookimpls() if impl.plugin is module]
        for impl in impls:
            for spec in impl.function() or ():
                if not isinstance(spec, cls):
                    raise PluginError(f"{hook} must yield {cls.__name__}, got {type(spec).__name__}: {spec!r}")
                yield kind, _validated(kind, spec), spec


def _validated(kind: str, spec: Any) -> str:
    name = spec.id if kind == "metrics" else spec.name
    if not _NAME.fullmatch(name):
        raise PluginError(f"{kind[:-1]} name {name!r}: use letters, digits, '_', '-', '.', '+'")
    for attribute in ("target", "params", "reader"):
        target = getattr(spec, attribute, None)
        if target is not None and not _TARGET.fullmatch(target):
            raise PluginError(f"{kind[:-1]} '{name}': {attribute} must read 'package.module:attribute', got {target!r}")
    if getattr(spec, "api_version", API_VERSION) != API_VERSION:
        raise PluginError(
            f"{kind[:-1]} '{name}' is written for api_version {spec.api_version}; this benchhost speaks {API_VERSION}"
        )
    return name


def add_commands(catalogue: Catalogue, group: Any) -> None:
    """Let plugins add commands; a plugin that fails here is logged."""
    catalogue.observe("benchhost_commands", cli=group)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 400 else text[:397] + "..."


def _and(names: Iterator[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


Loader = Callable[[], Catalogue]
