"""Choices as the text of an INI: one section after the other, the reason above each line."""

from collections import defaultdict
from collections.abc import Sequence
from textwrap import wrap

from auto_train.config.quoted import quote_value
from auto_train.config.values import dump
from auto_train.proposal.choice import Choice

# In the order of the sections of every INI.
ORDER = ("project", "architecture", "training", "testing", "export", "serve")
WIDTH = 118


def render(title: Sequence[str], choices: Sequence[Choice]) -> str:
    """Return the INI.

    Args:
        title: comment lines at its top.
        choices: equal reasons that follow each other are said once.
    """
    sections: dict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        sections[choice.key.rpartition(".")[0]].append(choice)
    names = sorted(sections, key=lambda name: ORDER.index(name.partition(".")[0]))
    blocks = ["\n".join(_comment(line) for line in title)]
    return "\n\n".join([*blocks, *(_section(name, sections[name]) for name in names)]) + "\n"


def _section(name: str, choices: Sequence[Choice]) -> str:
    lines, before = [f"[{name}]"], ""
    for choice in choices:
        if choice.why != before:
            lines.append(_comment(choice.why))
        lines.append(f"{choice.key.rpartition('.')[2]} = {_value(choice.value)}")
        before = choice.why
    return "\n".join(lines)


def _value(value: object) -> str:
    text = dump(value)
    if not text.isprintable():  # a line break in a folder's name
        text = quote_value(value)
    return text.replace("$", "$$")


def _comment(text: str) -> str:
    """Return text from anywhere, names of folders too, as comment lines that no reader takes for more."""
    text = text.encode("utf-8", "replace").decode()
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return "\n".join(f"# {line}" for line in wrap(plain, WIDTH, break_long_words=False)) or "#"
