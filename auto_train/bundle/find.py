"""Where the trained model of an INI, a run or a bundle lies, and in which forms. Reads files, loads no model."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.errors import BundleError, MissingError
from auto_train.types import to_absolute

if TYPE_CHECKING:
    from auto_train.config import Config


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """The forms of one trained model.

    Args:
        bundle: its bundle folder; none: only an exported file was named.
        exports: its exported files by format, e.g. ``onnx``.
        weights: a state_dict to load instead of the bundle's own weights.
        warnings: what the user should know.
    """

    bundle: Path | None
    exports: Mapping[str, Path] = field(default_factory=dict)
    weights: Path | None = None
    warnings: tuple[str, ...] = ()


def find_for_config(config: "Config") -> FoundModel:
    """Find what was last trained with an INI: the bundle that the record beside ``output_path`` names.

    Weights that were put at ``output_path`` by hand win over the bundle's.

    Raises:
        MissingError: nothing was trained yet.
        BundleError: the record or the bundle it names is not there.
    """
    weights = to_absolute(config.training.scheme.output_path)
    hint = f"train first: python main.py train --config={config.path}"
    if not weights.is_file():
        raise MissingError("there is no trained model", where=str(weights), hint=hint)
    record = _read_record(weights, hint)
    found = find_at(_bundle_of(record, weights, to_absolute(config.project.location), hint))
    if record["sha256"] == _sha256(weights):
        return found
    warning = f"{weights} is not what the last training wrote; these weights are used with the bundle {found.bundle}"
    return FoundModel(bundle=found.bundle, weights=weights, warnings=(warning,))


def resolve_link(path: Path | str) -> Path:
    """Return the folder behind a link such as ``runs/latest``, which may lead elsewhere a moment later.

    A file keeps its own name: that of a link says what the file is.
    """
    path = to_absolute(path)
    if os.path.isfile(path):  # noqa: PTH113 - Path's own raises for a name the system refuses
        return Path(os.path.realpath(path.parent)) / path.name
    return Path(os.path.realpath(path)) if os.path.isdir(path) else path  # noqa: PTH112


def find_at(path: Path | str) -> FoundModel:
    """Find the model in a run folder, a bundle folder or an ONNX file. A link is resolved once, here.

    Raises:
        MissingError: there is nothing at the path.
        BundleError: it is none of the three.
    """
    path = resolve_link(path)
    # os.path answers False for a name too long to be a file's, where Path raises.
    if not os.path.exists(path):  # noqa: PTH110
        raise MissingError("there is no such folder", where=str(path), hint="name a run folder or a bundle folder")
    if path.is_file() and path.suffix[1:]:
        return FoundModel(bundle=None, exports={path.suffix[1:]: path})
    for bundle in (path, resolve_link(path / "bundle")):
        if (bundle / "model" / "config.json").is_file():
            exports = {file.parent.name: file for file in sorted(bundle.parent.glob("exports/*/model.*"))}
            return FoundModel(bundle=bundle, exports=exports)
    raise BundleError(
        "no trained model here", where=str(path), allowed="a run folder, a bundle folder or an .onnx file"
    )


def _read_record(weights: Path, hint: str) -> dict[str, str]:
    path = Path(f"{weights}.json")
    if not path.is_file():
        raise BundleError("the record that names the bundle of these weights is missing", where=str(path), hint=hint)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(record[key]) for key in ("sha256", "run", "bundle")}
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"the record of these weights is damaged: {error!r}", where=str(path), hint=hint) from error


def _bundle_of(record: dict[str, str], weights: Path, location: Path, hint: str) -> Path:
    """Return the bundle, also after the whole project was moved to another place."""
    moved = location / "runs" / Path(record["run"]).name / "bundle"
    for bundle in (to_absolute(record["bundle"]), moved):
        if bundle.is_dir():
            return bundle
    raise BundleError(
        f"the bundle '{record['bundle']}' of these weights is gone", where=str(weights), allowed=str(moved), hint=hint
    )


def _sha256(path: Path) -> str:
    from auto_train.bundle.filelist import sha256_of

    return sha256_of(path)
