"""What the main.py of every recipe has: its names that need FastAPI, imported on first use."""


def routers(name: str) -> object:
    """Return the router of ``/validate/`` for the name ``router``: the ``__getattr__`` of a recipe's main.py."""
    if name == "router":
        from auto_train.api.validate import router

        return router
    raise AttributeError(f"a recipe's main.py has no attribute '{name}'")
