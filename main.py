"""`python main.py VERB …` is the command line; `uvicorn main:app` is the REST service of the INI that CONFIG names."""


def __getattr__(name: str) -> object:
    if name == "app":
        from auto_train.api import create_app

        return create_app()
    raise AttributeError(f"module 'main' has no attribute {name!r}")


if __name__ == "__main__":
    from auto_train.cli import main

    main()
