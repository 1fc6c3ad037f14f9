import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auto_train.errors import DataError, MissingError
from auto_train.reports import compare_runs, write_comparison
from auto_train.reports.compare import Comparison
from tests.reports.test_report import EVIL, Page
from tests.reports.written import change_json, epoch_row, predictions, write_lines, write_run


def better(table: pd.DataFrame, count: int, *, broken: int = 0) -> pd.DataFrame:
    """Return a model that has some of the wrong rows right, and some of the right ones wrong."""
    table = table.copy()
    fixed, spoiled = (table.index[table["score"] == score] for score in (0, 1))
    table.loc[fixed[:count], "predicted"] = table.loc[fixed[:count], "label"]
    table.loc[fixed[:count], ["score", "rank"]] = 1
    other = {"cat": "dog", "dog": "owl", "owl": "cat"}
    table.loc[spoiled[:broken], "predicted"] = table.loc[spoiled[:broken], "label"].map(other)
    table.loc[spoiled[:broken], "score"] = 0
    return table


@pytest.fixture
def table() -> pd.DataFrame:
    return predictions(300)[0]


def compared(tmp_path: Path, a: pd.DataFrame, b: pd.DataFrame, **options) -> Comparison:
    return compare_runs(write_run(tmp_path / "a", a), write_run(tmp_path / "b", b, **options))


def test_run_compared_with_itself_has_no_differences(tmp_path: Path, table: pd.DataFrame):
    found = compared(tmp_path, table, table)
    assert (found.statements, found.config, found.data.is_same) == ([], [], True)
    (split,) = found.splits
    assert (split.split, split.common, split.note, split.flips) == ("valid", 300, "", [])
    assert all(row.verdict == "no clear difference" and row.difference == 0 for row in split.metrics)


def test_better_model_is_called_better_and_its_flips_are_named(tmp_path: Path, table: pd.DataFrame):
    changed = better(table, 20, broken=3)
    (split,) = compared(tmp_path, table, changed).splits
    accuracy = next(row for row in split.metrics if row.name == "accuracy")
    assert accuracy.verdict == "better" and 0 < accuracy.low < accuracy.difference < accuracy.high
    assert accuracy.difference == pytest.approx(17 / 300)
    assert [flip.is_fixed for flip in split.flips] == [True] * 20 + [False] * 3
    fixed = split.flips[0]
    assert fixed.b.startswith(f"{fixed.label} ") and not fixed.a.startswith(f"{fixed.label} ")
    assert fixed.picture and (tmp_path / "a" / fixed.picture).is_file()
    broken = split.flips[-1]
    assert broken.picture and (tmp_path / "b" / broken.picture).is_file()


def test_worse_calibration_is_called_worse(tmp_path: Path, table: pd.DataFrame):
    (split,) = compared(tmp_path, table, table.assign(confidence=0.34)).splits
    ece = next(row for row in split.metrics if row.name == "ece")
    assert ece.verdict == "worse" and ece.low > 0


def test_rows_are_matched_by_content_wherever_they_lie(tmp_path: Path, table: pd.DataFrame):
    moved = table.sample(frac=1, random_state=0).reset_index(drop=True)
    moved["path"] = [f"elsewhere/{i}.png" for i in range(len(moved))]
    found = compared(tmp_path, table, moved)
    assert found.data.is_same and found.splits[0].common == 300 and found.splits[0].flips == []


def test_copies_of_an_image_are_compared_one_by_one(tmp_path: Path, table: pd.DataFrame):
    table["sha256"] = table["label"].map({"cat": "c" * 64, "dog": "d" * 64, "owl": "0" * 64})
    (split,) = compared(tmp_path, table, table).splits
    assert split.common == 300 and split.flips == []


def test_different_rows_are_said_and_only_the_common_ones_compared(tmp_path: Path, table: pd.DataFrame):
    changed = table.drop(index=range(40)).reset_index(drop=True)
    changed.loc[0, "label"] = "owl" if changed.loc[0, "label"] != "owl" else "cat"
    found = compared(tmp_path, table, changed)
    (split,) = found.splits
    assert (split.images_a, split.images_b, split.common) == (300, 260, 259)
    assert "different images: 300 in A, 260 in B; the numbers are of the 259" in split.note
    assert (found.data.removed.count, found.data.added.count, found.data.relabelled.count) == (40, 0, 1)
    assert found.data.splits == {"valid": (300, 260)} and len(found.data.removed.examples) == 20
    assert " → " in found.data.relabelled.examples[0]


def test_no_common_rows_have_no_metrics(tmp_path: Path, table: pd.DataFrame):
    other = table.assign(sha256=[f"{i:064d}" for i in range(1000, 1300)])
    (split,) = compared(tmp_path, table, other).splits
    assert (split.common, split.metrics, split.flips) == (0, [], []) and "nothing is compared" in split.note


