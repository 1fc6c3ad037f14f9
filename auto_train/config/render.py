"""A config back into INI text, with the comments that say what each key means."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

from auto_train.config.declare import Declarations
from auto_train.config.values import cast, dump
from auto_train.config.variables import Address, Cell

WIDTH = 118


def render_ini(
    cells: Mapping[Address, Cell], declared: Declarations, sections: Sequence[str], *, resolved: bool
) -> str:
    """Return INI text that loads as the same config.

    Args:
        cells: all keys.
        declared: whose comments are written.
        sections: in the order to write them.
        resolved: final values; else the texts as written.
    """
    blocks = []
    for section in sections:
        keys = [(at[1], cell) for at, cell in cells.items() if at[0] == section]
        about = declared.comments.get(section, "")
        lines = [f"[{section}]", *_comment(about)]
        for key, cell in keys:
            own = cell.entry.comment if cell.entry.comment.split() != about.split() else ""  # written here before
            lines += _comment(declared.comments.get(f"{section}.{key}", own))
            lines.append(f"{key} = {_render_value(cell) if resolved else _render_text(cell)}".rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _render_value(cell: Cell) -> str:
    """Return the plainest text that reads as the value; a list always has its brackets."""
    text = dump(cell.value)
    if isinstance(cell.value, str) and text != cell.value and cast(text, cell.spec) != cell.value:
        text = cell.value
    return text.replace("$", "$$")


def _render_text(cell: Cell) -> str:
    return cell.entry.text.replace("\n", "\n    ")


def _comment(text: str) -> list[str]:
    return [f"# {line}" for part in text.splitlines() for line in wrap(part, WIDTH, break_long_words=False)]
