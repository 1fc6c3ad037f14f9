"""Label Studio's own JSON exports, whole or JSON-MIN: boxes and outlines, or choices for a whole image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.readers.base import Options, file_samples, target_samples
from auto_train.data.readers.boxes import refuse
from auto_train.data.readers.classes import explain_unknown_class
from auto_train.data.readers.contents import holds
from auto_train.data.readers.drawn import (
    Drawing,
    DrawnImage,
    Outline,
    Point,
    build_samples,
    ellipse,
    exports,
    load,
    numbers_in,
    rectangle,
)
from auto_train.data.readers.header import has_image_suffix
from auto_train.data.readers.image_index import spellings
from auto_train.data.readers.numbers import side_in
from auto_train.data.readers.places import Places, shorten_name
from auto_train.errors import DataError
from auto_train.types import normalise_text

if TYPE_CHECKING:
    from auto_train.data.samples import Samples

LOOKS = "Label Studio's JSON or JSON-MIN export"
# Words of files by kind of annotations, and the keys of labels that have an area.
_AREAS = ("polygonlabels", "ellipselabels")
_BOXES = ("rectanglelabels", *_AREAS, "labels")
_WORDS: dict[str, tuple[str, ...]] = {
    "boxes": ('"rectanglelabels"', *(f'"{name}"' for name in _AREAS), '"rectangle"'),
    "mask": tuple(f'"{name}"' for name in _AREAS),
    "label": ('"choices"', '"choice"'),
    "labels": ('"choices"', '"choice"'),
}
_HEAD = 2**12


@dataclass(frozen=True)
class Task:
    """An image as Label Studio has it: its name, where it stands, and the results of who annotated it."""

    name: str
    file: Path
    number: int
    split: str
    results: Sequence[Mapping[str, Any]]


def detect(folder: Path, options: Options) -> bool:
    """Return True if such a file with annotations of this kind lies in the folder or in those of splits."""
    return any(holds(path, *_WORDS[options.target]) for _, path in _files(folder, options))


def read(folder: Path, options: Options) -> "Samples":
    """Return the images of the tasks that somebody has annotated, with their boxes, masks or choices.

    Of several annotations of an image the first that was not cancelled counts. Points, lines and the like are left out.

    Raises:
        DataError: no file; results that cannot be used, missing images: all of them.
    """
    drawing = Drawing(is_mask=options.target == "mask")
    tasks = list(_tasks(folder, options, drawing))
    if not tasks:
        raise DataError("no annotated image of Label Studio here", where=str(folder), allowed=LOOKS)
    if options.target in ("label", "labels"):
        return _choices(tasks, drawing, folder, options)
    for task in tasks:
        image = DrawnImage(name=task.name, file=task.file, number=task.number, split=task.split)
        drawing.images.append(image)
        labels = {one["id"]: names for one in task.results if "id" in one and (names := _labels(_value(one)))}
        for number, one in enumerate(task.results, 1):
            _add(one, number, labels.get(one.get("id"), []), image, drawing)
    return build_samples(drawing, folder, options)


def has_several(folder: Path, options: Options) -> bool:
    """Tell whether any image has several choices."""
    return any(len(_list_choices(task)) > 1 for task in _tasks(folder, options, Drawing()))


def is_export(path: Path) -> bool:
    """Tell by its words whether a JSON file is such an export: a list of tasks."""
    with path.open("rb") as file:
        head = file.read(_HEAD).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] != b"[":
        return False
    is_whole = holds(path, '"annotations"', '"completions"') and holds(path, '"result"')
    return is_whole or holds(path, '"lead_time"', '"annotation_id"', '"completion_id"')


def _files(folder: Path, options: Options) -> list[tuple[str, Path]]:
    return exports(folder, options, ".json", is_export)


def _tasks(folder: Path, options: Options, drawing: Drawing) -> Iterator[Task]:
    bare, several = 0, 0
    for split, path in _files(folder, options):
        for number, one in enumerate(load(path), 1):
            if not isinstance(one, Mapping):
                drawing.problems.append(f"{shorten_name(path)}: task {number} is not an object")
                continue
            done = _annotations(one)
            bare += not done
            several += len(done) > 1
            if done:
                data = one.get("data", one)
                yield Task(_image_of(data if isinstance(data, Mapping) else {}), path, number, split, done[0])
    if bare:
        drawing.warnings.append(f"{folder}: {bare} tasks without an annotation are not used")
    if several:
        drawing.warnings.append(f"{folder}: {several} images were annotated several times; the first annotation counts")


def _annotations(task: Mapping[str, Any]) -> list[Sequence[Mapping[str, Any]]]:
    """Return the results of each annotation of a task that counts; of JSON-MIN those in its keys."""
    found = task.get("annotations", task.get("completions"))
    if isinstance(found, list):
        kept = [one for one in found if isinstance(one, Mapping) and not one.get("was_cancelled")]
        ranked = sorted(kept, key=lambda one: not one.get("ground_truth"))
        return [[result for result in one.get("result") or () if isinstance(result, Mapping)] for one in ranked]
    shapes = [one for value in task.values() if isinstance(value, list) for one in value if isinstance(one, Mapping)]
    choice = task.get("choice", task.get("choices"))
    named = choice.get("choices") if isinstance(choice, Mapping) else [choice] if isinstance(choice, str) else choice
    return [[*shapes, *([{"value": {"choices": named}}] if named else [])]]


def _image_of(data: Mapping[str, Any]) -> str:
    """Return the address or path of the image among the data of a task."""
    texts = [value for value in data.values() if isinstance(value, str)]
    named = [text for text in texts if any(map(has_image_suffix, spellings(text)))]
    return next(iter([*named, *(data[key] for key in ("image", "img") if isinstance(data.get(key), str))]), "")


def _value(result: Mapping[str, Any]) -> Mapping[str, Any]:
    value = result.get("value", result)
    return value if isinstance(value, Mapping) else {}


def _labels(value: Mapping[str, Any]) -> list[str]:
    found: list[Any] = next((value[name] for name in _BOXES if isinstance(value.get(name), list)), [])
    return [text for one in found if (text := str(one).strip())]


def _add(result: Mapping[str, Any], number: int, labels: Sequence[str], image: DrawnImage, drawing: Drawing) -> None:
    value = _value(result)
    kind = str(result.get("type") or next((name for name in value if name.endswith("labels")), "")).removesuffix(
        "labels"
    )
    labels = _labels(value) or labels
    if "choices" in value or (kind == "" and "x" not in value and "points" not in value):
        return
    points = _corners(value, result)
    if kind == "brush" and drawing.is_mask:
        text = "a painted region, which is not read here; export the project as COCO or as PNG masks"
        drawing.problems.append(image.says(text, number))
    elif kind in ("keypoint", "brush", "video", "magicwand", "vector", "number", "relation", "text", "taxonomy"):
        drawing.left[kind] += 1
    elif not points and kind in ("rectangle", "polygon", "ellipse"):
        drawing.problems.append(image.says(f"'{kind}' without its numbers or original_width", number))
    elif points and not labels:
        drawing.problems.append(image.says("a region without a label", number))
    elif points:
        image.width, image.height = (side_in(result.get(key, value.get(key))) for key in _SIDES)
        image.outlines += [Outline(label, points, number) for label in labels]


_SIDES = ("original_width", "original_height")


def _corners(value: Mapping[str, Any], result: Mapping[str, Any]) -> list[Point]:
    """Return the corners of a region, which is in percent of the image, in pixels."""
    width, height = (side_in(result.get(key, value.get(key))) for key in _SIDES)
    across, down = width / 100, height / 100
    if not across or not down:
        return []
    if found := numbers_in(*map(value.get, ("x", "y", "width", "height"))):
        x, y, *sides = found
        degrees = numbers_in(value.get("rotation") or 0) or [0.0]
        return rectangle(x * across, y * down, sides[0] * across, sides[1] * down, degrees[0])
    if found := numbers_in(*map(value.get, ("x", "y", "radiusX", "radiusY"))):
        return ellipse(found[0] * across, found[1] * down, found[2] * across, found[3] * down)
    points = value.get("points")
    pairs = [numbers_in(*pair) if isinstance(pair, list) else None for pair in points if points] if points else []
    plain = [(pair[0] * across, pair[1] * down) for pair in pairs if pair and len(pair) == 2]
    return plain if len(plain) == len(pairs) > 2 else []


def _list_choices(task: Task) -> tuple[str, ...]:
    found = [value for one in task.results if isinstance(value := _value(one).get("choices"), list)]
    return tuple(sorted({text for names in found for name in names if (text := normalise_text(str(name).strip()))}))


def _choices(tasks: Sequence[Task], drawing: Drawing, folder: Path, options: Options) -> "Samples":
    from auto_train.data.targets import LabelSets

    places, problems = Places(folder, options), drawing.problems
    found: dict[Path, tuple[str, tuple[str, ...]]] = {}
    for task in tasks:
        path, problem = places.locate(task.name, task.file.parent, task.split)
        names = _list_choices(task)
        if options.target == "label" and len(names) != 1:
            problem = problem or ("no choice" if not names else f"several choices: {', '.join(names)}")
        problem = problem or (f"there is a second task with this image, {path.name}" if path in found else "")
        wrong = [text for name in names if (text := explain_unknown_class(name, options.classes))]
        problems += [
            f"{shorten_name(task.file)}: task {task.number}: {text} ({task.name})" for text in (problem, *wrong) if text
        ]
        found[path] = (task.split, names)
    hint = "several choices for an image are learnt by [project] type = multilabel (init --task multilabel)"
    refuse(problems, folder, hint if any("several choices" in text for text in problems) else "")
    if options.target == "label":
        rows = [(path, split, names[0], "") for path, (split, names) in found.items()]
        return file_samples(rows, folder, drawing.warnings)
    labels = list(options.classes) or sorted({name for _, names in found.values() for name in names})
    targets = LabelSets(sets=[names for _, names in found.values()])
    images = [(path, split, "") for path, (split, _) in found.items()]
    return target_samples(images, targets, labels, folder, warnings=drawing.warnings, notes=places.notes)
