"""Five ways to ask a model give one answer: REST, `validate --image`, Python, onnxruntime, learn.predict."""

import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from _measure import ROOT, finish, mirror, verdict

LIMIT = 1e-4
IMAGES = 100
VALIDATED = 5  # `validate --image` is a process per image


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(mirror() / "flowers_240" / "flowers_240.tgz") as archive:
            archive.extractall(folder, filter="data")
        overrides = [
            f"training.dir={folder}/flowers_240", f"project.location={folder}/project", "project.data_source_url=none",
            "project.data_sha256=none", "architecture.backbone.weights=mobilenetv2_100_int8src.safetensors",
            "training.scheme.freeze_epochs=1", "training.scheme.epochs=1",
        ]  # fmt: skip
        os.environ["AUTO_TRAIN_CACHE"] = f"{folder}/cache"
        os.environ["AUTO_TRAIN_MIRROR"] = str(mirror())
        run(["train", "--config=configs/flowers.ini", *overrides])
        paths = sorted((folder / "flowers_240" / "valid").rglob("*.jpg"))[:IMAGES]
        finish(*compare(overrides, paths, folder))


def compare(overrides: list[str], paths: list[Path], folder: Path) -> list[bool]:
    import auto_train

    model = auto_train.load("configs/flowers.ini", overrides)
    reference = np.array([probabilities(model(path)) for path in paths])
    found = {
        "onnxruntime": onnx(folder, paths),
        "learn.predict": learn(overrides, paths),
        "POST /validate/": rest(overrides, paths),
        "validate --image": np.array([validate(overrides, path) for path in paths[:VALIDATED]]),
    }
    return [
        verdict(f"load(…)(image) and {name}", np.abs(values - reference[: len(values)]).max(), LIMIT, at_most=True,
                detail=f"largest difference on {len(values)} images")
        for name, values in found.items()
    ]  # fmt: skip


def probabilities(answer: dict[str, dict[str, float]]) -> list[float]:
    return list(answer["probabilities"].values())


def run(words: list[str]) -> str:
    return subprocess.run(
        [sys.executable, "main.py", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def validate(overrides: list[str], path: Path) -> list[float]:
    return probabilities(json.loads(run(["validate", "--config=configs/flowers.ini", f"--image={path}", *overrides])))


def onnx(folder: Path, paths: list[Path]) -> np.ndarray:
    """Ask the exported file with onnxruntime and Pillow alone."""
    import onnxruntime
    from PIL import Image

    session = onnxruntime.InferenceSession(folder / "project/runs/latest/exports/onnx/model.onnx")
    return np.array(
        [session.run(None, {"images": np.asarray(Image.open(path).convert("RGB"))[None]})[0][0] for path in paths]
    )


def learn(overrides: list[str], paths: list[Path]) -> np.ndarray:
    """Ask the Learner."""
    from auto_train.classification.model import ClassificationModel
    from auto_train.config import load_config

    task = ClassificationModel(load_config("configs/flowers.ini", overrides), inference_only=True)
    return np.array([task.learn.predict(path)[2].double().numpy() for path in paths])


def rest(overrides: list[str], paths: list[Path]) -> np.ndarray:
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["main.py", "serve", "--config=configs/flowers.ini", f"serve.port={port}", *overrides]
    server = subprocess.Popen([sys.executable, *words], cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{url}/readyz")
        answers = [
            httpx.post(f"{url}/validate/", files={"img": path.read_bytes()}, timeout=30).json() for path in paths
        ]
        return np.array([probabilities(answer) for answer in answers])
    finally:
        server.terminate()
        server.wait(30)


def wait_until_ready(url: str) -> None:
    import httpx

    for _ in range(300):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)


if __name__ == "__main__":
    main()
