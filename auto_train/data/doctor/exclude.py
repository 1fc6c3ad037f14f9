"""The exclude list: a text file of image paths to leave out, one a line, that ``[project.data] exclude`` takes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from auto_train.data.doctor.finding import Finding
from auto_train.data.samples import Samples
from auto_train.errors import DataError
from auto_train.files import replace_file


def write_exclude(findings: Iterable[Finding], samples: Samples, path: Path, *, before: Sequence[str] = ()) -> int:
    """Write the paths without which these findings would be gone, and return how many that are.

    What only looks alike is written behind ``#``: someone has to look at it first.

    Args:
        findings: those that name no images to leave out add nothing.
        samples: what was examined.
        path: of the file; its folder is made.
        before: what an earlier list left out, and this one goes on leaving out.
    """
    lines, listed = [*(f"{name}\n" for name in before)], set(before)
    for finding in findings:
        names = [name for row in finding.leave_out if (name := _name(samples, row)) not in listed]
        is_sure = not finding.code.startswith("near_")
        listed.update(names if is_sure else ())
        if names:
            lines += [f"# {finding.code}: {finding.title}\n", *(f"{'' if is_sure else '# '}{name}\n" for name in names)]
    with replace_file(path) as part:
        part.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    return len(listed)


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


def _name(samples: Samples, row: int) -> str:
    """Return the path as in the table, the absolute one where that would read as a comment."""
    path = str(samples.table["path"].iat[row])
    return samples.images.name(row) if path.startswith("#") else path
