"""One image has one answer, whichever way it is asked: Python, REST, the command line, the bare ONNX file."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train import actions
from tests.api.conftest import listening
from tests.conftest import RunCli, TrainedRun


def test_all_doors_give_the_same_answer_for_real_images(
    digits_run: TrainedRun, run_cli: RunCli, tmp_path: Path
) -> None:
    import onnxruntime
    from sklearn.datasets import load_digits

    from auto_train.api import create_app

    session = onnxruntime.InferenceSession(digits_run.onnx)
    predictor = actions.load(digits_run.config)
    with listening(create_app(digits_run.config)) as client:
        for i, digit in enumerate(load_digits().images[:100]):
            picture = Image.fromarray((digit * 15).astype(np.uint8)).convert("RGB").resize((40, 56))
            file = io.BytesIO()
            picture.save(file, "PNG")
            expected = session.run(None, {"images": np.array(picture)[None]})[0][0]
            doors = [predictor(file.getvalue()), client.post("/validate/", files={"img": file.getvalue()}).json()]
            if i < 3:
                (tmp_path / "digit.png").write_bytes(file.getvalue())
                done = run_cli("validate", f"--config={digits_run.config}", f"--image={tmp_path}/digit.png")
                doors.append(json.loads(done.stdout))
            for answer in doors:
                assert list(answer["probabilities"].values()) == pytest.approx(expected, abs=1e-4)
                assert answer["prediction"] == str(expected.argmax())
