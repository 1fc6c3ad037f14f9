"""The REST service: ``create_app()``, one route file per resource. FastAPI is imported on first use."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.api.app import create_app as create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    if name == "create_app":
        from auto_train.api.app import create_app

        return create_app
    raise AttributeError(f"module 'auto_train.api' has no attribute {name!r}")
