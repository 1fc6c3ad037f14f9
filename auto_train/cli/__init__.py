"""The command line. One file per verb: parse, call one action, print."""

from auto_train.cli.app import main

__all__ = ["main"]
