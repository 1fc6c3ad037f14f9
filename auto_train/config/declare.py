"""What a recipe declares: the keys of its config.ini and of common/config.ini, with their specs."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from auto_train.config.problem import Problem
from auto_train.config.read import Layer, read_layers
from auto_train.config.scan import Section
from auto_train.config.spec import Spec, parse_resume, parse_spec
from auto_train.config.variables import Address
from auto_train.registry import Recipe


@dataclass(kw_only=True)
class Declarations:
    """The keys and sections a recipe knows.

    Args:
        recipe: whose they are.
        layers: common/config.ini and the recipe's, what wins last.
        specs: by section and key, in the order of the files.
        comments: the comment block of each key and of each free section.
        free: sections whose keys are not declared: they hold a function and its arguments.
        resume: what a changed key of a section does to a run that goes on, where the key itself does not say.
        problems: mistakes in the recipe itself.
    """

    recipe: Recipe
    layers: list[Layer] = field(default_factory=list)
    specs: dict[Address, Spec] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    free: dict[str, Spec] = field(default_factory=dict)
    resume: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def sections(self) -> list[str]:
        """Every section in order, parents included."""
        names = [name for layer in self.layers for name in layer.scan.sections if name != "META"]
        return list(dict.fromkeys(part for name in names for part in [*parents(name), name]))

    def is_free(self, section: str) -> bool:
        """Tell whether a section, or one around it, takes any key."""
        return any(name in self.free for name in [*parents(section), section])

    def on_resume(self, section: str, key: str) -> str:
        """Return what a changed key does to a run that goes on (see spec.py); "" where nothing says so.

        A key that does not say goes by its section, and that by the one around it.
        """
        own = self.specs[section, key].resume if (section, key) in self.specs else ""
        around = [self.resume.get(name, "") for name in reversed([*parents(section), section])]
        return next((text for text in [own, *around] if text), "")

    def kinds(self, section: str) -> list[str]:
        """Return the kinds of function that a section is for, as its comment names them; none: any kind."""
        return re.findall(r"@(\w+) = NAME", self.comments.get(section, "")) if section in self.free else []

    def may_hold_function(self, section: str) -> bool:
        """Tell whether a section may name a function: a free one, or one of the user's own."""
        return self.is_free(section) or section not in self.sections


def declare(recipe: Recipe) -> Declarations:
    """Read a recipe's declarations."""
    layers, problems = read_layers(recipe.folder / "config.ini", "default")
    found = Declarations(recipe=recipe, layers=layers, problems=problems)
    for layer in layers:
        for entry in layer.entries:
            if entry.comment or (entry.section, entry.key) not in found.specs:
                _declare_key(found, layer, entry.section, entry.key, entry.comment, entry.origin.line)
        for section in layer.scan.sections.values():
            _declare_resume(found, layer, section)
            if section.comment and section.name != "META":
                spec = _parse_spec(found, layer, section.name, "", section.comment, section.origin.line)
                found.free[section.name] = spec
                found.comments[section.name] = section.comment
    found.problems += find_missing_files(recipe)
    return found


def _declare_key(found: Declarations, layer: Layer, section: str, key: str, comment: str, line: int | None) -> None:
    found.specs[section, key] = _parse_spec(found, layer, section, key, comment, line)
    found.comments[f"{section}.{key}"] = comment


def _declare_resume(found: Declarations, layer: Layer, section: Section) -> None:
    if section.note.startswith("resume:"):
        try:
            found.resume[section.name] = parse_resume(section.note.removeprefix("resume:"))
        except ValueError as error:
            at = section.origin
            found.problems.append(Problem(message=str(error), file=at.file, line=at.line, section=section.name))


def _parse_spec(found: Declarations, layer: Layer, section: str, key: str, comment: str, line: int | None) -> Spec:
    try:
        return parse_spec(comment)
    except ValueError as error:
        message = str(error) if comment else "no comment above it says what it is: write '# int >= 1 · meaning'"
        found.problems.append(Problem(message=message, file=layer.scan.file, line=line, section=section, key=key))
        return Spec(type="any", text="any")


def find_missing_files(recipe: Recipe) -> list[Problem]:
    """Return a problem for each of the six files that a recipe's folder lacks."""
    fix = "copy it from auto_train/classification; docs/recipes.md says what it defines"
    return [
        Problem(message=f"the recipe '{recipe.name}' lacks this file: {fix}", file=recipe.folder / name)
        for name in recipe.missing
    ]


def parents(section: str) -> list[str]:
    """Return the sections around one, outermost first."""
    parts = section.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def find_near_name(found: str, known: Iterable[str]) -> tuple[str, bool]:
    """Return the nearest known name, or nothing, and whether it is one typo away.

    A typo is one letter added, lost, changed or swapped with its neighbour, or another case. Names of one or two
    letters are too short to tell a typo from another name.
    """
    names: Sequence[str] = list(known)
    for name in names:
        if found != name and (
            found.lower() == name.lower() or (min(len(found), len(name)) > 2 and _is_one_edit(found, name))
        ):
            return name, True
    near = get_close_matches(found, names, n=1, cutoff=0.75)
    return (near[0] if near else ""), False


def _is_one_edit(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    rests = {(a[at + 1 :], b[at + 1 :]), (a[at + 1 :], b[at:]), (a[at:], b[at + 1 :])}
    swapped = a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
    return swapped or any(x == y for x, y in rests)
