"""One model in service: whether it is ready, how much it takes on, and its threads. Knows no HTTP."""

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from auto_train.config import Config, default_config, load_config
from auto_train.errors import AutoTrainError, RequestError, ServingError, TaskContractError
from auto_train.serving.limits import Slots
from auto_train.serving.predictor import Predictor, predictor_of
from auto_train.types import absolute


class Service:
    """Answer images with one model, a bounded number at a time, off the event loop.

    Args:
        config: its ``[serve]`` section holds the limits; without an INI its path is None.
        load: opens the model; called once, by :meth:`load`.
        location: folder of the project whose runs belong to the service; none: that of the config.
    """

    def __init__(self, config: Config, load: Callable[[], Predictor], *, location: Path | None = None):
        self.config, settings = config, config.serve
        self.location = location or absolute(config.project.location)
        self.cors: list[str] = settings.cors or []
        self.max_bytes = int(settings.max_mb * 1e6)
        self.slots = Slots(settings.workers, settings.queue)
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="predict")
        self._uploads = None if settings.save_uploads is None else absolute(settings.save_uploads)
        self._load = load
        self._predictor: Predictor | None = None
        self._why_not: AutoTrainError = ServingError("the model is still being loaded", hint="try again in a moment")

    @classmethod
    def of(cls, config: Config | Path | str | None) -> "Service":
        """Return the service of an INI; a config that cannot be read is an error of :meth:`load`.

        Args:
            config: none: the INI that CONFIG names.
        """
        try:
            loaded = config if isinstance(config, Config) else load_config(config)
        except AutoTrainError as error:
            return cls(default_config(), partial(_raise, error))
        return cls(loaded, partial(predictor_of, loaded))

    def load(self) -> Predictor:
        """Open the model; until then, and when it fails, :meth:`predictor` tells why there is none.

        Raises:
            MissingError: nothing was trained yet. BundleError: incomplete or altered.
        """
        try:
            self._predictor = self._load()
        except AutoTrainError as error:
            self._why_not = error
            raise
        return self._predictor

    @property
    def is_ready(self) -> bool:
        return self._predictor is not None

    @property
    def predictor(self) -> Predictor:
        """Return the model.

        Raises:
            ServingError: it is not ready; the message says why.
        """
        if self._predictor is None:
            why = self._why_not
            raise ServingError(why.message, where=why.where, allowed=why.allowed, hint=why.hint)
        return self._predictor

    async def answer(self, uploads: list[bytes]) -> list[Any]:
        """Return one answer per upload, in order; where one failed, its error takes the place.

        Args:
            uploads: bytes of image files. They are answered one after another, as one request.
        """
        return await self._run(self._predict, uploads)

    async def pictures(self, uploads: list[bytes], *, has_words: bool = True) -> list[Any]:
        """Return per upload its answer and a picture (H, W, 3) uint8 with it drawn, or the error of one that failed.

        Args:
            uploads, has_words: as of :meth:`answer` and :meth:`Predictor.picture`.
        """
        return await self._run(partial(self._draw, has_words=has_words), uploads)

    async def _run(self, function: Callable[[bytes], Any], uploads: list[bytes]) -> list[Any]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._answer_all, function, uploads)

    def close(self) -> None:
        """Finish what runs and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _predict(self, upload: bytes) -> Any:
        return self.predictor(upload)

    def _draw(self, upload: bytes, *, has_words: bool) -> Any:
        return self.predictor.picture(upload, has_words=has_words)

    def _answer_all(self, function: Callable[[bytes], Any], uploads: list[bytes]) -> list[Any]:
        with self.slots.timed():
            return [self._answer_one(function, upload) for upload in uploads]

    def _answer_one(self, function: Callable[[bytes], Any], upload: bytes) -> Any:
        try:
            answer = function(upload)
        except TaskContractError as error:
            return RequestError(str(error), status=500, type="postprocess_failed", hint="correct the INI's function")
        except AutoTrainError as error:
            return error
        if self._uploads is not None:
            self._keep(upload, self._uploads)
        return answer

    def _keep(self, upload: bytes, folder: Path) -> None:
        try:
            save_upload(upload, folder)
        except OSError as error:
            from loguru import logger

            logger.warning("[serve] save_uploads: an upload is not kept in {}: {}", folder, error.strerror or error)


def save_upload(upload: bytes, folder: Path) -> Path:
    """Keep an upload under a generated name; what the client called it plays no part."""
    from auto_train.data.bounded import format_of

    folder.mkdir(parents=True, exist_ok=True)
    suffix = (format_of(upload) or "bin").lower()
    path = folder / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:12]}.{suffix}"
    path.write_bytes(upload)
    return path


def _raise(error: AutoTrainError) -> Predictor:
    raise error
