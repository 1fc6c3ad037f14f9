"""Writes the bundle: the model, its golden answers, facts, the resolved config and a model card."""

from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.bundle import write_golden
from auto_train.common.evaluation import load_some_images
from auto_train.common.licences import model_licences
from auto_train.common.onnx_snippet import onnx_snippet
from auto_train.common.trainer import Trainer
from auto_train.data import evaluation_hash
from auto_train.files import write_atomically
from auto_train.models.inference import InferenceModel
from auto_train.runs.folder import RunFolder, environment

if TYPE_CHECKING:
    from auto_train.common.task import Task

GOLDEN_IMAGES = 4
# Of the export, from the run folder.
ONNX = "exports/onnx/model.onnx"


def write_bundle(root: Path, task: "Task", inference: InferenceModel, metrics: dict[str, float]) -> None:
    """Write the portable model of a run into an empty folder (ARCHITECTURE, Bundle)."""
    config = task.config
    custom = config.project.custom_functions
    inference.save_pretrained(root, code=[Path(custom).expanduser()] if custom and _uses_code(inference) else [])
    # Variables stay variables: project.location=… then moves every path that is built on it.
    Trainer(config.to_ini(resolved=False)).save_pretrained(root)
    write_golden(inference, load_some_images(task.samples.of("valid"), GOLDEN_IMAGES), root / "golden")
    facts = {
        "metrics": metrics,
        "evaluation_hash": evaluation_hash(task.samples),
        "data": {"origin": task.source.origin, "warning": task.source.warning},
        "environment": environment({"device": str(task.device)}),
        "licences": model_licences(config.architecture.backbone),
    }
    RunFolder(root).write_json("facts.json", facts)
    write_atomically(root / "config.ini", config.to_ini().encode())
    write_atomically(root / "README.md", _card(task, inference, metrics).encode())


def _uses_code(inference: InferenceModel) -> bool:
    return bool(inference.config["head"] or inference.config["preprocess"])


def _card(task: "Task", inference: InferenceModel, metrics: dict[str, float]) -> str:
    warning = task.source.warning
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in metrics.items())
    labels = ", ".join(inference.labels[:20]) + (", …" if len(inference.labels) > 20 else "")
    backbone = inference.config["backbone"]["arch"]
    note = f"\n> {warning.splitlines()[0]}\n" if warning else ""
    return f"""# {inference.name}

{inference.task} with {backbone} at {inference.image_size} px, {len(inference.labels)} {inference.label_noun}: {labels}.
{note}
| metric | value |
|---|---|
{rows}

```python
import auto_train

model = auto_train.load("bundle")
print(model("photo.jpg"))
```
{_onnx(inference) if "onnx" in task.config.export.formats else ""}"""


def _onnx(inference: InferenceModel) -> str:
    """Return how the export beside the bundle is used without AutoTrain."""
    lines = onnx_snippet(ONNX, image="photo.jpg", answers=inference.output_name, is_one_class=inference.is_one_class)
    return f"""
The same model as ONNX is `{ONNX}`, beside the bundle in the folder of its run. It takes pixels (N, H, W, 3)
uint8 RGB of any size and resizes them itself; it answers with `{inference.output_name}`. A photograph has to be upright
and without transparency, as `read` below makes it:

```python
{lines}```
"""
