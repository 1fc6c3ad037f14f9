from pathlib import Path

import pytest
from loguru import logger

from auto_train.config import load_config
from auto_train.errors import ConfigError, MissingError, UsageError
from auto_train.runs.find import find_run, warn_of_edits
from auto_train.runs.folder import RunFolder


def make_run(project: Path) -> RunFolder:
    run = RunFolder.create(project)
    (run.path / "config.ini").write_text("[project]\n")
    return RunFolder.open(run.path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_is_named_by_its_folder_in_any_form(here: Path):
    run = make_run(here / "projects/digits")
    for name in (run.path, str(run.path), f"projects/digits/runs/{run.path.name}", "projects/digits/runs/latest/"):
        found = find_run(name)
        assert found.folder.path == run.path and found.checkpoint == run.checkpoints / "last.ckpt"


def test_run_is_named_by_a_checkpoint_in_it(here: Path):
    run = make_run(here / "projects/digits")
    for name in ("best.ckpt", "last.ckpt"):
        (run.checkpoints / name).touch()
    found = find_run("projects/digits/runs/latest/checkpoints/best.ckpt")
    assert found.folder.path == run.path and found.checkpoint == run.checkpoints / "best.ckpt"
    assert not found.is_last and found.path == found.checkpoint
    last = find_run("projects/digits/runs/latest/checkpoints/last.ckpt")
    assert last.is_last and last.path == run.path


def test_latest_is_the_newest_run_of_the_only_project(here: Path):
    older, newer = make_run(here / "projects/digits"), make_run(here / "projects/digits")
    assert find_run("latest").folder.path == newer.path
    assert find_run(older.path.name).folder.path == older.path


def test_latest_of_several_projects_is_asked_for(here: Path):
    names = {make_run(here / "projects" / name).path.name: name for name in ("b", "a")}
    newest = names[max(names)]
    with pytest.raises(UsageError) as caught:
        find_run("latest")
    others = [name for name in ("a", "b") if name != newest]
    assert str(caught.value).splitlines() == [
        f"{here}/projects: 2 projects have a run 'latest', the newest first:",
        f"  - projects/{newest}/runs/latest",
        f"  - projects/{others[0]}/runs/latest",
        f"  name one of them: --resume projects/{newest}/runs/latest",
    ]


def test_latest_of_an_ini_is_in_its_project(here: Path, monkeypatch: pytest.MonkeyPatch):
    make_run(here / "projects/other")
    run = make_run(here / "elsewhere")
    ini = here / "my.ini"
    ini.write_text("[project]\nlocation = elsewhere\n")
    for config in (ini, load_config(ini)):
        assert find_run("latest", config).folder.path == run.path
    monkeypatch.setenv("CONFIG", str(ini))
    assert find_run("latest").folder.path == run.path


def test_latest_of_an_ini_that_was_not_trained_says_so(here: Path):
    ini = here / "my.ini"
    ini.write_text("[project]\nname = new\n")
    with pytest.raises(MissingError, match=rf"new/runs: there is no run 'latest'\n  .*project of {ini}") as caught:
        find_run("latest", ini)
    assert caught.value.exit_code == 6
    ini.write_text("[project]\nnam = new\n")
    with pytest.raises(ConfigError, match="did you mean 'name'"):
        find_run("latest", ini)


def test_run_that_is_not_there_says_how_to_name_one(here: Path):
    with pytest.raises(
        MissingError, match=rf"{here}/projects: there is no run 'latest'\n.*--config=INI --resume latest"
    ):
        find_run("latest")
    with pytest.raises(MissingError, match=rf"{here}/projects/none/runs/latest: there is no such run"):
        find_run("projects/none/runs/latest")
    with pytest.raises(MissingError, match=r"there is no run 'a{300}'"):
        find_run("a" * 300)
    (Path("projects/some/runs")).mkdir(parents=True)
    with pytest.raises(MissingError, match=r"there is no run 'a{300}'"):
        find_run("a" * 300)


def test_other_files_are_no_run(here: Path):
    for name in ("my.ini", "model.pth"):
        (here / name).touch()
    with pytest.raises(UsageError, match=r"this is an INI\n  write --config=.*my.ini --resume latest"):
        find_run("my.ini")
    with pytest.raises(
        UsageError, match=r"no checkpoint of a run \(allowed: <run>/checkpoints.*\n.*resume_training_from"
    ):
        find_run("model.pth")
    (here / "checkpoints").mkdir()
    (here / "checkpoints/last.ckpt").touch()
    with pytest.raises(UsageError, match=f"{here}: this run was ended before its config was written"):
        find_run("checkpoints/last.ckpt")


# An INI beside the run


def test_ini_that_says_otherwise_than_the_run_is_warned_of(here: Path):
    run = make_run(here / "projects/digits")
    ini = here / "my.ini"
    ini.write_text("[project]\nname = digits\n[training.scheme]\nepochs = 5\nbatch_size = 8\n")
    (run.path / "config.ini").write_text(load_config(ini, ["training.scheme.batch_size=16"]).to_ini())
    run.write_json("overrides.json", {"training.scheme.batch_size": 16})
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        warn_of_edits(find_run("latest"), load_config(ini))
        assert said == []  # what the command line has changed is no edit of the INI
        ini.write_text(ini.read_text().replace("epochs = 5", "epochs = 9"))
        warn_of_edits(find_run("latest"), load_config(ini))
    finally:
        logger.remove(sink)
    (text,) = said
    assert text.strip() == (
        f"{ini} is not what this run was started with; the run's own config counts. To take its values over, add: "
        "training.scheme.epochs=9"
    )
