"""Converters from a trained model to the files that engines run. One file each, named like its format.

The formats of this program are those that the line of ``[export] formats`` in ``common/config.ini`` names.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import cast

from auto_train.errors import MissingError
from auto_train.exports.base import Converter


def converter(format: str) -> Converter:
    """Return the converter of a format.

    Raises:
        MissingError: a library that it needs is not installed; the message names the extra.
    """
    module = cast(Converter, import_module(f"auto_train.exports.{format}"))
    for library, extra in module.LIBRARIES.items():
        if find_spec(library) is None:
            raise MissingError(
                f"exports to {format} need the library '{library}'",
                where="[export] formats",
                hint=f"pip install 'auto-train[{extra}]'",
            )
    return module
