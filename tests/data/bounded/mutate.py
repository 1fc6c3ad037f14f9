"""Decode mutated images in this process, each within a limit of memory and time; run as a program by test_mutated.py.

Every image is made anew from its number alone, so that one that failed can be made again: ``mutated(number)``.
"""

import io
import json
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

# [serve] max_megapixels in small: what one image may have, and so cost.
MAX_PIXELS = 2_000_000
# What it takes beyond the limit of 64 MB that small images have, and the time; a machine that is busy takes its own.
MAX_MB, MAX_S = 80, 1.0
# Of the whole process, so that an attempt to allocate without end fails here and not on the machine.
ADDRESS_SPACE = 6 << 30
_LARGE = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 40_000, 65_536, 0x7FFFFFFF, 0xFFFFFFFF)


def _encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@cache
def seeds() -> tuple[bytes, ...]:
    """Return small real files of every format and most of their kinds, made of photographs that scikit-learn has."""
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(photo).resize((96, 64)) for photo in load_sample_images().images]
    small, other = photos[0], photos[1].resize((61, 43))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    grey16 = Image.fromarray(np.asarray(small.convert("L")).astype(np.uint16) * 257)
    clear = small.copy()
    clear.putalpha(other.convert("L").resize(small.size))
    frames = {"save_all": True, "append_images": [other.resize(small.size)] * 2}
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = [
        _encoded(small, "JPEG"),
        _encoded(other, "JPEG", exif=exif, icc_profile=icc, comment=b"a comment"),
        _encoded(small, "JPEG", progressive=True, subsampling=0),
        _encoded(small.convert("CMYK"), "JPEG"),
        _encoded(small.convert("L"), "JPEG", restart_marker_blocks=3),
        _encoded(small, "PNG", exif=exif, icc_profile=icc),
        _encoded(clear, "PNG"),
        _encoded(small.convert("P"), "PNG", transparency=3),
        _encoded(grey16, "PNG"),
        _encoded(small.convert("1"), "PNG"),
        _encoded(small, "PNG", **frames),
        _encoded(small.convert("P"), "GIF"),
        _encoded(small, "GIF", comment="a comment", **frames),
        _encoded(other, "BMP"),
        _encoded(small.convert("P"), "BMP"),
        _encoded(clear, "BMP"),
        _encoded(small, "WEBP", exif=exif),
        _encoded(clear, "WEBP", lossless=True),
        _encoded(small, "WEBP", **frames),
        _encoded(small, "TIFF", tiffinfo={274: 8}),
        _encoded(small, "TIFF", **frames),
        _encoded(grey16, "TIFF"),
        _encoded(small.convert("1"), "TIFF", compression="group4"),
        _encoded(ImageCms.applyTransform(small, lab), "TIFF", compression="tiff_lzw"),
    ]
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma", "zstd"):
        found.append(_encoded(small, "TIFF", compression=compression))
    return tuple(found)


def mutated(number: int) -> bytes:
    """Return one of the seeds with one to four mutations; the same number gives the same bytes."""
    rng = np.random.default_rng(number)
    data = bytearray(seeds()[number % len(seeds())])
    for _ in range(int(rng.integers(1, 5))):
        if len(data) > 16:
            _MUTATIONS[int(rng.integers(len(_MUTATIONS)))](data, rng)
    return bytes(data)


def _flip_bits(data: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(0, len(data), int(rng.integers(1, 20))):
        data[at] ^= 1 << int(rng.integers(8))


def _flip_in_header(data: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(4, min(len(data), 400), int(rng.integers(1, 6))):
        data[at] = int(rng.integers(256))


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(8, len(data))) :]


def _enlarge(data: bytearray, rng: np.random.Generator) -> None:
    """Write a number that is large or at an edge where a header, or a TIFF's directory at the end, may have one."""
    value, size = int(rng.choice(_LARGE)), int(rng.choice([2, 4]))
    reach = min(len(data) - 4, 400)
    at = int(rng.integers(2, reach)) if rng.random() < 0.7 else len(data) - 4 - int(rng.integers(reach - 2))
    order = rng.choice(["<", ">"])
    raw = struct.pack(f"{order}{'H' if size == 2 else 'I'}", value & (0xFFFF if size == 2 else 0xFFFFFFFF))
    data[at : at + size] = raw


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    """Repeat a piece, such as a chunk, a segment or a scan."""
    start = int(rng.integers(2, len(data)))
    piece = bytes(data[start : start + int(rng.integers(4, 600))])
    data[start:start] = piece * int(rng.choice([1, 2, 50, 1_000]))


def _repeat_chunk(data: bytearray, rng: np.random.Generator) -> None:
    """Repeat a whole PNG or RIFF chunk, a JPEG segment or a GIF block many times."""
    names = (
        b"IDAT",
        b"tEXt",
        b"iCCP",
        b"fcTL",
        b"ANMF",
        b"VP8 ",
        b"\xff\xda",
        b"\xff\xc4",
        b"\xff\xe1",
        b"!\xfe",
        b"!\xf9",
    )
    places = [at for name in names if (at := data.find(name)) > 0]
    if places:
        at = places[int(rng.integers(len(places)))]
        start = at - 4 if data[:4] == b"\x89PNG" else at
        end = start + int(rng.integers(4, 200))
        data[start:start] = bytes(data[start:end]) * int(rng.choice([1, 10, 2_000]))


_MUTATIONS = (_flip_bits, _flip_in_header, _cut, _enlarge, _repeat, _repeat_chunk)


def _status_mb(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def run(first: int, count: int) -> dict[str, object]:
    """Decode so many mutated images, and return how it went: failures are those that raised anything but ImageError."""
    from auto_train.data.image import decode_image
    from auto_train.errors import ImageError

    warnings.simplefilter("ignore")  # Pillow tells of odd tags
    for data in seeds():
        decode_image(data)
    results: Counter[str] = Counter()
    failed: list[str] = []
    largest = slowest = 0.0
    for number in range(first, first + count):
        data = mutated(number)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
        before, began = _status_mb("VmRSS"), time.process_time()
        try:
            pixels = decode_image(data, max_pixels=MAX_PIXELS)
            results["decoded"] += 1
            if pixels.dtype != np.uint8 or pixels.shape[2:] != (3,) or pixels[..., 0].size > MAX_PIXELS:
                failed.append(f"{number}: {pixels.dtype} {pixels.shape}")
        except ImageError as error:
            results[type(error).__name__] += 1
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what this looks for
            failed.append(f"{number}: {error!r}")
        took, used = time.process_time() - began, _status_mb("VmHWM") - before
        if took > MAX_S or used > MAX_MB:
            failed.append(f"{number}: {took:.2f} s, {used:.0f} MB")
        largest, slowest = max(largest, used), max(slowest, took)
    return {"results": results, "failed": failed, "largest_mb": round(largest, 1), "slowest_s": round(slowest, 3)}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]))))
