"""QPipeline: the door (F3.6 to F3.9, F3.17). Training through it: test_fit.py."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from loguru import logger
from torch import nn
from torch.utils.data import DataLoader

from auto_train.errors import CheckpointError, ConfigError, MissingError, TaskContractError, UsageError
from auto_train.training import QPipeline, create_pipeline, qTaskBase
from tests.training.line import Line, arguments, checkpoint, data, line_model, pipeline, weights


@pytest.fixture
def logged() -> Any:
    """Return the lines that are logged."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message).strip()), format="{message}")
    yield lines
    logger.remove(sink)


def test_pipeline_takes_instances(tmp_path: Path):
    task, model = Line(), line_model()
    pipe = QPipeline(arguments(tmp_path), test=False, task=task, model=model)
    assert pipe.task is task and pipe.model is model


def prepare_model(args: Any) -> nn.Module:
    return nn.Linear(args.model.size, 1)


class Mine(QPipeline):
    prepare_model = staticmethod(prepare_model)

    @staticmethod
    def prepare_task(args: Any) -> qTaskBase:
        return Line([args.seed])


def test_pipeline_takes_static_methods_of_a_subclass(tmp_path: Path):
    pipe = Mine(arguments(tmp_path, model__size=1), test=False)
    assert isinstance(pipe.task, Line) and list(pipe.task.errors) == [1] and pipe.model.in_features == 1


def test_pipeline_of_two_functions_reads_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my.yml").write_text(yaml.safe_dump(arguments(tmp_path).to_dict()), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["script.py", "-c", str(tmp_path / "my.yml"), "--runner.max_epochs", "2"])
    pipe = create_pipeline(lambda args: line_model(), lambda args: Line())
    assert pipe.fit()["final_epoch"] == 2


@pytest.mark.parametrize(("given", "missing"), [({"model": 1}, "task"), ({"task": 1}, "model")])
def test_pipeline_without_task_or_model_says_how_to_give_it(tmp_path: Path, given: dict[str, int], missing: str):
    parts: dict[str, Any] = {"task": Line(), "model": line_model()}
    with pytest.raises(NotImplementedError, match=rf"has no {missing}\n  pass {missing}=…, or .* prepare_{missing}"):
        QPipeline(arguments(tmp_path), **{name: parts[name] for name in given})


def test_pipeline_refuses_what_is_no_task_and_no_model(tmp_path: Path):
    with pytest.raises(TaskContractError, match=r"the task is a Linear \(allowed: a class derived from qTaskBase"):
        QPipeline(arguments(tmp_path), task=line_model(), model=line_model())  # type: ignore[arg-type]
    with pytest.raises(TaskContractError, match=r"the model is a Line \(allowed: an nn.Module"):
        QPipeline(arguments(tmp_path), task=Line(), model=Line())  # type: ignore[arg-type]


def test_pipeline_checks_its_arguments_first(tmp_path: Path):
    args = arguments(tmp_path)
    del args.optim["loss"]
    with pytest.raises(ConfigError, match=r"optim.loss: this key is missing"):
        QPipeline(args, task=Line(), model=line_model())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flag", "stated", "expected"), [(None, True, True), (None, None, False), (False, True, False)]
)
def test_pipeline_explicit_test_beats_the_arguments(tmp_path: Path, flag: Any, stated: Any, expected: bool):
    pipe = QPipeline(arguments(tmp_path, test=stated), test=flag, task=Line(), model=line_model())
    assert pipe.is_test is pipe.args.test is expected


def test_pipeline_for_a_test_does_not_train(tmp_path: Path):
    pipe = QPipeline(arguments(tmp_path), test=True, task=Line(), model=line_model())
    with pytest.raises(
        RuntimeError, match=r"fit\(\) trains, and this pipeline is a test\n  QPipeline\(args, test=False"
    ):
        pipe.fit()
    assert pipe.optimizer is None and not (tmp_path / "logs").exists()


