"""This recipe alone: ``python -m auto_train.<recipe>.main train --config=…``; ``router`` for FastAPI apps."""

from pathlib import Path

from auto_train.cli.app import app as cli
from auto_train.cli.app import main

TASK = Path(__file__).parent.name
__all__ = ["TASK", "cli", "router"]  # noqa: F822 - __getattr__ gives router


def __getattr__(name: str) -> object:
    if name == "router":
        from auto_train.api.validate import router

        return router
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    main(task=TASK)
