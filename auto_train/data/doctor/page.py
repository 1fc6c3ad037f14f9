"""``data_report.json`` for programs, and ``data_report.html``: one file that opens offline, with pictures."""

import base64
import io
import json
import os
from pathlib import Path

from auto_train.data.doctor.examine import Examination, finding_dict
from auto_train.data.doctor.finding import Finding
from auto_train.data.images import Images
from auto_train.errors import ImageError

# Of one finding.
MOST_PICTURES = 24
# Pixels of a picture's longer side; smaller images keep their own.
PICTURE_SIDE = 112


def write_data_report(examination: Examination, folder: Path) -> Path:
    """Write both files into a folder and return the page's path.

    Raises:
        OSError: the folder cannot be written.
    """
    from jinja2 import Environment, PackageLoader

    folder.mkdir(parents=True, exist_ok=True)
    found = examination.to_dict()
    # Names of files need not be UTF-8; escaped in JSON they survive, on the page a ? stands for what cannot be shown.
    _replace(folder / "data_report.json", json.dumps(found, indent=1).encode())
    environment = Environment(loader=PackageLoader("auto_train.data.doctor"), autoescape=True, trim_blocks=True)
    page = environment.get_template("data_report.html").render(
        **found | {"findings": [_shown(finding, examination.samples.images) for finding in examination.findings]},
        most=max((sum(counts.values()) for counts in examination.classes.values()), default=1) or 1,
    )
    _replace(folder / "data_report.html", page.encode("utf-8", "replace"))
    return folder / "data_report.html"


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def _shown(finding: Finding, images: Images) -> dict[str, object]:
    """Return a finding as a dict, with its ``pictures``: lists of items that belong together."""
    shown = finding_dict(finding)
    groups: dict[object, list[dict[str, object]]] = {}
    for item, values in list(zip(finding.items, shown["items"], strict=True))[:MOST_PICTURES]:
        if item.row is not None and (picture := _picture(images, item.row)):
            key = item.row if item.group is None else ("group", item.group)
            groups.setdefault(key, []).append(values | {"picture": picture})
    return shown | {"pictures": list(groups.values())}


def _picture(images: Images, row: int) -> str:
    """Return a small picture as a data URI; "" where the image does not decode."""
    from PIL import Image

    try:
        image = Image.fromarray(images.reduced(PICTURE_SIDE)[row])
    except ImageError:
        return ""
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    # JPEG would blur what has few pixels.
    format = "JPEG" if max(image.size) > PICTURE_SIDE // 2 else "PNG"
    file = io.BytesIO()
    image.save(file, format, quality=80)
    return f"data:image/{format.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
