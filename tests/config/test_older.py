import pytest

from auto_train.config import default_config, lint_config, load_config
from auto_train.config.older import MODELS, SIZES
from auto_train.config.timm_models import load_known_models
from auto_train.errors import ConfigError


def test_model_that_is_here_is_taken_at_its_word_without_a_warning(write_ini):
    path = write_ini(
        "[project]\ntype = object_detection\n[architecture]\nmodel_type = torchvision.faster_rcnn\n"
        "backbone = resnet34_fpn\nsize = 256\npretrained = False\n[export]\nformats = []\n"
    )
    config = load_config(path, ["architecture.size=128"])
    assert config.architecture.detector == "faster_rcnn"
    assert config.architecture.image_size == 128
    assert (config.architecture.backbone.model, config.architecture.backbone.pretrained) == ("resnet34", False)
    assert not lint_config(path)


def test_what_is_said_of_the_model_can_be_referred_to(write_ini):
    path = write_ini(
        "[project]\ntype = object_detection\nname = ${architecture.model_type}-${architecture.size}\n"
        "[architecture]\nmodel_type = torchvision.retinanet\nsize = 256\npretrained = false\n"
    )
    config = load_config(path)
    assert config.project.name == "torchvision.retinanet-256"
    assert (config.architecture.detector, config.architecture.backbone.pretrained) == ("retinanet", False)
    again = write_ini(config.to_ini(), "again.ini")
    assert load_config(again) == config and not lint_config(again)


def test_model_that_is_chosen_in_todays_words_is_not_warned_of(write_ini):
    older = "[project]\ntype = object_detection\n[architecture]\nmodel_type = ultralytics.yolov5\nbackbone = small\n"
    for text, overrides in ((older, ["architecture.detector=retinanet"]), (f"{older}detector = retinanet\n", [])):
        path, overrides = write_ini(text), [*overrides, "architecture.backbone.model=resnet18"]
        assert load_config(path, overrides).architecture.detector == "retinanet"
        assert not lint_config(path, overrides)


def test_todays_keys_win_over_older_ones_of_a_base(write_ini):
    write_ini("[project]\ntype = segmentation\n[architecture]\nmodel_type = unet\nbackbone = resnet34\n", "old.ini")
    path = write_ini("[META]\nbase = old\n[architecture]\ndecoder = fpn\n[architecture.backbone]\nmodel = resnet18\n")
    config = load_config(path)
    assert (config.architecture.decoder, config.architecture.backbone.model) == ("fpn", "resnet18")


def test_size_is_the_image_size_unless_that_is_said_beside_it(write_ini):
    path = write_ini("[project]\ntype = segmentation\n[architecture]\nsize = 96\n")
    for overrides, expected in (([], 96), (["architecture.image_size=64"], 64), (["architecture.size=128"], 128)):
        config = load_config(path, overrides)
        assert config.architecture.image_size == expected
        # what a run keeps says the same when it is read again
        again = write_ini(config.to_ini(), "again.ini")
        assert load_config(again).architecture.image_size == expected
        warnings = [problem.message for problem in lint_config(again)]
        assert warnings == (["'96' has no effect: [architecture] image_size is 64"] if expected == 64 else [])
    assert default_config("segmentation", {"architecture.size": 128}).architecture.image_size == 128
    assert load_config(
        write_ini("[project]\ntype = segmentation\n[architecture]\nsize = none\n")
    ).architecture.image_size


def test_backbone_as_a_key_without_model_type_is_a_mistake(write_ini):
    path = write_ini("[project]\ntype = segmentation\n[architecture]\nbackbone = resnet18\n")
    with pytest.raises(ConfigError, match=r"'backbone' is the section \[architecture\.backbone\]"):
        load_config(path)


def test_other_tasks_have_no_older_words(write_ini):
    path = write_ini("[architecture]\nmodel_type = torchvision.fcos\n")
    (problem,) = lint_config(path)
    assert (problem.level, problem.key) == ("warning", "model_type")


def test_what_stands_in_is_known_to_the_recipe_and_to_timm(write_ini):
    assert set(SIZES.values()) <= set(load_known_models())
    for task, (key, known, instead) in MODELS.items():
        for value in {instead, *known.values()}:
            load_config(
                write_ini(f"[project]\ntype = {task}\n[architecture]\n{key} = {value}\n[export]\nformats = []\n")
            )
