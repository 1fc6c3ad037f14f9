"""A real web server on loopback that can break off, refuse and forget, and folders of small real images."""

import io
import tarfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class FileServer:
    """Serve bytes by name.

    Attributes:
        files: content by name.
        cuts: by name, for each request in turn, after how many bytes the connection breaks.
        statuses: by name, for each request in turn, the status to answer instead.
        has_ranges: whether Range requests are honoured.
        tag: the ETag of every file.
        headers: sent with every file.
        requests: name and Range header of each request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, list[int]] = defaultdict(list)
        self.statuses: dict[str, list[int]] = defaultdict(list)
        self.has_ranges = True
        self.tag = '"one"'
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def __enter__(self) -> "FileServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.lstrip("/").partition("?")[0]
        wish = handler.headers.get("Range", "")
        self.requests.append((name, wish))
        handler.close_connection = True
        if self.statuses[name] or name not in self.files:
            handler.send_response(self.statuses[name].pop(0) if self.statuses[name] else 404)
            handler.send_header("Content-Length", "0")
            handler.send_header("Connection", "close")
            return handler.end_headers()
        data, start = self.files[name], 0
        if wish and self.has_ranges and handler.headers.get("If-Range", self.tag) == self.tag:
            start = int(wish.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(data):
            handler.send_response(416)
            handler.send_header("Content-Length", "0")
            handler.send_header("Connection", "close")
            return handler.end_headers()
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data) - start))
        for key, value in {"ETag": self.tag, "Connection": "close", **self.headers}.items():
            handler.send_header(key, value)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        end = self.cuts[name].pop(0) if self.cuts[name] else len(data)
        if handler.command == "GET":
            handler.wfile.write(data[start:end])
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            def do_HEAD(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))


def picture(seed: int = 0, size: tuple[int, int] = (20, 16)) -> Image.Image:
    """Return a smooth picture that differs from seed to seed and survives JPEG."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    channels = [(x * 255 / width), (y * 255 / height), ((x + y) * 7 + seed * 37) % 256]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.fixture
def make_image() -> Callable[..., Image.Image]:
    return picture


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return encoded


@pytest.fixture
def make_files(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes one distinct PNG per name below a folder and gives the folder."""

    def make(*names: str, folder: Path = tmp_path / "data") -> Path:
        for seed, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(picture(seed), "PNG"))
        return folder

    return make


@pytest.fixture
def flowers(tmp_path: Path, make_files: Callable[..., Path]) -> Path:
    """Return an archive with ``flowers/daisy`` and ``flowers/roses``."""
    folder = make_files("daisy/1.png", "roses/2.png", folder=tmp_path / "pack/flowers")
    with tarfile.open(tmp_path / "pack/flowers.tgz", "w:gz") as file:
        file.add(folder, "flowers")
    return tmp_path / "pack/flowers.tgz"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes lines into a file below the data's folder and gives the folder."""

    def write(name: str, *lines: str) -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / "data"

    return write


@pytest.fixture
def save_mask(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves values as a mask below the data's folder and gives the folder."""

    def save(name: str, values: object, mode: str = "L") -> Path:
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.array(values, np.uint8))
        if mode == "P":
            image.putpalette([*range(256)] * 3)
        (image if mode in ("L", "P") else image.convert(mode)).save(path)
        return tmp_path / "data"

    return save
