"""ConfigMixin: the arguments of __init__ are the config.json, so that a folder can bring an object back (F0.3–F0.6)."""

import functools
import importlib
import inspect
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from auto_train import registry
from auto_train.bundle.filelist import make_filelist, verify_filelist
from auto_train.errors import BundleError, UsageError
from auto_train.version import __version__

Json = dict[str, Any]


def save_config(init: Callable[..., None]) -> Callable[..., None]:
    """Record every named argument of ``__init__`` before its body runs; the outermost class wins."""
    signature = inspect.signature(init)
    rest = next((p.name for p in signature.parameters.values() if p.kind == inspect.Parameter.VAR_KEYWORD), None)

    @functools.wraps(init)
    def recording(self: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(self, ConfigMixin):
            raise UsageError(f"@save_config needs a ConfigMixin, got {type(self).__name__}")
        if "_config" not in self.__dict__:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            arguments = dict(list(bound.arguments.items())[1:])
            if rest:  # what a class hands on to the one it derives from
                arguments |= arguments.pop(rest)
            # Not setattr: nn.Module forbids it before its own __init__ has run.
            self.__dict__["_config"] = {name: to_plain_value(name, value) for name, value in arguments.items()}
        init(self, *args, **kwargs)

    return recording


def to_plain_value(name: str, value: Any) -> Any:
    """Return the value as JSON knows it.

    Raises:
        TypeError: for anything but str, int, float, bool, None and lists, tuples and dicts of them.
    """
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return [to_plain_value(name, item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain_value(name, item) for key, item in value.items()}
    raise TypeError(f"The value of {name}={value!r} is not valid type")


class ConfigMixin:
    """Save an object as its arguments and weights, and load it back.

    Class attributes: ``__prefix__`` is the folder in the bundle, ``__weight__`` the weights file beside config.json.
    """

    __prefix__ = "model"
    __weight__ = "weight.ckpt"

    @property
    def config(self) -> Json:
        """The recorded arguments and ``__module__``, the dotted name of the class."""
        if "_config" not in self.__dict__:
            raise AttributeError(f"decorate {type(self).__name__}.__init__ with @save_config")
        return {"__module__": f"{type(self).__module__}.{type(self).__qualname__}", **self.__dict__["_config"]}

    def set_config(self, **values: Any) -> None:
        """Change recorded arguments, for what is learnt after construction (a temperature, thresholds)."""
        self.__dict__["_config"] |= {name: to_plain_value(name, value) for name, value in values.items()}

    def save_pretrained(self, root: Path | str, *, code: Sequence[Path] = (), overwrite: bool = False) -> Path:
        """Write config.json, weights and filelist to ``<root>/<prefix>``, and code to ``<root>/model_code``.

        Raises:
            FileExistsError: a config is there and overwrite is off; nothing was changed.
        """
        folder = Path(root) / self.__prefix__
        if (folder / "config.json").exists() and not overwrite:
            raise FileExistsError(f"{folder / 'config.json'} exists; pass overwrite=True to replace it")
        folder.mkdir(parents=True, exist_ok=True)
        config = {**self.config, "__version__": __version__}
        text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / "config.json").write_text(text + "\n", encoding="utf-8")
        self.save_weights(folder / self.__weight__)
        make_filelist(folder)
        if code:
            _copy_code(code, Path(root) / "model_code")
        return folder

    def save_weights(self, path: Path) -> None:
        """Write the weights; objects without a ``state_dict`` have none."""

    def load_weights(self, path: Path) -> None:
        """Read the weights back; objects without a ``state_dict`` have none."""

    @classmethod
    def load_config(cls, root: Path | str) -> Json:
        """Return the content of ``<root>/<prefix>/config.json``."""
        path = Path(root) / cls.__prefix__ / "config.json"
        if not path.is_file():
            raise BundleError(f"{path} does not exist", hint="name a bundle folder: <run>/bundle")
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            config["__module__"].rpartition(".")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{path} is no bundle config ({type(error).__name__}: {error})") from error
        return config

    @classmethod
    def from_pretrained(cls, root: Path | str, *, trust_code: bool = False, checkfiles: bool = True) -> Self:
        """Bring an object back from a bundle.

        Args:
            root: the bundle folder.
            trust_code: run the Python files in ``model_code``.
            checkfiles: verify every file against filelist.txt first.

        Raises:
            BundleError: incomplete, altered, or with code that is not trusted.
            TypeError: the bundle holds another class.
        """
        folder = Path(root) / cls.__prefix__
        config = cls.load_config(root)
        if checkfiles:
            verify_filelist(folder)
        if (Path(root) / "model_code").is_dir():
            _import_code(Path(root) / "model_code", trust_code=trust_code)
        recorded = _find_class(config.pop("__module__"), is_trusted=trust_code)
        config.pop("__version__", None)
        if not issubclass(recorded, cls):
            raise TypeError(f"{folder} holds a {recorded.__name__}, not a {cls.__name__}")
        loaded = recorded(**config)
        if (folder / loaded.__weight__).exists():
            loaded.load_weights(folder / loaded.__weight__)
        return loaded


def _find_class(dotted: str, *, is_trusted: bool = False) -> type:
    """Return the class, from our package or modules already imported: only a trusted config chooses what to import."""
    module, _, name = dotted.rpartition(".")
    if not (module.partition(".")[0] == "auto_train" or module in sys.modules or is_trusted):
        raise BundleError(
            f"the bundle's class '{dotted}' is foreign code", hint="import its module first if you trust it"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BundleError(f"this version has no class '{dotted}': {error}") from error
    if not isinstance(found, type):
        raise TypeError(f"'{dotted}' is a {type(found).__name__}, not a class")
    return found


def _copy_code(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)
    make_filelist(folder)


def _import_code(folder: Path, *, trust_code: bool) -> None:
    """Run the user's registered functions that travel with a bundle."""
    if not trust_code:
        raise BundleError(
            f"{folder} holds Python code that this bundle needs",
            hint="read it, then load with trust_code=True",
        )
    verify_filelist(folder)
    for path in sorted(folder.glob("*.py")):
        registry.load_functions(None, path)  # anew each time: another bundle may have registered the same names since
