import errno
from pathlib import Path

import pytest

from auto_train.common.next_step import add_next_step, command
from auto_train.errors import DataError, GateError, Interrupted, TrainingError
from auto_train.runs.folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.chdir(tmp_path)
    return RunFolder.create(tmp_path / "my project")


def ended(folder: RunFolder, error: BaseException) -> None:
    with add_next_step(folder):
        raise error


def test_command_goes_on_from_here_and_survives_a_shell(folder: RunFolder, monkeypatch: pytest.MonkeyPatch):
    name = folder.path.name
    assert command(folder) == f"python main.py train --resume 'my project/runs/{name}'"
    monkeypatch.chdir(folder.checkpoints)
    assert command(folder, "a.b=1") == f"python main.py train --resume '{folder.path}' a.b=1"


@pytest.mark.parametrize(("kind", "code"), [(TrainingError, 4), (GateError, 5)])
def test_training_that_failed_says_how_it_goes_on_with_changes(folder: RunFolder, kind: type, code: int):
    with pytest.raises(kind) as caught:
        ended(folder, kind("no number", hint="lower the rate"))
    assert caught.value.exit_code == code
    assert caught.value.hint == f"lower the rate\n  then go on: {command(folder, '[section.key=value …]')}"
    with pytest.raises(kind) as caught:
        ended(folder, kind("no number"))
    assert caught.value.hint == f"go on: {command(folder, '[section.key=value …]')}"


def test_training_that_was_stopped_says_how_it_goes_on(folder: RunFolder):
    with pytest.raises(Interrupted) as caught:
        ended(folder, Interrupted("stopped after 2 epochs"))
    assert caught.value.hint == f"go on: {command(folder)}"


@pytest.mark.parametrize("has_checkpoint", [False, True])
def test_ctrl_c_outside_of_the_epochs_is_interrupted(folder: RunFolder, has_checkpoint: bool):
    if has_checkpoint:
        (folder.checkpoints / "last.ckpt").touch()
    with pytest.raises(Interrupted) as caught:
        ended(folder, KeyboardInterrupt())
    assert caught.value.exit_code == 130 and caught.value.hint == f"go on: {command(folder)}"
    kept = "what the last checkpoint holds is kept" if has_checkpoint else "before the first checkpoint"
    assert caught.value.message == f"interrupted; {kept}"


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("could not create a primitive")],
)
def test_lack_of_memory_anywhere_is_a_training_error(folder: RunFolder, error: Exception):
    match = r"out of memory\n  end other programs, or take a smaller .* batch_size\n  then go on: python main.py"
    with pytest.raises(TrainingError, match=match) as caught:
        ended(folder, error)
    assert caught.value.__cause__ is error


def test_full_disk_says_how_it_goes_on(folder: RunFolder):
    with pytest.raises(TrainingError, match=r"free some space there.*\n  then go on: python main.py train --resume"):
        ended(folder, OSError(errno.ENOSPC, "No space left on device", str(folder.path / "a")))


@pytest.mark.parametrize("error", [DataError("no images"), RuntimeError("a bug"), FileNotFoundError(2, "gone", "a")])
def test_other_errors_stay_as_they_are(folder: RunFolder, error: Exception):
    with pytest.raises(type(error)) as caught:
        ended(folder, error)
    assert caught.value is error and "--resume" not in str(error)
