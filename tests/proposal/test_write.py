import os
from pathlib import Path

import pytest

from auto_train import actions
from auto_train.common.read_data import fetch_data, read_only
from auto_train.config import load_config
from auto_train.errors import DataError, UsageError
from auto_train.proposal.machine import inspect_machine
from auto_train.proposal.target import project_name
from auto_train.proposal.write import NewConfig
from tests.tiny import write_digits


def write(place: Path | str, output: Path | None = None, **options: bool) -> NewConfig:
    return actions.init_config(place, output, offline=True, **options)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_writes_an_ini_that_loads_without_a_word(digit_files: Path, here: Path) -> None:
    made = write(digit_files)
    config = load_config(here / "digit-files0.ini")
    assert config.warnings == ()
    assert made.path == Path("digit-files0.ini")
    assert config.training.dir == str(digit_files)
    assert (config.project.name, config.project.data.format) == ("digit-files0", "folders")
    assert (config.architecture.image_size, config.architecture.backbone.stem) == (28, "small")
    assert all(config[choice.key] == choice.value for choice in made.choices)
    assert made.next == "python main.py train --config=digit-files0.ini"
    assert (made.splits, made.labels, made.width) == ({"": 72}, ["0", "1", "2"], 28)


def test_init_comments_every_line(digit_files: Path, here: Path) -> None:
    text = write(digit_files, Path("x.ini")).path.read_text(encoding="utf-8")
    assert text.startswith(f"# {digit_files}: 72 in no split; 3 classes: 0, 1, 2.\n# For a machine of ")
    keys = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    assert "flip = false" in keys
    blocks = [block.splitlines() for block in text.split("\n\n")[1:]]
    assert all(block[0].startswith("[") and block[1].startswith("# ") for block in blocks)


def test_init_keeps_a_relative_path_as_it_was_meant(here: Path) -> None:
    write_digits(here / "some data" / "inner" / "set", {"0": 4, "1": 4})
    made = write("some data", Path("x.ini"))
    assert load_config("x.ini").training.dir == "some data/inner/set"
    assert made.notes and made.folder == here / "some data/inner/set"


def test_init_writes_the_columns_of_a_table(here: Path) -> None:
    write_digits(here / "set" / "files", {"0": 4, "1": 4})
    rows = [f"files/{path.parent.name}/{path.name},{path.parent.name}" for path in here.rglob("*.png")]
    (here / "set" / "all.csv").write_text("\n".join(["picture,digit", *rows]))
    for place in ("set", "set/all.csv"):
        write(place, Path("x.ini"), force=True)
        data = load_config("x.ini").project.data
        assert (data.format, data.path_column, data.label_column) == ("csv", "picture", ["digit"])


@pytest.mark.parametrize(
    ("data", "task", "recipe", "labels"),
    [
        ("bccd", None, "object_detection", ["Platelets", "RBC", "WBC"]),
        ("bccd", "multilabel", "multilabel", ["Platelets", "RBC", "WBC"]),
        ("bccd/derived_counts.csv", "regression", "regression", ["rbc", "wbc", "platelets"]),
        ("nuclei_256", None, "segmentation", ["background", "nucleus"]),
    ],
)
def test_init_of_real_data_chooses_the_recipe_and_says_how_to_read_it(
    real, here: Path, data: str, task: str | None, recipe: str, labels: list[str]
) -> None:
    folder, _, file = data.partition("/")
    place = real(folder) / file if file else real(folder)

    made = actions.init_config(place, Path("x.ini"), task=task, offline=True)

    config = load_config("x.ini")
    assert config.warnings == ()
    assert (made.task, config.project.type, made.labels) == (recipe, recipe, labels)
    samples = read_only(config, fetch_data(config, offline=True))
    assert samples.labels == labels and samples.warnings == ()
    assert samples.targets is not None and samples.targets.kind == made.target
    assert samples.table["split"].value_counts().to_dict() == made.splits
    assert any("--task" in note for note in made.notes) == (task is None)


def test_init_replaces_nothing_unless_told_to(digit_files: Path, here: Path) -> None:
    (here / "mine.ini").write_text("mine")
    with pytest.raises(UsageError, match=f"{here}/mine.ini: is there already\n.*--force replaces it, -o names"):
        write(digit_files, Path("mine.ini"))
    assert (here / "mine.ini").read_text() == "mine"
    write(digit_files, Path("mine.ini"), force=True)
    assert load_config("mine.ini").project.type == "classification"


def test_init_says_what_is_there_before_it_looks_at_data(here: Path) -> None:
    (here / "none.ini").touch()
    with pytest.raises(UsageError, match="is there already"):
        write(here / "none")


@pytest.mark.parametrize("name", ["no/such/../../file.ini/x.ini", "x" * 300 + ".ini"])
def test_init_where_nothing_can_be_written_says_so(digit_files: Path, here: Path, name: str) -> None:
    (here / "file.ini").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        write(digit_files, Path(name))


def test_init_offline_without_weights_warns(digit_files: Path, here: Path) -> None:
    (warning,) = [text for text in write(digit_files).warnings if "pretrained" in text]
    assert "training starts from random ones. Put a file of timm's weights into" in warning


def test_init_counts_broken_images_it_saw(here: Path) -> None:
    folder = write_digits(here / "set", {"0": 4, "1": 4})
    (folder / "0" / "x.png").write_bytes(b"")
    assert any("1 of 9 images looked at cannot be read" in text for text in write(folder).warnings)


def test_init_of_a_name_that_is_no_text_says_so(here: Path) -> None:
    folder = write_digits(here / os.fsdecode(b"no utf-8 \xff"), {"0": 2, "1": 2})
    with pytest.raises(DataError, match="is no UTF-8 text, so no INI can hold it"):
        write(folder)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("flowers_240", "flowers-240"),
        ("Blüten & Gräser", "bluten-graser"),
        ("花", "project"),
        ("..", "project"),
        ("-x-", "x"),
        ("y" * 255, "y" * 40),
        ("a b${c}/d", "a-b-c-d"),
    ],
)
def test_project_name_is_plain(folder: str, name: str) -> None:
    assert project_name(folder) == name


@pytest.mark.parametrize("name", ["花 <b>50% $x</b> #1", "x" * 255])
def test_init_takes_folders_and_labels_of_any_name(here: Path, name: str) -> None:
    folder = write_digits(here / name, {"0": 3, "1": 3})
    (folder / "0").rename(folder / "{0}; # \n[a]")
    (folder / "1").rename(folder / "1e5")
    made = write(folder, Path("x.ini"))
    config = load_config("x.ini")
    assert config.training.dir == str(folder)
    assert made.labels == ["1e5", "{0}; # \n[a]"]


def test_this_machine_has_cores_and_memory() -> None:
    machine = inspect_machine()
    assert machine.cores >= 1
    assert 0 < machine.memory_gb < 10_000
    assert str(machine).startswith(f"{machine.cores} cores, ")
