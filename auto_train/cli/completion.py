"""Shell completion of verbs, options, their values and the keys of the INI that --config names.

typer talks with the shells; what may stand where is found here, from the commands and the recipe's declarations alone:
nothing that an INI names is run because somebody pressed Tab.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer import completion
from typer.completion import shell_completion

from auto_train.cli.overrides import OverridesCommand
from auto_train.cli.verbs import ASKED_BY_SHELL, OPTIONS, PROGRAM, VERBS
from auto_train.errors import AutoTrainError, UsageError

SHELLS = ("bash", "zsh", "fish")
# bash puts a blank behind what it completes, also behind `section.key=`.
NO_BLANK = "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"

Words = Iterator[tuple[str, str]]
"""Words that may stand there, each with its help."""


def install_or_show(args: list[str]) -> None:
    """Write the script for a shell where that shell reads it, or show it.

    Args:
        args: ``--install-completion`` or ``--show-completion``, and the shell as ``=bash`` or the next word.

    Raises:
        UsageError: a shell that is not known.
    """
    option, _, shell = args[0].partition("=")
    shell = shell or next(iter(args[1:]), "") or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        hint = f"name the shell: {PROGRAM} {option} bash"
        raise UsageError(f"there is no completion for the shell '{shell}'", allowed=", ".join(SHELLS), hint=hint)
    if option == "--show-completion":
        typer.echo(script(shell))
        return
    _, path = completion.install(shell=shell, prog_name=PROGRAM)
    path.write_text(script(shell) + "\n", encoding="utf-8")
    typer.echo(f"written: {path}\nopen a new {shell} to use it")


def script(shell: str) -> str:
    """Return the lines that tell a shell to ask this program."""
    text: str = completion.get_completion_script(prog_name=PROGRAM, complete_var=ASKED_BY_SHELL, shell=shell)
    return text.replace("    return 0\n", f"{NO_BLANK}    return 0\n") if shell == "bash" else text


def answer(command: Any) -> NoReturn:
    """Answer the shell that asks in the environment, and end.

    Args:
        command: the program as typer made it.
    """
    completion.completion_init()
    for shell in SHELLS:
        shell_completion.add_completion_class(_make_completion_class(shell), shell)
    instruction = os.environ[ASKED_BY_SHELL]
    sys.exit(completion.shell_complete(command, {}, PROGRAM, ASKED_BY_SHELL, instruction))


def _make_completion_class(shell: str) -> Any:
    """Return typer's class for a shell with our words. bash cuts words at ``=`` and completes the part behind it."""
    base: Any = shell_completion.get_completion_class(shell)

    class Ours(base):
        def get_completion_args(self) -> tuple[list[str], str]:
            args, incomplete = super().get_completion_args()
            *args, incomplete = join_words([*args, incomplete]) if shell == "bash" else [*args, incomplete]
            return args, incomplete

        def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
            behind = len(incomplete[: incomplete.rfind("=") + 1]) if shell == "bash" else 0
            found = dict(words_for(self.cli, args, incomplete))
            return [
                shell_completion.CompletionItem(word[behind:], help=help or None)
                for word, help in sorted(found.items())
                if word.startswith(incomplete)
            ]

    return Ours


def join_words(words: Iterable[str]) -> list[str]:
    """Put together what bash takes apart: ``--config``, ``=``, ``my.ini``."""
    found: list[str] = []
    for word in words:
        if found and (word == "=" or found[-1].endswith("=")):
            found[-1] += word
        else:
            found.append(word)
    return found


def words_for(command: Any, args: list[str], incomplete: str) -> Words:
    """Yield words that may stand at the cursor, whatever they begin with; none: the name of a file.

    Args:
        command: the root command.
        args: the complete words before.
        incomplete: the word at the cursor so far.
    """
    rest = list(args)
    while rest and hasattr(command, "list_commands") and (below := command.get_command(None, rest[0])):
        command, rest = below, rest[1:]
    if hasattr(command, "list_commands"):
        if not rest:
            yield from _subcommands(command) if args else _verbs()
        return
    options = {name: option for option in command.params for name in option.opts if name.startswith("-")}
    before = options.get(rest[-1]) if rest else None
    name, is_joined, _ = incomplete.partition("=")
    if before is not None and not before.is_flag:
        yield from _values(before)
    elif is_joined and name in options:
        yield from ((f"{name}={word}", help) for word, help in _values(options[name]))
    else:
        # An empty word may become the name of a file, and 150 keys are no help before a letter of one is typed.
        yield from ((name, option.help or "") for name, option in options.items() if incomplete.startswith("-"))
        yield from _keys(args, incomplete) if isinstance(command, OverridesCommand) and incomplete.strip("-") else ()


def _verbs() -> Words:
    yield from VERBS.items()
    yield from ((name.partition(" ")[0], text) for name, text in OPTIONS.items())


def _subcommands(group: Any) -> Words:
    return ((name, group.get_command(None, name).get_short_help_str()) for name in group.list_commands(None))


def _values(option: Any) -> Words:
    """Yield what an option may be set to, where that is known."""
    if "--task" not in option.opts:
        return ((item.value, "") for item in option.shell_complete(None, ""))
    from auto_train.registry import recipes

    return ((name, "") for name in recipes())


def _keys(args: list[str], incomplete: str) -> Words:
    """Yield overrides ``section.key=``, or with the values of the one begun."""
    dashes = "--" if incomplete.startswith("--") else ""
    key, is_joined, _ = incomplete.removeprefix(dashes).partition("=")
    for name, spec in _specs(args).items():
        if not is_joined:
            yield f"{dashes}{name}=", spec.meaning
        elif name == key:
            choices = ["true", "false"] if spec.type == "bool" else [str(choice) for choice in spec.choices]
            yield from ((f"{dashes}{name}={choice}", "") for choice in [*choices, *["none"] * spec.optional])


def _specs(args: list[str]) -> dict[str, Any]:
    """Return the keys of the recipe and of the INI named so far, else of the one CONFIG names."""
    from auto_train.config.keys import list_known_keys

    options = dict(pairwise(args)) | dict(word.split("=", 1) for word in args if "=" in word)
    plain = [word for word in args if word.endswith(".ini") and not word.startswith("-")]
    named = options.get("--config") or next(iter(plain), None) or os.environ.get("CONFIG")
    try:
        return dict(list_known_keys(named, options.get("--task") or "classification"))
    except AutoTrainError:
        return dict(list_known_keys(named))
