"""Run folders written by hand, as a training leaves them: any number of images and classes in a moment."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

LABELS = ("cat", "dog", "owl")
CONFIG = """\
[project]
name = {name}
type = classification
data_source_url = ["https://example.org/pets.zip"]

[architecture]
image_size = 32

[architecture.backbone]
model = resnet18

[training]
dir = data/pets

[training.scheme]
epochs = {epochs}
"""


def predictions(
    images: int = 120, labels: Sequence[str] = LABELS, *, seed: int = 0, accuracy: float = 0.8, prefix: str = ""
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows of predictions/<split>.csv and log probabilities (images, classes) of a model of some accuracy."""
    generator = np.random.default_rng(seed)
    true = np.arange(images) % len(labels)
    logits = generator.normal(size=(images, len(labels)))
    logits[np.arange(images), true] += np.where(generator.random(images) < accuracy, 4, -2)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    said, own = p.argmax(axis=1), p[np.arange(images), true]
    softer = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    names = np.array(labels, dtype=object)
    table = pd.DataFrame(
        {
            "path": [f"{prefix}{names[c]}/{i:04d}.jpg" for i, c in enumerate(true)],
            "sha256": [f"{prefix}{i:064x}"[-64:] for i in range(images)],
            "width": 40 + generator.integers(0, 60, images),
            "height": 50,
            "brightness": generator.uniform(10, 240, images).round(1),
            "label": names[true],
            "predicted": names[said],
            "confidence": softer.max(axis=1),
            "uncalibrated": p.max(axis=1),
            "score": (said == true).astype(int),
            "loss": -np.log(own),
            "rank": 1 + (p > own[:, None]).sum(axis=1),
        }
    )
    return table, np.log(p)


def write_run(
    run: Path,
    table: pd.DataFrame,
    scores: np.ndarray | None = None,
    *,
    labels: Sequence[str] = LABELS,
    split: str = "valid",
    epochs: int = 3,
    name: str = "pets",
    parts: Sequence[dict] = (),
    pictures: int = 30,
) -> Path:
    """Write a finished run that was measured on these rows."""
    (run / "bundle/model").mkdir(parents=True)
    (run / "checkpoints").mkdir()
    (run / "predictions" / split).mkdir(parents=True)
    (run / "STATUS").write_text("done\n")
    (run / "config.ini").write_text(CONFIG.format(name=name, epochs=epochs), encoding="utf-8")
    write_lines(run / "events.jsonl", [
        {"time": "2026-01-02T03:04:05+00:00", "event": "start", "command": ["main.py", "train"], "cwd": "here"},
        {"time": "2026-01-02T03:04:06+00:00", "event": "data", "splits": {split: len(table)}, "source": "url"},
        {"time": "2026-01-02T03:04:07+00:00", "event": "precision", "chosen": "float32"},
        {"time": "2026-01-02T03:04:08+00:00", "event": "export", "format": "onnx", "max_difference": 1e-6, "images": 3},
        {"time": "2026-01-02T03:04:09+00:00", "event": "done", "error": None},
    ])  # fmt: skip
    metrics = {"accuracy": float(table["score"].mean()), "loss": float(table["loss"].mean())}
    write_lines(run / "metrics.jsonl", [*(epoch_row(i + 1) for i in range(epochs)), {
        "final": True, **{f"{split}/{key}": value for key, value in metrics.items()}, "data": "url",
    }])  # fmt: skip
    write_json(run / "evaluation.json", {
        "schema_version": 1, "task": "classification", "labels": list(labels), "epoch": epochs, "temperature": 2.0,
        "score": {"name": "accuracy", "better": "max"},
        "splits": {split: {"images": len(table), "metrics": metrics, "parts": list(parts), "has_rows": True}},
    })  # fmt: skip
    write_json(run / "env.json", {"python": "3.11", "cpu_count": 2, "libraries": {"torch": "2.15.0", "timm": None}})
    write_json(run / "bundle/model/config.json", {
        "backbone": {"arch": "resnet18"}, "image_size": 32, "labels": list(labels), "temperature": 2.0,
    })  # fmt: skip
    write_json(run / "bundle/facts.json", {
        "data": {"origin": "url", "warning": None}, "evaluation_hash": "e" * 64, "licences": {"code": "Apache-2.0"},
    })  # fmt: skip
    manifest = table[["path", "label", "sha256"]].assign(split=split)[["path", "split", "label", "sha256"]]
    manifest.to_csv(run / "manifest.csv", index=False, errors="surrogateescape")
    table.to_csv(run / "predictions" / f"{split}.csv", index=False, errors="surrogateescape")
    if scores is not None:
        np.savez(run / "predictions" / f"{split}.npz", rows=np.arange(len(table)), log_probabilities=scores)
    for row in np.flatnonzero(table["score"].to_numpy() == 0)[:pictures]:
        Image.new("RGB", (48, 32), (int(row) % 256, 90, 160)).save(run / "predictions" / split / f"{row}.webp")
    return run


def epoch_row(epoch: int) -> dict:
    return {
        "epoch": epoch, "stage": "all", "lr": 1e-3, "seconds": 2.5, "images_per_s": 100.0, "train/loss": 1 / epoch,
        "train/accuracy": 1 - 0.5 / epoch, "valid/loss": 1.2 / epoch, "valid/accuracy": 1 - 0.6 / epoch,
    }  # fmt: skip


def write_lines(path: Path, rows: Sequence[dict]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def change_json(path: Path, **changes: object) -> None:
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | changes)
