import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from auto_train import registry
from auto_train.classification.model import Classifier
from auto_train.data.pixels.resize import resize_images
from auto_train.errors import BundleError, TaskContractError
from auto_train.models.inference import InferenceModel
from tests.models.conftest import LABELS, make_classifier


def batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image)[None]


@torch.no_grad()
def answer(model: InferenceModel, image: np.ndarray) -> torch.Tensor:
    return model(batch(image))[0]


def test_model_answers_images_of_any_size(classifier: Classifier, photos: list[np.ndarray]):
    for photo in photos:
        probabilities = answer(classifier, photo)
        assert probabilities.shape == (3,) and probabilities.dtype == torch.float32
        assert float(probabilities.sum()) == pytest.approx(1, abs=1e-6)


def test_model_does_resize_and_normalisation_itself(classifier: Classifier, photos: list[np.ndarray]):
    photo = photos[5]
    pixels = resize_images(batch(photo), 32) / 255
    # ImageNet's statistics, as the classifier was told
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    inputs = (pixels - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(classifier.prepare(batch(photo)), inputs, atol=1e-5)
    with torch.no_grad():
        expected = classifier.network(inputs).softmax(dim=1)[0]
    assert torch.allclose(answer(classifier, photo), expected, atol=1e-6)


def test_model_gives_an_image_the_same_answer_in_any_batch(classifier: Classifier, photos: list[np.ndarray]):
    square = [photos[0], photos[0][::-1].copy(), photos[0][:, ::-1].copy()]
    with torch.no_grad():
        together = classifier(torch.from_numpy(np.stack(square)))
    assert all(torch.allclose(together[i], answer(classifier, image), atol=1e-6) for i, image in enumerate(square))


def test_temperature_divides_the_logits_and_is_saved(classifier: Classifier, photos: list[np.ndarray]):
    before = answer(classifier, photos[5])
    classifier.set_temperature(2.0)
    after = answer(classifier, photos[5])
    assert torch.allclose(after, (before.log() / 2).softmax(dim=0), atol=1e-6)
    assert after.argmax() == before.argmax() and after.max() < before.max()
    assert classifier.config["temperature"] == 2.0


def test_finished_model_answers_on_the_processor_in_float32(photos: list[np.ndarray]):
    trained = make_classifier().train().to(torch.float64)
    finished = trained.finish()
    assert finished is trained and not finished.network.training
    assert {tensor.dtype for tensor in finished.network.parameters()} == {torch.float32}
    assert torch.equal(answer(finished, photos[0]), answer(make_classifier().eval(), photos[0]))


def test_weights_of_another_layout_are_saved_as_they_are(photos: list[np.ndarray], tmp_path: Path):
    trained, expected = make_classifier().to(memory_format=torch.channels_last), make_classifier()
    trained.save_weights(tmp_path / "weights.safetensors")
    loaded = make_classifier(name="other")
    with torch.no_grad():
        loaded.network[1][1][1].bias.fill_(9)
    loaded.load_weights(tmp_path / "weights.safetensors")
    for name, tensor in expected.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_model_goes_through_a_bundle_unchanged(classifier: Classifier, photos: list[np.ndarray], tmp_path: Path):
    classifier.set_temperature(1.7)
    classifier.save_pretrained(tmp_path)
    loaded = Classifier.from_pretrained(tmp_path)
    assert loaded.config == classifier.config and not loaded.training
    assert all(torch.equal(answer(loaded, photo), answer(classifier, photo)) for photo in photos)
    assert (tmp_path / "model/weights.safetensors").is_file()
    stored = json.loads((tmp_path / "model/config.json").read_text())
    assert stored["labels"] == LABELS and stored["temperature"] == 1.7 and stored["image_size"] == 32


def test_bundle_holds_only_the_networks_weights(classifier: Classifier, tmp_path: Path):
    from safetensors.torch import load_file

    classifier.save_pretrained(tmp_path)
    assert all(name.startswith("network.") for name in load_file(tmp_path / "model/weights.safetensors"))


def test_preprocess_runs_before_the_resize(photos: list[np.ndarray]):
    @registry.preprocess_function.register("upside_down")
    def upside_down():
        return lambda images: images.flip(1)

    model = make_classifier(preprocess={"@preprocess_function": "upside_down"})
    assert torch.equal(answer(model, photos[5]), answer(make_classifier(), photos[5][::-1].copy()))


def test_head_of_the_recipe_is_found_by_name():
    model = make_classifier(head={"@head": "custom_head", "head_input_size": 64, "num_classes": 3})
    assert len(model.network[1][1]) == 4


def test_head_nobody_registered_is_named():
    with pytest.raises(TaskContractError, match="no head is registered as 'nowhere'"):
        make_classifier(head={"@head": "nowhere"})


def test_class_without_answers_says_so():
    model = InferenceModel(**{k: v for k, v in make_classifier().config.items() if k != "__module__"})
    with pytest.raises(NotImplementedError, match=r"InferenceModel defines no answers\(\)"):
        model(torch.zeros(1, 8, 8, 3, dtype=torch.uint8))


def test_stored_pixels_give_the_live_answer(classifier: Classifier, photos: list[np.ndarray], tmp_path: Path):
    from auto_train.data.images import ArrayImages
    from auto_train.data.pixels.store import open_pixels

    photo = photos[5]
    store = open_pixels(ArrayImages([("photo", photo[None])]), 32, hashes=["photo"], cache=tmp_path)
    stored = torch.from_numpy(store.batch([0])).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        outputs = classifier.network(classifier.normalise(stored))
    assert torch.equal(F.softmax(outputs, dim=1)[0], answer(classifier, photo))


@pytest.mark.parametrize("key", ["weights", "pretrained", "checkpoint_path", "pretrained_cfg_overlay"])
def test_config_of_a_bundle_opens_no_files(key: str):
    with pytest.raises(BundleError, match=rf"a bundle's backbone names {key}: a config opens no files but its own"):
        make_classifier(backbone={"arch": "resnet18", key: "/etc/passwd"})
