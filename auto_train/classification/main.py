"""This recipe alone: ``python -m auto_train.<recipe>.main train --config=…``; ``router`` for FastAPI apps."""

from pathlib import Path

from auto_train.api.recipe import routers as __getattr__
from auto_train.cli.app import app as cli
from auto_train.cli.app import main

TASK = Path(__file__).parent.name
__all__ = ["TASK", "__getattr__", "cli"]

if __name__ == "__main__":
    main(task=TASK)
