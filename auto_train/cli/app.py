"""The root command: finds verbs by name without importing them. Errors end in :mod:`auto_train.cli.failure`."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from auto_train.cli.verbs import ASKED_BY_SHELL, OPTIONS, PROGRAM, VERBS
from auto_train.errors import UsageError, did_you_mean

NOBODY_READS = 128 + signal.SIGPIPE  # how a shell counts programs that this ends


class Verbs(TyperGroup):
    """Import a verb's file when the verb is used, so that --help costs little more than typer."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        return typer.main.get_command(import_module(f"auto_train.cli.{cmd_name.replace('-', '_')}").app)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # Not options of typer's: it loads pydantic to check any, and every verb's --help would pay for that.
        if args[:1] in ([], ["--help"]):
            typer.echo(ctx.get_help())
            raise typer.Exit
        if args[0] == "--version":
            from auto_train.version import __version__

            typer.echo(__version__)
            raise typer.Exit
        if args[0].partition("=")[0] in ("--install-completion", "--show-completion"):
            from auto_train.cli.completion import install_or_show

            install_or_show(args)
            raise typer.Exit
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in VERBS and not args[0].startswith("-"):
            raise UsageError(f"there is no verb '{args[0]}'", allowed=did_you_mean(args[0], list(VERBS)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, lines in {"Verbs": VERBS, "Options": OPTIONS}.items():
            with formatter.section(title):
                formatter.write_dl(list(lines.items()))


app = typer.Typer(cls=Verbs, rich_markup_mode=None, add_completion=False, add_help_option=False)


@app.callback(subcommand_metavar="VERB …", options_metavar="[OPTION]")
def root() -> None:
    """Train, check and serve vision models; one INI file is the whole experiment."""


def with_task(words: list[str], task: str) -> list[str]:
    """Return the words with --task right behind the verb, where the verb takes it: one of the user's wins."""
    command: Any = typer.main.get_command(app)
    for at, word in enumerate(words):
        command = command.get_command(None, word)
        if not hasattr(command, "get_command"):  # a verb, or no name at all
            takes_it = command and any("--task" in option.opts for option in command.params)
            return [*words[: at + 1], *(["--task", task] if takes_it else []), *words[at + 1 :]]
    return words


def main(args: Sequence[str] | None = None, *, task: str | None = None) -> NoReturn:
    """Run one verb and exit with the code of its outcome (INTERFACES: 0, 1 … 7, 130).

    Args:
        args: the words after the program's name; default: those of this process.
        task: the recipe, where neither ``--task`` nor the INI names one.
    """
    words = list(sys.argv[1:] if args is None else args)
    if args is None and words[:1] == ["train"] and "--help" not in words:
        from auto_train.cli.huge_pages import restart_with_huge_pages

        restart_with_huge_pages()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a verb as Ctrl-C does
    if ASKED_BY_SHELL in os.environ:
        from auto_train.cli.completion import answer

        answer(typer.main.get_command(app))
    try:
        words = with_task(words, task) if task else words
        if "--json" in words:
            from auto_train.cli.output import keep_stdout_for_lines

            keep_stdout_for_lines()
        code = app(args=words, standalone_mode=False, prog_name=PROGRAM) or 0
    except SystemExit:  # typer's own end when what it writes to is closed, as by `| head`
        from auto_train.cli.output import nobody_reads

        if not nobody_reads():
            raise
        code = NOBODY_READS
    except (Exception, KeyboardInterrupt) as error:  # the outermost handler
        from auto_train.cli.failure import report

        code = report(error, words)
    sys.exit(code)
