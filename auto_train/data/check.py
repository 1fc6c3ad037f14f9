"""Files that cannot be decoded, found before training and listed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.images import FileImages
from auto_train.data.known import known_readable, remember_readable
from auto_train.data.parallel import in_order, new_pool
from auto_train.data.samples import Samples, listed
from auto_train.errors import DataError, ImageError

_BLOCK, _AHEAD = 16, 256


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong with one image.

    Attributes:
        path: as in the table.
        code: ``missing``, ``empty`` or ``unreadable``.
        message: what the decoder says.
    """

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def check_readable(samples: Samples, *, progress: Callable[[int, int], None] | None = None) -> list[Finding]:
    """Decode every image fully, on all cores, and return those that fail, in the table's order.

    Args:
        samples: images in memory are taken as readable, and so is content that an earlier call has decoded.
        progress: told the number of images done and in all.
    """
    if not isinstance(samples.images, FileImages):
        return []
    sums = samples.table["sha256"].tolist()
    known = known_readable(set(sums) - {""})
    rows = [row for row, sha256 in enumerate(sums) if sha256 not in known]
    found: dict[int, Finding] = {}
    with new_pool("check") as pool:
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        for done, findings in enumerate(in_order(pool, lambda block: _check(samples, block), blocks, ahead=_AHEAD)):
            found |= findings
            if progress:
                progress(min((done + 1) * _BLOCK, len(rows)), len(rows))
    remember_readable({sums[row] for row in rows if row not in found} - {""})
    return list(found.values())


def write_exclude(findings: Sequence[Finding], path: Path) -> None:
    """Write the paths of the findings, one a line, as :func:`read_exclude` reads them."""
    lines = (f"# {len(findings)} images that cannot be decoded", *(finding.path for finding in findings))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")


def read_exclude(path: Path) -> list[str]:
    """Return the paths in an exclude file; empty lines and those after ``#`` are passed over.

    Raises:
        DataError: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path), hint="[project.data] exclude") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def require_readable(
    findings: Sequence[Finding], root: Path | None = None, *, exclude_file: Path | None = None
) -> None:
    """Pass if there are no findings.

    Args:
        root: folder of the data.
        exclude_file: where the findings were written, for the hint.

    Raises:
        DataError: lists them.
    """
    if findings:
        listing = f"project.data.exclude={exclude_file}" if exclude_file else "their paths in [project.data] exclude"
        hint = f"replace or remove them, or train without them: {listing}"
        message = listed(f"{len(findings)} images cannot be decoded", findings, limit=50)
        raise DataError(message, where=str(root or ""), hint=hint)


def _check(samples: Samples, rows: Sequence[int]) -> dict[int, Finding]:
    return {row: finding for row in rows if (finding := _finding(samples, row))}


def _finding(samples: Samples, row: int) -> Finding | None:
    try:
        samples.images[row]
    except ImageError as error:
        file = Path(samples.images.name(row))
        code = "missing" if not file.exists() else "empty" if not file.stat().st_size else "unreadable"
        return Finding(path=str(samples.table["path"].iat[row]), code=code, message=error.message)
    return None