def test_pipeline_is_built_in_the_order_of_the_contract(tmp_path: Path):
    calls: list[Any] = []

    class Told(Line):
        def pipe_middle_ware(self, pipe: QPipeline) -> None:
            calls.append(("middleware", pipe.task is self, pipe.model))

        def to(self, device: torch.device) -> None:
            calls.append(("task.to", device.type))

        def get_loss_fn(self) -> nn.Module:
            calls.append("loss")
            return nn.MSELoss()

    class Mine(QPipeline):
        @staticmethod
        def prepare_task(args: Any) -> qTaskBase:
            config = Path(args.log_dir) / "config.yaml"
            calls.append(
                ("task", args.device.type, args.distributed, args.rank, torch.initial_seed(), config.is_file())
            )
            return Told()

        @staticmethod
        def prepare_model(args: Any) -> nn.Module:
            calls.append("model")
            return line_model()

        @staticmethod
        def prepare_optim(args: Any, model: nn.Module) -> Any:
            calls.append(("optim", next(model.parameters()).dtype))
            return QPipeline.prepare_optim(args, model)

    Mine(arguments(tmp_path, model__dtype="float64", device="cpu"))
    assert calls == [
        ("task", "cpu", False, 0, 1, True),
        ("middleware", True, None),
        "model",
        ("task.to", "cpu"),
        "loss",
        ("optim", torch.float64),
    ]


def test_pipeline_middleware_of_the_task_may_bring_the_model(tmp_path: Path):
    class Brings(Line):
        def pipe_middle_ware(self, pipe: QPipeline) -> None:
            pipe.model = line_model()

    assert isinstance(QPipeline(arguments(tmp_path), task=Brings()).model, nn.Linear)


def test_pipeline_calls_middleware_at_once_and_in_order(tmp_path: Path):
    pipe, calls = pipeline(tmp_path), []
    pipe.regist_middleware(lambda it: calls.append(("a", it)))
    pipe.regist_middleware([lambda it: calls.append(("b", it)), lambda it: calls.append(("c", it))])
    assert calls == [("a", pipe), ("b", pipe), ("c", pipe)]


def test_middleware_may_replace_methods_and_loaders_of_the_task(tmp_path: Path):
    def change(pipe: QPipeline) -> None:
        pipe.task.batch_metric = lambda out, batch: {"mae": (7.0, 1)}  # type: ignore[method-assign]
        pipe.task.train_loader = DataLoader(data(), batch_size=16)
        pipe.regist_extra_ckp_caches({"seen": True})

    pipe = pipeline(tmp_path)
    pipe.regist_middleware(change)
    result = pipe.fit()
    assert result["final_step"] == 3 * 2 and result["best_monitored_metric"] == 7.0
    assert checkpoint(tmp_path)["extra_ckp_caches"] == {"seen": True}


def test_log_dir_holds_everything_by_the_names_of_a_run_folder(tmp_path: Path):
    args = arguments(tmp_path, optim__scheduler="lambda", optim__scheduler_params={"lr_lambda": lambda epoch: 1.0})
    given = args.to_dict()
    QPipeline(args, task=Line(), model=line_model()).fit()
    folder = tmp_path / "logs"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    assert names == {
        *("config.yaml", "env.json", "events.jsonl", "log.txt", "metrics.jsonl", "STATUS"),
        *("checkpoints/best.ckpt", "checkpoints/last.ckpt"),
    }
    assert (folder / "STATUS").read_text(encoding="utf-8") == "done\n"
    copied = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert "<lambda>" in copied["optim"]["scheduler_params"].pop("lr_lambda")
    given["optim"]["scheduler_params"].clear()
    assert copied == given


def test_log_dir_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "logs").write_text("a file", encoding="utf-8")
    with pytest.raises(UsageError, match=r"log_dir: .*logs' cannot be made: "):
        pipeline(tmp_path)