def test_images_in_another_split_are_counted(tmp_path: Path, table: pd.DataFrame):
    a = write_run(tmp_path / "a", table)
    b = Path(shutil.copytree(a, tmp_path / "b"))
    rows = (b / "manifest.csv").read_text().replace(",valid,", ",train,", 5)
    (b / "manifest.csv").write_text(rows)
    found = compare_runs(a, b)
    assert found.data.moved.count == 5 and found.data.splits == {"train": (0, 5), "valid": (300, 295)}


def test_keys_that_differ_are_listed_without_loading_functions(tmp_path: Path, table: pd.DataFrame):
    a, b = write_run(tmp_path / "a", table), write_run(tmp_path / "b", table, epochs=5)
    with (b / "config.ini").open("a") as file:
        file.write("\n[testing.postprocess]\n@postprocess_function = not_there\n")
    found = compare_runs(a, b)
    assert [(change.key, change.a, change.b) for change in found.config] == [
        ("training.scheme.epochs", "3", "5"), ("testing.postprocess.@postprocess_function", "", "not_there"),
    ]  # fmt: skip


def test_models_of_different_classes_are_compared_on_what_both_saw(tmp_path: Path, table: pd.DataFrame):
    wider = predictions(400, ("cat", "dog", "owl", "yak"))[0]
    a = write_run(tmp_path / "a", table)
    b = write_run(tmp_path / "b", wider, labels=("cat", "dog", "owl", "yak"))
    (split,) = compare_runs(a, b).splits
    assert 0 < split.common < 300 and {row.name for row in split.metrics} >= {"accuracy", "f1_macro"}


def test_split_that_only_one_was_measured_on_is_said(tmp_path: Path, table: pd.DataFrame):
    found = compared(tmp_path, table, table, split="test")
    assert found.splits == [] and found.statements == [
        "only A was measured on valid", "only B was measured on test",
        "no split was measured image by image by both: config and data are all that can be compared",
    ]  # fmt: skip


def test_run_that_is_not_finished_is_compared_as_far_as_it_goes(tmp_path: Path, table: pd.DataFrame):
    a, b = write_run(tmp_path / "a", table), write_run(tmp_path / "b", table, epochs=9)
    (b / "evaluation.json").unlink()
    shutil.rmtree(b / "predictions")
    (b / "STATUS").write_text("interrupted\n")
    write_lines(b / "metrics.jsonl", [epoch_row(1)])
    found = compare_runs(a, b)
    assert found.statements[0] == "B: This run was stopped: 1 epoch is done; the finished model was not measured."
    assert [change.key for change in found.config] == ["training.scheme.epochs"] and found.splits == []


@pytest.mark.parametrize("gone", ["evaluation.json", "predictions/valid.csv"])
def test_finished_run_without_predictions_is_an_error(tmp_path: Path, table: pd.DataFrame, gone: str):
    a, b = write_run(tmp_path / "a", table), write_run(tmp_path / "b", table)
    (b / gone).unlink()
    with pytest.raises(
        MissingError, match=rf"b/{gone}: the predictions of this run are missing.*\n  put the file back"
    ):
        compare_runs(a, b)


def test_runs_of_different_tasks_are_refused(tmp_path: Path, table: pd.DataFrame):
    a, b = write_run(tmp_path / "a", table), write_run(tmp_path / "b", table)
    change_json(b / "evaluation.json", task="regression")
    with pytest.raises(
        DataError, match=r"b: is a run of regression; A is one of classification\n  name two of one task"
    ):
        compare_runs(a, b)


def test_errors_that_grow_are_broken_answers(tmp_path: Path):
    table = predictions(50)[0][["path", "sha256", "width", "height", "brightness"]].assign(
        label="", loss=0.0, score=1.0
    )
    runs = [write_run(tmp_path / "a", table), write_run(tmp_path / "b", table.assign(score=np.linspace(0, 2, 50)))]
    for run in runs:
        change_json(run / "evaluation.json", score={"name": "mae", "better": "min"})
    (split,) = compare_runs(*runs).splits
    assert {row.name for row in split.metrics} == {"mae", "loss"}
    assert sum(flip.is_fixed for flip in split.flips) == sum(not flip.is_fixed for flip in split.flips) == 13


def test_page_shows_both_sides_as_text(tmp_path: Path, table: pd.DataFrame):
    table["path"] = [f"{EVIL}/{i}.png" for i in range(300)]
    found = compared(tmp_path, table, better(table, 20, broken=60), epochs=9)
    page = Page(write_comparison(found, tmp_path / "out" / "compare.html").read_text(encoding="utf-8"))
    assert all(text in page.text for text in ("Fixed by B", "Broken by B", "training.scheme.epochs", EVIL, "… 12 more"))
    assert "script" not in page.tags and not [value for value in page.fetched if not value.startswith("data:image/")]


def test_many_images_are_compared(tmp_path: Path):
    table = predictions(20_000)[0]
    found = compared(tmp_path, table, better(table, 500), pictures=0)
    assert len(found.splits[0].flips) == 500 and found.splits[0].common == 20_000
