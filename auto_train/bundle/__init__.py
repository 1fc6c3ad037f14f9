"""Bundles: a trained model as a folder that needs nothing else (config.json, weights, golden answers)."""

from auto_train.bundle.bundle import Bundle, load_bundle, weights_sha256, write_golden
from auto_train.bundle.config_mixin import ConfigMixin, save_config
from auto_train.bundle.filelist import make_filelist, verify_filelist
from auto_train.bundle.golden import compare_golden

__all__ = [
    "Bundle",
    "ConfigMixin",
    "compare_golden",
    "load_bundle",
    "make_filelist",
    "save_config",
    "verify_filelist",
    "weights_sha256",
    "write_golden",
]