def test_log_dir_of_an_earlier_training_keeps_its_metrics_and_is_told_of(tmp_path: Path, logged: list[str]):
    for _ in range(3):
        pipeline(tmp_path, runner__max_epochs=2).fit()
    folder = tmp_path / "logs"
    kept = sorted(path.name for path in folder.glob("metrics*"))
    assert kept == ["metrics.1.jsonl", "metrics.2.jsonl", "metrics.jsonl"]
    assert {len((folder / name).read_text(encoding="utf-8").splitlines()) for name in kept} == {2}
    warned = [line for line in logged if "holds an earlier training" in line]
    assert len(warned) == 2 and "kept as metrics.1.jsonl" in warned[0] and "metrics.2.jsonl" in warned[1]
    assert f"give ckp_file: {folder}/checkpoints/last.ckpt" in warned[0]


def test_device_is_the_arguments_or_the_best_there_is(tmp_path: Path):
    best = "cuda" if torch.cuda.is_available() else "cpu"
    assert pipeline(tmp_path).args.device.type == best
    assert pipeline(tmp_path, device="cpu").device == torch.device("cpu")
    with pytest.raises(UsageError, match=r"device: 'tpu0' is no device \(allowed: cpu, cuda"):
        pipeline(tmp_path, device="tpu0")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_device_that_is_not_here_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"device: 'cuda:1': no GPU can be used here\n  leave it out, or write cpu"):
        pipeline(tmp_path, device="cuda:1")


def test_ddp_without_other_processes_trains_alone(tmp_path: Path, logged: list[str]):
    pipe = pipeline(tmp_path, ddp_detect=True)
    assert "Not using distributed mode" in logged
    assert (pipe.args.distributed, pipe.args.rank, pipe.args.local_rank, pipe.args.world_size) == (False, 0, 0, 1)


def test_seed_decides_the_training(tmp_path: Path):
    first, same = pipeline(tmp_path / "1"), pipeline(tmp_path / "2")
    assert first.fit() and weights(first.model) != weights(line_model())
    same = pipeline(tmp_path / "2")
    same.fit()
    other = pipeline(tmp_path / "3", seed=2)
    other.fit()
    assert weights(first.model) == weights(same.model) != weights(other.model)


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("float64", torch.float64)])
def test_dtype_is_that_of_the_model_and_of_batches_that_can_be_cast(tmp_path: Path, name: str, dtype: torch.dtype):
    seen: set[Any] = set()

    class Batch:
        def __init__(self, x: torch.Tensor, kind: torch.Tensor):
            self.x, self.kind = x, kind

        def to(self, device: Any) -> "Batch":
            return Batch(self.x.to(device), self.kind.to(device))

        def to_dtype(self, target: torch.dtype) -> "Batch":
            return Batch(self.x.to(target), self.kind)

    class Casts(Line):
        def __init__(self) -> None:
            super().__init__()
            self.train_loader = [Batch(x, y.int()) for x, y in DataLoader(data(), batch_size=8)]
            self.val_loader = None

        def batch_forward(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
            seen.update([batch.x.dtype, batch.kind.dtype])
            return {"pred": model(batch.x)}

        def batch_metric(self, out: Any, batch: Any) -> dict[str, Any]:
            return {}

        def batch_loss(self, out: Any, batch: Batch) -> dict[str, Any]:
            return {"loss": (((out["pred"] - batch.kind) ** 2).mean(), len(batch.x))}

    pipe = pipeline(tmp_path, Casts(), model__dtype=name)
    pipe.fit()
    assert next(pipe.model.parameters()).dtype == dtype and seen == {dtype, torch.int32}


def test_dtype_left_out_leaves_the_model(tmp_path: Path):
    assert next(pipeline(tmp_path, model=line_model().double()).model.parameters()).dtype == torch.float64


def test_dtype_of_another_kind_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"model.dtype: 'float16' is not known"):
        pipeline(tmp_path, model__dtype="float16")


