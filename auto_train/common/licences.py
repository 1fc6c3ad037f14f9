"""Licences of a model: of its code and of the weights its training started from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.bundle.find import find_at
from auto_train.errors import BundleError
from auto_train.machine.licences import Licence, kind_of, package_licences
from auto_train.machine.packages import OURS
from auto_train.types import to_absolute
from auto_train.version import __version__

if TYPE_CHECKING:
    from auto_train.config import Config

OWN = "Apache-2.0"  # of this program


def all_licences(config: "Config | None" = None, model: Path | str | None = None) -> list[Licence]:
    """Return the licence of this program, of every package it uses here, and of the weights that are named.

    Args:
        config: its starting weights are meant.
        model: a run folder or bundle whose starting weights are meant.

    Raises:
        MissingError: this program is not installed as a package; nothing is at the path. BundleError: no bundle.
    """
    found = [Licence(what="code", name=OURS, version=__version__, licence=OWN, kind=kind_of(OWN)), *package_licences()]
    weights = {}
    if config is not None:
        backbone = config.architecture.backbone
        weights[backbone.weights or backbone.model] = model_licences(backbone)["weights"]
    if model is not None:
        weights[str(model)] = bundle_licences(model)["weights"]
    of_weights = [
        Licence(what="weights", name=name, licence=text, kind=kind_of(text)) for name, text in weights.items()
    ]
    return [*found, *of_weights]


def model_licences(backbone: Any) -> dict[str, str]:
    """Return the licences of code and starting weights, as far as timm records them.

    Args:
        backbone: ``[architecture.backbone]``.
    """
    return {"code": OWN, "weights": _weights(backbone)}


def _weights(backbone: Any) -> str:
    if backbone.weights:
        return f"that of {backbone.weights}"
    if not backbone.pretrained:
        return "none: training started from random weights"
    import timm

    known = timm.get_pretrained_cfg(backbone.model)
    return (known and known.license) or f"not recorded by timm for {backbone.model}"


def bundle_licences(path: Path | str) -> dict[str, str]:
    """Return the licences recorded in a trained model.

    Args:
        path: a run folder or bundle folder.

    Raises:
        MissingError: there is nothing at the path. BundleError: no bundle, or one without this record.
    """
    bundle = find_at(path).bundle
    facts = bundle / "facts.json" if bundle else to_absolute(path)
    try:
        return {"code": "", "weights": "", **json.loads(facts.read_text(encoding="utf-8"))["licences"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"no licences are recorded here: {error!r}", where=str(facts), allowed="a run folder or a bundle folder"
        ) from error
