"""Predictor: image → uint8 array → engine → answer. The CLI, the REST service and Python all predict through it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.answers import answer_form
from auto_train.bundle import compare_golden, verify_filelist, weights_sha256
from auto_train.bundle.find import FoundModel, find_at, find_for_config
from auto_train.errors import BundleError, DataError, MissingError, TaskContractError
from auto_train.runs.read import read_json
from auto_train.serving.engines import engines_for
from auto_train.serving.engines.base import Engine, Metadata
from auto_train.types import to_absolute

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from auto_train.answers.draw import Picture
    from auto_train.config import Config


class Predictor:
    """A trained model as a function: ``predictor("photo.jpg")`` → answer. May be called from several threads.

    Args:
        engine: what runs the model.
        postprocess: gets each answer; what it returns is the answer then.
        max_pixels: largest image decoded, width times height; none: no limit.
        warnings: what the user should know about the model.
        bundle: folder of the bundle it was made from, if that is known.
        facts: what the bundle's facts.json said when the model was opened.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        postprocess: Callable[[dict[str, Any]], Any] | None = None,
        max_pixels: int | None = None,
        warnings: tuple[str, ...] = (),
        bundle: Path | None = None,
        facts: Mapping[str, Any] | None = None,
    ):
        self.model: Metadata = engine.metadata
        self.warnings, self.bundle, self.facts = warnings, bundle, facts or {}
        self._engine, self._postprocess, self._max_pixels = engine, postprocess, max_pixels
        self.form = answer_form(engine.metadata.task)

    def __call__(self, image: "str | Path | bytes | Image | np.ndarray") -> Any:
        """Return the answer for one image.

        Args:
            image: a path, the bytes of an image file, a Pillow image, or (H, W, 3) uint8 RGB.

        Raises:
            MissingError: no such file. ImageError: it is no image we decode, or too large.
            DataError: something else, or an array of another shape or type.
            TaskContractError: the INI's postprocess function failed.
        """
        return self._answer(self._pixels(image))[0]

    def picture(self, image: "str | Path | bytes | Image | np.ndarray") -> "Picture":
        """Return the answer for one image, drawn on it and in words.

        Args:
            image: as of a call.
        """
        from auto_train.answers.draw import draw_answer

        pixels = self._pixels(image)
        answer, values = self._answer(pixels)
        return draw_answer(self.form, pixels, values, answer, self.model.labels)

    def _answer(self, pixels: "np.ndarray") -> "tuple[Any, np.ndarray]":
        """Return the answer for an image (H, W, 3) uint8, and the model's numbers it was made from."""
        values = self._engine.infer(pixels[None])[0]
        answer = self.form.answer(values, self.model)
        if self._postprocess is None:
            return answer, values
        try:
            return self._postprocess(answer), values
        except Exception as error:  # the user's own function: any error is possible, and is theirs to see
            raise TaskContractError(
                f"the function raised {type(error).__name__}: {error}", where="[testing.postprocess]"
            ) from error

    def _pixels(self, image: Any) -> "np.ndarray":
        """Return (H, W, 3) uint8 RGB."""
        import numpy as np
        from PIL.Image import Image

        from auto_train.data.image import convert_image, decode_image

        if isinstance(image, str | Path):
            path = to_absolute(image)
            if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name the system refuses
                raise MissingError("there is no such image", where=str(path))
            return decode_image(path, max_pixels=self._max_pixels)
        if isinstance(image, bytes | bytearray | memoryview):
            return decode_image(bytes(image), max_pixels=self._max_pixels)
        if isinstance(image, Image):
            return convert_image(image)
        if not isinstance(image, np.ndarray):
            allowed = "a path, the bytes of an image file, a Pillow image, or an array"
            raise DataError(f"got a {type(image).__name__} for an image", allowed=allowed)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise DataError(f"got an array {image.dtype} {image.shape}", allowed="uint8 (height, width, 3), RGB")
        return np.ascontiguousarray(image)


def open_predictor(found: FoundModel, *, trust_code: bool = False, **options: Any) -> Predictor:
    """Open a model with the fastest engine that can run it: an export made from the bundle's weights, else the bundle.

    Args:
        found: where the model is.
        trust_code: run Python code that the bundle brings along.
        options: of :class:`Predictor`.

    Raises:
        BundleError: incomplete or altered, or it answers otherwise than when it was made.
    """
    # Now and never again: another model may lie there while this one answers.
    facts = read_json(found.bundle / "facts.json") if found.bundle else {}
    options |= {"bundle": found.bundle, "facts": facts}
    warnings = found.warnings
    for cls in engines_for(found):
        engine = cls.open(found, trust_code=trust_code)
        if cls.reads is None or found.bundle is None or _is_export_of(engine, found.bundle):
            return Predictor(engine, warnings=warnings, **options)
        warnings += (f"{found.exports[cls.reads]} was made from other weights than the bundle's; it is not used",)
    raise BundleError(
        f"no engine runs this model: {', '.join(sorted(found.exports)) or 'it has no export'}",
        where=str(found.bundle or next(iter(found.exports.values()), "")),
        allowed="a run folder, a bundle folder or an .onnx file",
    )


def get_predictor(config: "Config") -> Predictor:
    """Open the model that was last trained with an INI. The INI's own functions are trusted."""
    postprocess = config.resolve("testing.postprocess") if config.has_function("testing.postprocess") else None
    return open_predictor(
        find_for_config(config),
        trust_code=True,
        postprocess=postprocess,
        max_pixels=int(config.serve.max_megapixels * 1e6),
    )


def open_named(model: Path | str, config: "Config", *, trust_code: bool = False) -> Predictor:
    """Open the model at a path, of a run, a bundle or an .onnx file; of the config only ``[serve]`` counts."""
    found = find_at(model)
    if config.has_function("testing.postprocess"):
        text = f"[testing.postprocess] of the config is not applied to the model named by path: {model}"
        found = replace(found, warnings=(*found.warnings, text))
    return open_predictor(found, trust_code=trust_code, max_pixels=int(config.serve.max_megapixels * 1e6))


def _is_export_of(engine: Engine, bundle: Path) -> bool:
    """Tell whether an export was made from a bundle's weights; if so it must give the bundle's golden answers."""
    verify_filelist(bundle / "model")
    if engine.metadata.weights_sha256 != weights_sha256(bundle):
        return False
    compare_golden(bundle / "golden", engine.infer, answer_form(engine.metadata.task).difference)
    return True
