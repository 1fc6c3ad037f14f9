"""Whether timm has a model of a name, and weights for it, without torch: from a list of its names."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from auto_train.config.problem import Problem
from auto_train.config.values import quote
from auto_train.config.variables import Cell, Variables
from auto_train.errors import did_you_mean

LIST = Path(__file__).with_name("timm_models.txt")
BACKBONE = "architecture.backbone"


@cache
def load_known_models() -> Mapping[str, bool]:
    """Return whether there are weights for each model, by its name and by its name with a tag."""
    found = {}
    for line in LIST.read_text(encoding="ascii").splitlines()[1:]:
        name, *tags = line.split()
        found[name] = "+" in tags
        found |= {f"{name}.{tag.removeprefix('-')}": tag[0] != "-" for tag in tags if tag != "+"}
    return found


def find_near_models(arch: str, known: Sequence[str]) -> str:
    """Return the names of models that are probably meant, for a message.

    Args:
        arch: the name that is not known.
        known: those that are.
    """
    arch, _, tag = arch.partition(".")
    if tag and arch in load_known_models():
        tagged = [name for name in load_known_models() if name.startswith(f"{arch}.")]
        return did_you_mean(f"{arch}.{tag}", tagged or [arch])
    letters = re.sub(r"\W|_", "", arch.lower())
    # other libraries write mobilenet_v2 or ResNet-18, and leave out which of its widths is meant
    same = [name for name in known if letters and name.replace("_", "").startswith(letters)]
    return did_you_mean(arch, same or known)


def check_backbone(variables: Variables) -> Iterator[Problem]:
    """Yield a problem for a backbone that timm does not have, or has no pretrained weights of; values must be final."""
    cell = variables.cells.get((BACKBONE, "model"))
    if cell is None or cell.spec.type != "timm" or not isinstance(cell.value, str) or _is_registered_here(cell.value):
        return
    known = load_known_models()
    at = cell.entry
    if cell.value not in known:
        bare = [name for name in known if "." not in name]
        message = f"timm has no model {quote(cell.value)}: {find_near_models(cell.value, bare)}"
    elif not known[cell.value] and _is_pretrained(variables):
        pretrained = variables.cells[BACKBONE, "pretrained"].entry
        at = at if pretrained.origin.kind == "default" else pretrained
        message = (
            f"timm has no pretrained weights of '{cell.value}'; set [{BACKBONE}] pretrained = false, or name a file in "
            "weights"
        )
    else:
        return
    yield replace(at.problem(message), level="error" if _is_of_installed_timm() else "warning")


def _is_pretrained(variables: Variables) -> bool:
    def value(key: str) -> object:
        found: Cell | None = variables.cells.get((BACKBONE, key))
        return found.value if found else None

    return value("pretrained") is True and value("weights") is None


def _is_registered_here(name: str) -> bool:
    """Tell whether a project's own file has registered the model with timm, which is loaded then."""
    bare = name.partition(".")[0]
    is_model = getattr(sys.modules.get("timm"), "is_model", None)
    return bare not in load_known_models() and is_model is not None and bool(is_model(bare))


def _is_of_installed_timm() -> bool:
    """Tell whether the list is that of the timm which would build the model; of another one it may lack names."""
    try:
        installed = version("timm")
    except PackageNotFoundError:
        return True
    with LIST.open(encoding="ascii") as file:
        return file.readline().split()[1] == installed
