"""The REST service: ``create_app()``, one route file per resource."""

from auto_train.api.app import create_app

__all__ = ["create_app"]
