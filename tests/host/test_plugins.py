"""The plugin host: every way a plugin may fail is named, and costs nobody else."""

import sys
import textwrap

import pytest

from benchhost import hookspecs, plugins
from benchhost.errors import PluginError, UsageError
from benchhost.plugins import load

GOOD = """
    from benchhost import Method, hookimpl

    @hookimpl
    def benchhost_methods():
        yield Method(name="{name}", target="{module}:Half", summary="half the pseudo-inverse")

    class Half:
        def __init__(self, params): ...
        def reconstruct(self, problem): return problem.physics.A_dagger(problem.y) / 2
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a loose plugin file; its module is forgotten afterwards."""
    written = []

    def _write(module, text):
        path = tmp_path / f"{module}.py"
        path.write_text(textwrap.dedent(text))
        written.append(module)
        return path

    yield _write
    for module in written:
        sys.modules.pop(module, None)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution with an entry point, as pip would leave it."""

    def _install(distribution, entry, module, text, version="1.0"):
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        (site / f"{module}.py").write_text(textwrap.dedent(text))
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[benchhost]\n{entry} = {module}\n")
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)
        installed.append(module)

    installed = []
    yield _install
    for module in installed:
        sys.modules.pop(module, None)


def test_one_loose_file_is_a_plugin(write):
    path = write("mine_one", GOOD.format(name="half", module="mine_one"))
    catalogue = load([path], installed=False)
    assert catalogue.method("half").target == "mine_one:Half"
    assert plugins.resolve("mine_one:Half").__name__ == "Half"
    assert catalogue.owner("methods", "half").path == str(path)


def test_an_installed_distribution_is_found_by_its_entry_point(install):
    install("benchhost-half", "half", "inst_half", GOOD.format(name="half", module="inst_half"))
    catalogue = load(allow=["half"])
    assert catalogue.owner("methods", "half").distribution == "benchhost-half"
    assert catalogue.owner("methods", "half").version == "1.0"


def test_a_broken_plugin_is_named_and_the_good_ones_load(install):
    install("benchhost-half", "half", "inst_half2", GOOD.format(name="half", module="inst_half2"))
    install("benchhost-broken", "broken", "inst_broken", "import a_module_that_is_not_there\n")
    catalogue = load(allow=["half", "broken"])
    assert "half" in catalogue.methods
    (failure,) = catalogue.failures
    assert failure.distribution == "benchhost-broken"
    assert "No module named 'a_module_that_is_not_there'" in failure.error
    assert "Traceback" in failure.traceback
    with pytest.raises(PluginError, match="plugin 'broken'"):
        load(allow=["half", "broken"], strict=True)


def test_a_misspelt_hook_name_is_refused_with_the_nearest(write):
    text = "from benchhost import hookimpl\n\n@hookimpl\ndef benchhost_method():\n    return []\n"
    with pytest.raises(PluginError, match="No hook 'benchhost_method' .* Did you mean 'benchhost_methods'"):
        load([write("mine_misspelt", text)], installed=False)


def test_a_hook_with_an_unknown_argument_is_refused(write):
    text = "from benchhost import hookimpl\n\n@hookimpl\ndef benchhost_methods(extra):\n    return []\n"
    with pytest.raises(PluginError, match="extra"):
        load([write("mine_argument", text)], installed=False)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("'half'", "must yield Method, got str"),
        ("Method(name='a b', target='m:A', summary='')", "method name 'a b'"),
        ("Method(name='a', target='m.A', summary='')", "target must read 'package.module:attribute'"),
        ("Method(name='a', target='m:A', summary='', api_version=9)", "api_version 9; this benchhost speaks 1"),
    ],
)
def test_what_a_plugin_offers_is_validated(write, spec, words):
    text = f"from benchhost import Method, hookimpl\n\n@hookimpl\ndef benchhost_methods():\n    yield {spec}\n"
    with pytest.raises(PluginError) as caught:
        load([write("mine_invalid", text)], installed=False)
    assert words in str(caught.value)


def test_a_plugin_that_raises_while_listing_leaves_nothing_behind(install):
    text = (
        GOOD.format(name="half", module="inst_raises") + "\n    @hookimpl\n    def benchhost_tasks():\n        1 / 0\n"
    )
    install("benchhost-raises", "raises", "inst_raises", text)
    catalogue = load(allow=["raises"])
    assert "half" not in catalogue.methods
    assert "ZeroDivisionError" in catalogue.failures[0].error


def test_two_plugins_that_claim_one_name_are_both_named_and_reachable(install):
    install("benchhost-one", "one", "inst_one", GOOD.format(name="half", module="inst_one"))
    install("benchhost-two", "two", "inst_two", GOOD.format(name="half", module="inst_two"))
    catalogue = load(allow=["one", "two"])
    with pytest.raises(PluginError) as caught:
        catalogue.method("half")
    assert "'benchhost-one' and 'benchhost-two'" in str(caught.value)
    assert "choose 'benchhost-one/half' or 'benchhost-two/half'" in str(caught.value)
    assert catalogue.method("benchhost-two/half").target == "inst_two:Half"


def test_one_entry_point_name_with_two_owners_stops_the_host(install):
    install("benchhost-one", "same", "inst_same1", GOOD.format(name="half", module="inst_same1"))
    install("benchhost-two", "same", "inst_same2", GOOD.format(name="half", module="inst_same2"))
    with pytest.raises(PluginError, match="plugin 'same' is installed twice.*pip uninstall benchhost-"):
        load()


def test_the_allow_list_and_its_environment_variable(install, monkeypatch):
    install("benchhost-half", "half", "inst_half3", GOOD.format(name="half", module="inst_half3"))
    monkeypatch.setenv("BENCHHOST_PLUGINS", "half")
    assert [p.name for p in load().plugins if p.distribution != "benchhost"] == ["half"]
    monkeypatch.setenv("BENCHHOST_PLUGINS", "haf")
    with pytest.raises(UsageError, match="No plugin 'haf'. Did you mean 'half'"):
        load()
    assert all(p.distribution == "benchhost" for p in load(installed=False).plugins)


def test_a_plugin_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"--plugin .*none.py: no such file"):
        load([tmp_path / "none.py"])


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UsageError, match="No metric 'psnr/255/clp'. Did you mean 'psnr/255/clip"):
        load(installed=False).metric("psnr/255/clp")


# Every hook has a test that a plugin can use it.

HOOK_EXAMPLES = {
    "benchhost_methods": ("methods", "Method(name='x', target='m:X', summary='')"),
    "benchhost_tasks": ("tasks", "Task(name='x', target='m:X', summary='', levels=({},), metrics=(), datasets=())"),
    "benchhost_datasets": (
        "datasets",
        "Dataset(name='x', title='', kind='image', channels=1, items=(), reader='m:r', digest='')",
    ),
    "benchhost_metrics": ("metrics", "Metric(id='x', target='m:x', summary='', higher_is_better=True)"),
    "benchhost_reporters": ("reporters", "Reporter(name='x', target='m:x', summary='')"),
    "benchhost_presets": ("presets", "Preset(name='x', path=Path('x.toml'), summary='')"),
    "benchhost_trainings": ("trainings", "Training(name='x', target='m:X', summary='', dataset='d')"),
}


@pytest.mark.parametrize("hook", HOOK_EXAMPLES)
def test_a_plugin_can_offer_through(hook, write):
    kind, spec = HOOK_EXAMPLES[hook]
    text = f"from pathlib import Path\nfrom benchhost import *\n\n@hookimpl\ndef {hook}():\n    yield {spec}\n"
    catalogue = load([write(f"mine_{kind}", text)], installed=False)
    assert "x" in getattr(catalogue, kind)


OBSERVERS = {
    "benchhost_run_started": {"run": {}},
    "benchhost_cell_finished": {"cell": {}, "record": {}},
    "benchhost_run_finished": {"run": {}},
}


@pytest.mark.parametrize("hook", OBSERVERS)
def test_a_plugin_can_observe_and_its_failure_is_logged_not_fatal(hook, write, caplog):
    arguments = ", ".join(OBSERVERS[hook])
    text = f"""
        from benchhost import hookimpl
        seen = []

        @hookimpl
        def {hook}({arguments}):
            seen.append(1)
            1 / 0
    """
    catalogue = load([write(f"mine_{hook}", text)], installed=False)
    catalogue.observe(hook, **OBSERVERS[hook])
    assert sys.modules[f"mine_{hook}"].seen == [1]
    assert f"failed in {hook}" in caplog.text


def test_a_plugin_can_add_a_command(write):
    import click

    text = """
        import click
        from benchhost import hookimpl

        @hookimpl
        def benchhost_commands(cli):
            @cli.command()
            def hello(): click.echo("hello")
    """
    group = click.Group()
    plugins.add_commands(load([write("mine_command", text)], installed=False), group)
    assert "hello" in group.commands


def test_every_hook_has_an_example_in_its_docstring_and_a_test_here():
    hooks = {name for name in dir(hookspecs) if name.startswith("benchhost_")}
    assert hooks == {*HOOK_EXAMPLES, *OBSERVERS, "benchhost_commands"}
    for name in hooks:
        assert "@hookimpl" in getattr(hookspecs, name).__doc__
        assert f"def {name}(" in getattr(hookspecs, name).__doc__