def test_infer_measures_the_test_loader_and_warns(tmp_path: Path):
    task = Line()
    task.test_loader = DataLoader(data(), batch_size=8)
    pipe = QPipeline(arguments(tmp_path), test=True, task=task, model=line_model())
    pipe.model.train()
    with pytest.warns(UserWarning, match=r"infer\(\) without a dataloader takes task.test_loader"):
        found = pipe.infer()
    # |3x - 1 - (x/2 + 1/2)| over the points, by hand
    x = torch.linspace(-1, 1, 32)
    assert found == {"mae": pytest.approx(float((2.5 * x - 1.5).abs().mean()))}
    assert pipe.model.training


def test_infer_measures_the_loader_it_is_given(tmp_path: Path):
    pipe = QPipeline(arguments(tmp_path), test=True, task=Line(), model=line_model())
    # the first half of the points: x from -1 to -1/31
    assert pipe.infer([next(iter(DataLoader(data(), batch_size=16)))])["mae"] > pipe.infer(pipe.task.val_loader)["mae"]


@pytest.mark.filterwarnings("ignore:infer")
def test_infer_without_any_loader_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"infer\(\): the task has no test_loader\n  infer\(dataloader\)"):
        QPipeline(arguments(tmp_path), test=True, task=Line(), model=line_model()).infer()


def test_init_file_gives_the_weights_alone(tmp_path: Path):
    pipeline(tmp_path / "old").fit()
    state = checkpoint(tmp_path / "old")
    trained = [float(value) for value in state["model"].values()]
    torch.save(state["model"], tmp_path / "plain.pth")
    torch.save({"model_state_dict": {f"module.{k}": v for k, v in state["model"].items()}}, tmp_path / "other.pt")
    for file in (tmp_path / "plain.pth", tmp_path / "other.pt", tmp_path / "old/logs/checkpoints/last.ckpt"):
        pipe = pipeline(tmp_path / file.stem, init_file=str(file))
        assert weights(pipe.model) == trained and pipe.start is None
    assert pipe.fit()["final_epoch"] == 3


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, MissingError, "this file does not exist\n  correct init_file"),
        (b"no weights", CheckpointError, "this file of weights is damaged"),
        ({"a": 1}, CheckpointError, "this file holds no weights"),
        ([1], CheckpointError, "this file holds no weights"),
        ({"weight": torch.ones(2, 2), "bias": torch.ones(1)}, CheckpointError, "its weights are of another model"),
        ({"weight": torch.ones(1, 1)}, CheckpointError, "its weights are of another model: missing: bias"),
    ],
)
def test_init_file_that_cannot_be_used_is_named(tmp_path: Path, content: Any, error: type[Exception], message: str):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(error, match=f"^{path}: {message}"):
        pipeline(tmp_path, init_file=str(path))


def test_ckp_file_wins_over_init_file_with_a_warning(tmp_path: Path, logged: list[str]):
    pipeline(tmp_path / "old").fit()
    last = tmp_path / "old/logs/checkpoints/last.ckpt"
    pipe = pipeline(tmp_path, ckp_file=str(last), init_file="no.pth")
    assert weights(pipe.model) == [float(value) for value in checkpoint(tmp_path / "old")["model"].values()]
    assert any("init_file has no effect: the weights are those of ckp_file" in line for line in logged)
    assert (tmp_path / "logs/config_ckprecover.yaml").is_file() and not (tmp_path / "logs/config.yaml").exists()


def test_ckp_file_that_is_missing_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"no.ckpt: this checkpoint does not exist"):
        pipeline(tmp_path, ckp_file=str(tmp_path / "no.ckpt"))


