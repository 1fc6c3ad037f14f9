"""Look at runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.types import to_absolute

if TYPE_CHECKING:
    from auto_train.config import Config
    from auto_train.reports import Comparison, RewrittenReport


def report(run: Path | str, config: "Config | Path | str | None" = None) -> "RewrittenReport":
    """Make the report of a run again, finished or not, from the files of its folder.

    Args:
        run: its folder, or ``latest`` or the name of one of the project of ``config``.
        config: an INI; none: the one CONFIG names, else the projects below ``./projects``.

    Raises:
        MissingError: there is no such run. DataError: a file of it is damaged.
    """
    from auto_train.reports import report_run
    from auto_train.runs.find import find_run

    return report_run(find_run(run, config, option="").folder.path)


def compare(
    run_a: Path | str,
    run_b: Path | str,
    config: "Config | Path | str | None" = None,
    *,
    output: Path | str | None = None,
) -> "Comparison":
    """Return what differs between two runs: config, data, metrics, and the images whose answer changed sides.

    Args:
        run_a, run_b, config: as in :func:`report`.
        output: an HTML page to write as well.

    Raises:
        MissingError: no such run, or its predictions are gone. DataError: a file is damaged; runs of different tasks.
    """
    from auto_train.reports import compare_runs, write_comparison
    from auto_train.runs.find import find_run

    found = compare_runs(*(find_run(run, config, option="").folder.path for run in (run_a, run_b)))
    if output is not None:
        write_comparison(found, to_absolute(output))
    return found
