import json
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train.bundle import load_bundle, write_golden
from auto_train.bundle.golden import compare_golden
from auto_train.errors import BundleError
from tests.models.conftest import make_classifier


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    model = make_classifier()
    model.save_pretrained(tmp_path)
    images = [np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), dtype=np.uint8) for i in range(3)]
    write_golden(model, images, tmp_path / "golden")
    return tmp_path


def answers(bundle: Path) -> dict[str, list[float]]:
    return json.loads((bundle / "golden/answers.json").read_text())


def change(bundle: Path, by: float) -> None:
    recorded = answers(bundle)
    recorded["1.png"][0] += by
    (bundle / "golden/answers.json").write_text(json.dumps(recorded))


def test_golden_answers_are_those_of_the_model(bundle: Path):
    assert sorted(answers(bundle)) == ["0.png", "1.png", "2.png"]
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in answers(bundle).values())
    load_bundle(bundle)


@pytest.mark.parametrize("by", [0.01, float("nan")])
def test_model_that_answers_otherwise_is_refused(bundle: Path, by: float):
    change(bundle, by)
    match = r"the model's answer to .*1.png differs by .* \(allowed: 0.001\)\n.*facts.json"
    with pytest.raises(BundleError, match=match) as caught:
        load_bundle(bundle)
    assert caught.value.exit_code == 6
    load_bundle(bundle, check_golden=False)


def test_difference_of_another_processor_is_accepted(bundle: Path):
    change(bundle, 1e-4)
    load_bundle(bundle)


def test_answers_of_other_classes_are_refused(bundle: Path):
    (bundle / "golden/answers.json").write_text(json.dumps({name: row[:2] for name, row in answers(bundle).items()}))
    with pytest.raises(BundleError, match="differs by inf"):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["", "[1]", '{"0.png": 5}', '{"nowhere.png": [1]}'])
def test_golden_answers_that_cannot_be_read_are_a_bundle_error(bundle: Path, text: str):
    (bundle / "golden/answers.json").write_text(text)
    with pytest.raises(BundleError, match=r"answers.json: the golden answers cannot be read"):
        load_bundle(bundle)


def test_any_form_of_the_model_is_compared(bundle: Path):
    model = make_classifier()

    def infer(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(images)).numpy()

    compare_golden(bundle / "golden", infer)
    with pytest.raises(BundleError, match="differs by"):
        compare_golden(bundle / "golden", lambda images: infer(images)[:, ::-1])


def test_folder_without_golden_answers_passes(tmp_path: Path):
    compare_golden(tmp_path, lambda images: images)


def test_large_answers_are_files_of_their_own_and_compared_as_the_task_says(tmp_path: Path):
    class Mask(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images[..., 0]

    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    write_golden(Mask(), [image, image[:4, :5]], tmp_path)
    recorded = json.loads((tmp_path / "answers.json").read_text())
    assert recorded["0.png"] == "0.npy" and len(recorded["1.png"]) == 4
    compare_golden(tmp_path, lambda images: images[..., 0])
    with pytest.raises(BundleError, match=r"differs by 2\.6e\+02"):
        compare_golden(tmp_path, lambda images: 255 - images[..., 0].astype(int), lambda a, b: float(abs(a - b).max()))
    compare_golden(tmp_path, lambda images: images[..., 1], lambda expected, found: 0.0)
    (tmp_path / "0.npy").write_bytes(b"x")
    with pytest.raises(BundleError, match="the golden answers cannot be read"):
        compare_golden(tmp_path, lambda images: images[..., 0])