@pytest.mark.parametrize("ema", [True, False])
def test_ckp_file_of_a_test_gives_the_averaged_weights_where_they_are_asked_for(tmp_path: Path, ema: bool):
    pipeline(tmp_path, optim__ema_params={"ema": True, "ema_decay": 0.9}).fit()
    state = checkpoint(tmp_path)
    args = arguments(tmp_path, ckp_file=str(tmp_path / "logs/checkpoints/last.ckpt"), optim__ema_params={"ema": ema})
    pipe = QPipeline(args, test=True, task=Line(), model=line_model())
    expected = state["ema_state_dict"]["weights"] if ema else state["model"]
    assert weights(pipe.model) == [float(value) for value in expected.values()]
    assert state["ema_state_dict"]["weights"]["bias"] != state["model"]["bias"]


def test_extra_caches_are_merged_and_must_be_plain(tmp_path: Path):
    pipe = pipeline(tmp_path)
    pipe.regist_extra_ckp_caches({"a": 1, "b": {"mean": torch.ones(2)}})
    pipe.regist_extra_ckp_caches({"a": 2})
    with pytest.raises(
        TaskContractError, match=r"regist_extra_ckp_caches: this cannot be kept in a checkpoint \(allowed"
    ):
        pipe.regist_extra_ckp_caches({"c": object()})
    pipe.fit()
    for name in ("last", "best"):
        state = checkpoint(tmp_path, name)
        assert state["extra_ckp_caches"]["a"] == 2 and state["extra_ckp_caches"]["b"]["mean"].tolist() == [1.0, 1.0]
        assert "a" not in state["runner"]
    resumed = pipeline(tmp_path, ckp_file=str(tmp_path / "logs/checkpoints/last.ckpt"), runner__max_epochs=4)
    assert resumed.extra_ckp_caches["a"] == 2
    resumed.regist_extra_ckp_caches({"d": 3})
    resumed.fit()
    assert set(checkpoint(tmp_path)["extra_ckp_caches"]) == {"a", "b", "d"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optim__ema_params": {"auto_offload": True}}, "optim.ema_params.auto_offload has no effect"),
        ({"render_type": "plain"}, "render_type has no effect"),
        ({"runner__max_steps": 3}, "runner.max_steps has no effect: runner.run_mode is epoch"),
    ],
)
def test_setting_without_effect_warns(tmp_path: Path, logged: list[str], values: dict[str, Any], message: str):
    pipeline(tmp_path, **values)
    assert any(message in line for line in logged)


def test_settings_that_have_their_usual_value_do_not_warn(tmp_path: Path, logged: list[str]):
    checkpoint_args = {"regular_latest_only": True}
    pipeline(tmp_path, runner__checkpoint=checkpoint_args, optim__ema_params={"auto_offload": False})
    assert not logged


def test_epochs_and_batches_are_logged(tmp_path: Path, logged: list[str]):
    pipeline(tmp_path, print_freq=2, runner__max_epochs=1).fit()
    lines = [line for line in logged if line.startswith(("epoch", "batch"))]
    assert [line.partition(":")[0] for line in lines] == ["batch 2 of 4", "batch 4 of 4", "epoch 1 of 1"]
    assert "loss" in lines[0] and "lr 0.1" in lines[0] and "valid/mae" in lines[2]
    assert "epoch 1 of 1" in (tmp_path / "logs/log.txt").read_text(encoding="utf-8")


def test_values_that_a_middleware_registers_are_newer_than_those_of_the_checkpoint(tmp_path: Path):
    class Registers(Line):
        def __init__(self, **values: int):
            super().__init__()
            self.values = values

        def pipe_middle_ware(self, pipe: QPipeline) -> None:
            pipe.regist_extra_ckp_caches(self.values)

    pipeline(tmp_path, Registers(old=1, both=1), runner__max_epochs=1).fit()
    path = str(tmp_path / "logs/checkpoints/last.ckpt")
    pipe = pipeline(tmp_path, Registers(both=2, new=2), runner__max_epochs=2, ckp_file=path)
    pipe.fit()
    expected = {"old": 1, "both": 2, "new": 2}
    assert pipe.extra_ckp_caches == checkpoint(tmp_path)["extra_ckp_caches"] == expected
