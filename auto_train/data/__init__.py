"""Data of any origin and format as one :class:`Samples` table; knows no task and no config.

Names are imported on first use, so that importing the package loads neither pandas nor Pillow.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.data.cache import cache_folder as cache_folder
    from auto_train.data.fetch.pretrained import find_weights as find_weights
    from auto_train.data.fetch.source import Source as Source
    from auto_train.data.fetch.source import acquire as acquire
    from auto_train.data.image import decode_image as decode_image
    from auto_train.data.images import Images as Images
    from auto_train.data.manifest import evaluation_hash as evaluation_hash
    from auto_train.data.manifest import write_manifest as write_manifest
    from auto_train.data.read import read_samples as read_samples
    from auto_train.data.samples import Samples as Samples
    from auto_train.data.split import assign_splits as assign_splits

_HOMES = {
    "cache_folder": "cache",
    "decode_image": "image",
    "Images": "images",
    "evaluation_hash": "manifest",
    "write_manifest": "manifest",
    "Samples": "samples",
    "read_samples": "read",
    "Source": "fetch.source",
    "acquire": "fetch.source",
    "assign_splits": "split",
    "find_weights": "fetch.pretrained",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"auto_train.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'auto_train.data' has no attribute {name!r}")
