"""``benchhost``: the command group.  Commands are imported when called, so that ``--help`` answers at once."""

import importlib
import sys
from typing import Any

import click

from benchhost.errors import BenchhostError

# name -> (module:attribute, help line); the module is imported only when the command runs.
COMMANDS = {
    "list": ("benchhost.cli.list:list_", "List tasks, methods, datasets, metrics, reporters, presets, trainings."),
    "info": ("benchhost.cli.info:info", "Show one task, method, dataset or metric in full."),
    "plan": ("benchhost.cli.plan:plan", "Show the cells a run would compute, without computing."),
    "run": ("benchhost.cli.run:run", "Run methods on tasks and print the table."),
    "status": ("benchhost.cli.status:status", "Show past runs and what is missing."),
    "train": ("benchhost.cli.train:train", "Train a prior or a method's network."),
    "score": ("benchhost.cli.score:score", "Score stored reconstructions with further metrics."),
    "report": ("benchhost.cli.report:report", "Write tables and figures of a run."),
    "compare": ("benchhost.cli.compare:compare", "Compare two runs, commits or methods, with a verdict per cell."),
    "export": ("benchhost.cli.export:export", "Write a run's rows as Parquet, CSV or JSON."),
    "data": ("benchhost.cli.data:data", "List, fetch, verify and locate datasets."),
    "leaks": ("benchhost.cli.leaks:leaks", "Show which methods may have trained on which test sets."),
    "check": ("benchhost.cli.check:check", "Check a plugin against the contracts."),
    "new": ("benchhost.cli.new:new", "Write a template for a method or task plugin."),
    "plugins": ("benchhost.cli.plugins:plugins", "Show installed plugins and what is wrong with broken ones."),
    "doctor": ("benchhost.cli.doctor:doctor", "Check this machine, the store, data and plugins."),
}


class LazyGroup(click.Group):
    """A group whose own commands are imported on use and whose plugins may add more."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Own commands in their order, then those of plugins."""
        return [*COMMANDS, *sorted(set(super().list_commands(ctx)) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command when it is called; ask the plugins for a name that is not ours."""
        if name in COMMANDS:
            module, _, attribute = COMMANDS[name][0].partition(":")
            return getattr(importlib.import_module(module), attribute)
        self._ask_plugins()
        return super().get_command(ctx, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list under ``--help``, without importing a single command of ours."""
        self._ask_plugins()
        extra = {name: super(LazyGroup, self).get_command(ctx, name) for name in super().list_commands(ctx)}
        rows = [(name, text) for name, (_, text) in COMMANDS.items()]
        rows += [(name, command.get_short_help_str(80)) for name, command in sorted(extra.items()) if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of that name."""
        from benchhost.errors import unknown

        name = args[0]
        if self.get_command(ctx, name) is None:
            raise unknown("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def _ask_plugins(self) -> None:
        if getattr(self, "_asked", False):
            return
        self._asked = True
        from benchhost.plugins import add_commands, load

        try:
            add_commands(load(), self)
        except BenchhostError as error:  # --help must answer even when two plugins clash
            click.echo(f"warning: {error}", err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="benchhost")
def cli() -> None:
    """Benchmark reconstruction methods on imaging inverse problems: pytest for reconstruction methods."""


def main(args: list[str] | None = None) -> Any:
    """Entry point.  Exit codes: 0 ok, 1 failures, 2 usage, 3 plugin or contract, 130 interrupted."""
    try:
        code = cli.main(args=args, prog_name="benchhost", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except BenchhostError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:  # `benchhost list | head`: the reader has gone, there is nobody to tell
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
