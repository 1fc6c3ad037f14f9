"""What every logger must do, with the services' real libraries and what they write on this machine."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from auto_train.config import load_config
from auto_train.errors import MissingError, UsageError
from auto_train.training.loggers import LOGGERS, open_loggers

CONFIG = {"training.scheme.epochs": 2, "architecture.head.@head": "linear", "project.name": "a b/ü", "list": [1, None]}
ROWS = [
    {"epoch": 1, "stage": "frozen", "lr": 0.1, "train/loss": 1.5, "valid/accuracy": 0.5, "memory_mb": None},
    {"epoch": 2, "stage": "all", "lr": 0.2, "train/loss": 0.75, "valid/accuracy": float("nan")},
]
FINAL = {"valid/accuracy": 0.875, "data": "somewhere"}


@dataclass
class Found:
    """What a service has of a run: values by step, by metric; parameters; how it ended."""

    metrics: dict[str, dict[int, float]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    status: str = ""


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Leave this machine's own accounts and servers out of it."""
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()


def read_tensorboard(run: Path) -> Found:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    *_, text = events.Tensors("config/text_summary")
    lines = text.tensor_proto.string_val[0].decode().splitlines()
    return Found(
        metrics={tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]},
        params=dict(line.strip().split(" = ", 1) for line in lines),
    )


def read_mlflow(run: Path) -> Found:
    from mlflow import MlflowClient

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = MlflowClient(tracking_uri=(run / "mlflow").as_uri())
        experiment = client.get_experiment_by_name("my project")
        (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_name == run.name
    histories = {name: client.get_metric_history(found.info.run_id, name) for name in found.data.metrics}
    return Found(
        metrics={name: {point.step: point.value for point in points} for name, points in histories.items()},
        params=found.data.params,
        status=found.info.status,
    )


def read_wandb(run: Path) -> Found:
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # its own process writes the last records
    found, step = Found(), 0
    (file,) = (run / "wandb").glob("offline-run-*/*.wandb")
    assert file.name == f"run-{run.name}.wandb"
    for content in leveldb_records(file.read_bytes()):
        record = Record.FromString(content)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            assert record.run.project == "my project"
            found.params |= {item.key: item.value_json for item in record.run.config.update}
        elif kind in ("history", "summary"):
            items = record.history.item if kind == "history" else record.summary.update
            values = {item.key or "/".join(item.nested_key): float(item.value_json) for item in items}
            step = int(values.get("_step", step))
            for name, value in values.items():
                found.metrics.setdefault(name, {})[step] = value
        elif kind == "exit":
            found.status = str(record.exit.exit_code)
    return found


def leveldb_records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log in LevelDB's format, which wandb's files have after 7 bytes of their own.

    Source: https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    at, whole = 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole of a record, or its last part
            yield whole
            whole = b""


READERS: dict[str, Callable[[Path], Found]] = {
    "mlflow": read_mlflow,
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
}
# How each says that a run ended well, and that it did not.
ENDINGS = {"mlflow": ("FINISHED", "FAILED"), "tensorboard": ("", ""), "wandb": ("0", "1")}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    # A blank and a letter outside ASCII, as home folders have them.
    folder = tmp_path / "my größe" / "20260101-120000-abcdef"
    folder.mkdir(parents=True)
    return folder


def trained(name: str, run: Path, rows: list[dict[str, Any]] = ROWS, *, status: Any = "done") -> dict[str, str]:
    feed = open_loggers([name])
    places = feed.start(run, "my project", CONFIG)
    for row in rows:
        feed.log(row, int(row["epoch"]))
    feed.finish(status, FINAL)
    return places


@pytest.mark.parametrize("name", LOGGERS)
def test_logger_writes_a_run_its_library_reads_back(name: str, run: Path):
    places = trained(name, run)
    found = READERS[name](run)
    assert found.metrics["train/loss"] == {1: 1.5, 2: 0.75}
    assert found.metrics["lr"] == pytest.approx({1: 0.1, 2: 0.2})
    assert found.metrics["valid/accuracy"] == {1: 0.5}  # no NaN, no text, no None
    assert set(found.metrics["final/valid/accuracy"].values()) == {0.875}
    assert not {"stage", "epoch", "memory_mb", "final/data"} & found.metrics.keys()
    assert found.params["training.scheme.epochs"] == "2" and len(found.params) >= len(CONFIG)
    assert found.status == ENDINGS[name][0]
    assert list(places) == [name] and run.name in places[name]


@pytest.mark.parametrize("name", LOGGERS)
def test_logger_writes_into_its_folder_of_the_run_alone(
    name: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    trained(name, run)
    assert [path.name for path in run.iterdir()] == [name] and not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", LOGGERS)
def test_logger_prints_nothing(name: str, run: Path, capfd: pytest.CaptureFixture[str]):
    trained(name, run)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", LOGGERS)
def test_logger_is_told_of_a_failed_run(name: str, run: Path):
    trained(name, run, ROWS[:1], status="failed")
    assert READERS[name](run).status == ENDINGS[name][1]


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])  # wandb's server does it, which offline runs have none of
def test_logger_of_a_resumed_run_goes_on_with_its_history(name: str, run: Path):
    trained(name, run, ROWS[:1], status="interrupted")
    feed = open_loggers([name])
    feed.start(run, "my project", CONFIG | {"training.scheme.epochs": 3, "new": 1})
    feed.log(ROWS[1], 2)
    feed.finish("done", {})
    found = READERS[name](run)
    assert found.metrics["train/loss"] == {1: 1.5, 2: 0.75} and found.params["new"] == "1"
    if name == "mlflow":  # whose parameters stay what they first were
        assert found.params["training.scheme.epochs"] == "2" and found.status == "FINISHED"


