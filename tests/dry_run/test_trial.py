import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auto_train import actions
from auto_train.dry_run.trial import EPOCHS, STAGES, check_places, trial
from auto_train.errors import DataError, MissingError, RequestError, UsageError
from auto_train.types import Progress
from tests.serving.tiny import POSTPROCESS
from tests.tiny import tiny_config, write_digits


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def tried(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tried")
    config = tiny_config(folder, digit_files, "export.formats=onnx", "training.scheme.epochs=30")
    before, told = files(folder), list[Progress]()
    found = actions.dry_run(config, progress=told.append)
    return {"found": found, "told": told, "left": files(folder) - before, "folder": folder}


def test_dry_run_goes_through_every_stage(tried: dict[str, Any]) -> None:
    stages = tried["found"].stages
    assert tuple(stage.name for stage in stages) == STAGES
    assert all(0 < stage.seconds < 120 and 50 < stage.peak_mb < 20_000 for stage in stages)
    assert [event.stage for event in tried["told"]] == list(STAGES)


def test_dry_run_leaves_nothing(tried: dict[str, Any]) -> None:
    assert tried["left"] == set()


def test_dry_run_answers_an_image_as_the_service_does(tried: dict[str, Any]) -> None:
    answer = tried["found"].answer
    assert answer["prediction"] in ("0", "1", "2")
    assert set(answer["probabilities"]) == {"0", "1", "2"}


def test_dry_run_estimates_the_whole_training(tried: dict[str, Any]) -> None:
    plan = tried["found"].estimate
    assert (plan.epochs, sum(plan.images.values())) == (30, 72)
    assert plan.images["valid"] == 14
    assert 0 < plan.epoch_s < 60
    assert plan.total_s > 30 * plan.epoch_s
    assert plan.run_mb > 1 and plan.free_mb > 0
    assert 0.16 < plan.store_mb < 0.3  # 72 images of 28 x 28 x 3 bytes and their sums


def test_dry_run_of_few_rows_does_not_warn_of_what_they_lack(tried: dict[str, Any]) -> None:
    assert tried["found"].warnings == ()


def test_dry_run_looks_at_few_of_many_images(digit_files: Path, tmp_path: Path) -> None:
    for label, digit in (("a", "0"), ("b", "1")):
        (tmp_path / "many" / label).mkdir(parents=True)
        source = next((digit_files / digit).iterdir())
        for i in range(2000):
            (tmp_path / "many" / label / f"{i}.png").symlink_to(source)
    with trial(tiny_config(tmp_path, tmp_path / "many")) as running:
        few = running.samples
    assert len(running.all_samples) == 4000
    assert Counter(few.table["split"]) == {"train": 32, "valid": 17}
    assert set(few.table["label"]) == {"a", "b"}


def test_trial_config_is_short_and_writes_elsewhere(digit_files: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, digit_files, "training.minutes=5", "training.scheme.freeze_epochs=4")
    with trial(config) as running:
        scheme = running.config.training.scheme
        assert (running.config.training.minutes, running.config.training.loggers) == (None, None)
        assert (scheme.epochs, scheme.freeze_epochs) == (1, EPOCHS)
        assert Path(scheme.output_path).parent == running.folder
        assert running.config.project.location == str(running.folder / "project")
        folder = running.folder
    assert not folder.exists()


def test_dry_run_ends_with_the_error_of_the_training(digit_files: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no data here and no source is named"):
        actions.dry_run(tiny_config(tmp_path / "none", tmp_path / "nowhere"))
    with pytest.raises(DataError, match="0 images in the valid split"):
        actions.dry_run(tiny_config(tmp_path / "all", digit_files, "project.data.valid_fraction=0"))


def test_dry_run_finds_images_that_do_not_decode(tmp_path: Path) -> None:
    folder = write_digits(tmp_path / "set", {"0": 6, "1": 6})
    for file in (folder / "0").iterdir():
        file.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"files that are no images \(6\)"):
        actions.dry_run(tiny_config(tmp_path, folder))


def test_dry_run_finds_a_postprocess_function_that_fails(digit_files: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(POSTPROCESS)
    more = "[testing.postprocess]\n@postprocess_function = fails\n"
    config = tiny_config(tmp_path, digit_files, f"project.custom_functions={tmp_path}/mine.py", more=more)
    with pytest.raises(RequestError, match="the function raised KeyError: 'nothing'"):
        actions.dry_run(config)


def test_places_that_cannot_be_written_are_refused_beforehand(digit_files: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = tiny_config(tmp_path, digit_files, f"project.location={tmp_path}/file/projects")
    with pytest.raises(UsageError, match=rf"\[project\] location: '{tmp_path}/file/projects' cannot be written"):
        check_places(config)
    config = tiny_config(tmp_path, digit_files, f"training.scheme.output_path={tmp_path}/file/model.pth")
    with pytest.raises(UsageError, match=r"\[training.scheme\] output_path: "):
        check_places(config)


def test_dry_run_of_data_from_a_function_and_of_arrays(tmp_path: Path) -> None:
    found = actions.dry_run(tiny_config(tmp_path, "builtin:digits"))
    assert sum(found.estimate.images.values()) == 1797
    assert json.dumps(found.answer)
