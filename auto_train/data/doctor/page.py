"""``data_report.json`` for programs, and ``data_report.html``: one file that opens offline, with pictures."""

import json
from pathlib import Path

from auto_train.data.doctor.examine import Examination, finding_to_dict
from auto_train.data.doctor.finding import Finding
from auto_train.data.doctor.pictures import draws, pictures
from auto_train.data.samples import Samples
from auto_train.files import replace_file


def write_data_report(examination: Examination, folder: Path) -> Path:
    """Write both files into a folder and return the page's path.

    Raises:
        OSError: the folder cannot be written.
    """
    from jinja2 import Environment, PackageLoader

    found = examination.to_dict()
    # Names of files need not be UTF-8; escaped in JSON they survive, on the page a ? stands for what cannot be shown.
    _replace(folder / "data_report.json", json.dumps(found, indent=1).encode())
    environment = Environment(loader=PackageLoader("auto_train.data.doctor"), autoescape=True, trim_blocks=True)
    page = environment.get_template("data_report.html").render(
        **found | {"findings": [_view_finding(finding, examination.samples) for finding in examination.findings]},
        most=max((sum(counts.values()) for counts in examination.classes.values()), default=1) or 1,
    )
    _replace(folder / "data_report.html", page.encode("utf-8", "replace"))
    return folder / "data_report.html"


def _replace(path: Path, content: bytes) -> None:
    with replace_file(path) as part:
        part.write_bytes(content)


def _view_finding(finding: Finding, samples: Samples) -> dict[str, object]:
    """Return a finding as a dict, with its ``pictures``: lists of items that belong together."""
    shown = finding_to_dict(finding)
    groups = [
        [shown["items"][at] | {"picture": picture} for at, picture in group] for group in pictures(finding, samples)
    ]
    return shown | {"pictures": groups, "is_drawn": draws(finding, samples)}