def test_mlflow_takes_its_own_tracking_uri(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from mlflow import MlflowClient

    uri = (tmp_path / "server").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "team")
    assert trained("mlflow", run) == {"mlflow": uri}
    assert not list(run.iterdir())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert MlflowClient(tracking_uri=uri).get_experiment_by_name("team")


def test_wandb_without_an_account_says_before_the_training_what_to_do(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(UsageError, match=r"the logger 'wandb' cannot start: No API key") as caught:
        open_loggers(["wandb"]).start(run, "my project", CONFIG)
    assert "wandb login" in caught.value.hint and "WANDB_MODE=offline" in caught.value.hint
    assert caught.value.where == "[training] loggers"


@pytest.mark.parametrize(
    ("name", "library"), [("mlflow", "mlflow"), ("tensorboard", "tensorboard"), ("wandb", "wandb")]
)
def test_logger_whose_library_is_missing_names_its_extra(name: str, library: str, monkeypatch: pytest.MonkeyPatch):
    for module in [m for m in sys.modules if m.split(".")[0] == library or m.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, f"auto_train.training.loggers.{name}", raising=False)
    monkeypatch.setitem(sys.modules, name, None)  # as Python marks what is not there
    with pytest.raises(MissingError, match=rf"the logger '{name}' cannot be used: ") as caught:
        open_loggers([name])
    assert caught.value.hint == f"pip install 'auto-train[{name}]'"


def test_logger_nobody_knows_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"no logger 'tensorbord' .*did you mean 'tensorboard'\?"):
        open_loggers(["tensorbord"])


def test_loggers_are_those_the_config_allows(tmp_path: Path):
    ini = tmp_path / "a.ini"
    ini.write_text(f"[project]\nname = a\n[training]\nloggers = {', '.join(LOGGERS)}\n")
    assert load_config(ini).training.loggers == list(LOGGERS)


def test_listing_loggers_imports_none_of_their_libraries():
    import subprocess

    code = "import sys, auto_train.training.loggers; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"wandb", "mlflow", "tensorboard", "torch"} & set(loaded)
