"""One model in service: whether it is ready, how much it takes on, and its threads. Knows no HTTP."""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.config import Config, default_config, load_config
from auto_train.errors import AutoTrainError, ImageError, RequestError, ServingError, TaskContractError
from auto_train.serving.limits import Memory, Slots
from auto_train.serving.predictor import Predictor, get_predictor
from auto_train.serving.workers import Workers
from auto_train.types import to_absolute

if TYPE_CHECKING:
    from auto_train.answers.draw import Picture

# Uploads of the largest size that fit into memory at a time, those that still arrive included.
LARGEST_UPLOADS = 16
# Seconds for what runs to end when the service is closed; its requests have had their time before.
CLOSE_S = 1.0


class Service:
    """Answer images with one model, a bounded number at a time, off the event loop.

    Args:
        config: its ``[serve]`` section holds the limits; without an INI its path is None.
        load: opens the model; called once, by :meth:`load`.
        location: folder of the project whose runs belong to the service; none: that of the config.
        host, root_path: instead of those in ``[serve]``.
    """

    def __init__(
        self,
        config: Config,
        load: Callable[[], Predictor],
        *,
        location: Path | None = None,
        host: str | None = None,
        root_path: str | None = None,
    ):
        self.config, settings = config, config.serve
        self.location = location or to_absolute(config.project.location)
        self.cors: list[str] = settings.cors or []
        self.max_bytes = int(settings.max_mb * 1e6)
        self.max_request_pixels = int(max(settings.max_request_megapixels, settings.max_megapixels) * 1e6)
        self.deadline_s: float = settings.deadline_s
        self.host = host or settings.host
        self.allowed_hosts: list[str] = settings.allowed_hosts or []
        self.root_path = as_prefix(settings.root_path if root_path is None else root_path)
        self.slots = Slots(settings.workers, settings.queue)
        self.memory = Memory(LARGEST_UPLOADS * self.max_bytes)
        self._workers = Workers(settings.workers)
        self._uploads = None if settings.save_uploads is None else to_absolute(settings.save_uploads)
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
        return cls(loaded, partial(get_predictor, loaded))

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
        """The model; see :meth:`require_ready`."""
        return self.require_ready()

    def require_ready(self) -> Predictor:
        """Return the model that answers.

        Raises:
            ServingError: there is none yet; the message says why.
        """
        if self._predictor is None:
            why = self._why_not
            raise ServingError(why.message, where=why.where, allowed=why.allowed, hint=why.hint)
        return self._predictor

    async def answer(self, uploads: Sequence[bytes | AutoTrainError]) -> list[Any]:
        """Return one answer per upload, in order; where one failed, its error takes the place.

        Args:
            uploads: bytes of image files, or the errors of those that did not arrive. They are answered one after
                another, as one request.

        Raises:
            RequestError: 413, the images have too many pixels together; 429, the queue is full; 504, the deadline
                has passed.
        """
        return await self._run(self._predict, uploads)

    async def pictures(self, uploads: Sequence[bytes | AutoTrainError], show: Callable[["Picture"], Any]) -> list[Any]:
        """Return per upload what ``show`` makes of its picture, or the error of one that failed.

        Args:
            uploads: as of :meth:`answer`, which has the errors too.
            show: gets the picture, of which none is kept: they are large.
        """
        return await self._run(partial(self._draw, show=show), uploads)

    async def _run(self, function: Callable[[bytes], Any], uploads: Sequence[bytes | AutoTrainError]) -> list[Any]:
        self.slots.take()
        due = time.monotonic() + self.deadline_s
        running = self._workers.submit(partial(self._answer_all, function, uploads, due))
        # When its thread has ended, which may be long after the deadline: no more is taken on until then.
        running.add_done_callback(lambda _: self.slots.release())
        await asyncio.wait([asyncio.wrap_future(running)], timeout=self.deadline_s)
        if not running.done() or running.cancelled():
            running.cancel()
            raise self._too_late()
        answers = running.result()
        if answers is None:
            raise self._too_late()
        return answers

    def close(self, timeout_s: float = CLOSE_S) -> bool:
        """Drop what waits, and tell whether what runs has ended in this time."""
        return self._workers.close(timeout_s)

    def _predict(self, upload: bytes) -> Any:
        return self.predictor(upload)

    def _draw(self, upload: bytes, *, show: Callable[["Picture"], Any]) -> Any:
        return show(self.predictor.picture(upload))

    def _answer_all(
        self, function: Callable[[bytes], Any], uploads: Sequence[bytes | AutoTrainError], due: float
    ) -> list[Any] | None:
        """Return the answers; None where the deadline has passed, and nobody waits for them."""
        with self.slots.measure():
            self._require_pixels([upload for upload in uploads if isinstance(upload, bytes)])
            answers = []
            for upload in uploads:
                if time.monotonic() > due:
                    return None
                answers.append(self._answer_one(function, upload) if isinstance(upload, bytes) else upload)
            return answers

    def _require_pixels(self, uploads: list[bytes]) -> None:
        if len(uploads) < 2:
            return
        pixels = sum(map(_pixels, uploads))
        if pixels > self.max_request_pixels:
            raise RequestError(
                f"the {len(uploads)} images have {pixels / 1e6:.1f} megapixels together"
                f" (allowed: at most {self.max_request_pixels / 1e6:g})",
                status=413,
                type="too_large",
                hint="send fewer images in one request; the service's limit is [serve] max_request_megapixels",
            )

    def _too_late(self) -> RequestError:
        return RequestError(
            f"the request was not answered within {self.deadline_s:g} s",
            status=504,
            type="deadline",
            hint="send fewer or smaller images, or try again later; the service's limit is [serve] deadline_s",
        )

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


def as_prefix(root_path: str | None) -> str:
    """Return a path prefix as it stands before paths: with a slash in front and none behind; "" for the root."""
    parts = (root_path or "").strip("/")
    return f"/{parts}" if parts else ""


def _pixels(upload: bytes) -> int:
    """Return how many pixels an image has; 0 where decoding it will say what is wrong."""
    from auto_train.data.image import image_size

    try:
        width, height = image_size(upload)
    except ImageError:
        return 0
    return width * height


def _raise(error: AutoTrainError) -> Predictor:
    raise error
