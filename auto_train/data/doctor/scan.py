"""The one pass over all images: sums and looks, on all cores; content that an earlier start has seen is not decoded."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from auto_train.data.doctor.look import Look, Problem, look_at, look_at_arrays, problem_of
from auto_train.data.doctor.looks import Looks
from auto_train.data.doctor.scan_masks import look_at_masks
from auto_train.data.image_cache import load_looks, remember_looks
from auto_train.data.images import ArrayImages, FileImages
from auto_train.data.parallel import create_pool, map_in_order
from auto_train.data.samples import Samples
from auto_train.data.targets import Masks

# Rows whose files are read twice in a row, for their sum and to be decoded: the second time from the file cache.
_CHUNK = 2048
_SUMS_AT_ONCE, _LOOKS_AT_ONCE, _AHEAD = 256, 16, 64
_PIXELS_AT_ONCE = 4_000_000

Tell = Callable[[int, int], None]


def look_at_all(samples: Samples, *, progress: Tell | None = None) -> Looks:
    """Return what is seen of every image and mask; a file is read, and decoded once unless its content is known.

    Args:
        progress: told the number of images, then of masks, done and in all.
    """
    n, masks = len(samples), samples.targets if isinstance(samples.targets, Masks) else None
    looks, total = Looks.empty(n), n * (2 if masks else 1)

    def tell(done: int) -> None:
        if progress:
            progress(done, total)

    with create_pool("check") as pool:
        for start in range(0, n, _CHUNK):
            rows = range(start, min(start + _CHUNK, n))
            _sum_up(samples, rows, looks, pool)
            if isinstance(samples.images, FileImages):
                _look_at_files(samples.images, rows, looks, pool, tell)
            else:
                _look_at_arrays(samples, rows, looks, pool)
            tell(rows.stop)
    if masks:
        looks.masks = look_at_masks(masks, progress=lambda done: tell(n + done))
    return looks


def _sum_up(samples: Samples, rows: range, looks: Looks, pool: ThreadPoolExecutor) -> None:
    """Note the sums of some rows: those the table has, else computed."""
    sums: list[str | OSError] = samples.table["sha256"].iloc[rows.start : rows.stop].tolist()
    if not all(sums):
        sums = [found for part in pool.map(samples.images.sha256s, _parts(rows, _SUMS_AT_ONCE)) for found in part]
    for row, found in zip(rows, sums, strict=True):
        if isinstance(found, OSError):
            looks.problems[row] = problem_of(found)
        else:
            looks.sums[row] = found


def _look_at_files(
    images: FileImages, rows: range, looks: Looks, pool: ThreadPoolExecutor, tell: Callable[[int], None]
) -> None:
    known = load_looks({looks.sums[row] for row in rows} - {""})
    unseen = []
    for row in rows:
        if looks.sums[row] in known:
            looks.note(row, Look(*known[looks.sums[row]]))
        elif looks.sums[row]:
            unseen.append(row)
    done = rows.stop - len(unseen)
    fresh: dict[str, Look] = {}
    for part, seen in _stream_looks(pool, images.paths, unseen):
        for row, found in zip(part, seen, strict=True):
            looks.note(row, found)
            if isinstance(found, Look):
                fresh[looks.sums[row]] = found
        done += len(part)
        tell(done)
    remember_looks(fresh)


def _stream_looks(
    pool: ThreadPoolExecutor, paths: Sequence[Path], rows: Sequence[int]
) -> Iterator[tuple[Sequence[int], list[Look | Problem]]]:
    """Yield some rows, and what is seen of their files."""
    parts = _parts(rows, _LOOKS_AT_ONCE)
    looks = map_in_order(pool, lambda part: [look_at(paths[row]) for row in part], parts, ahead=_AHEAD)
    return zip(parts, looks, strict=True)


def _look_at_arrays(samples: Samples, rows: range, looks: Looks, pool: ThreadPoolExecutor) -> None:
    images = samples.images
    pixels = images.raw if isinstance(images, ArrayImages) else images.__getitem__
    width, height = images.size(rows[0])
    parts = _parts(rows, min(_SUMS_AT_ONCE, max(1, _PIXELS_AT_ONCE // (width * height))))
    seen = pool.map(lambda part: look_at_arrays([pixels(row) for row in part]), parts)
    for row, found in zip(rows, (look for part in seen for look in part), strict=True):
        looks.note(row, found)


def _parts(rows: Sequence[int], size: int) -> list[Sequence[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
