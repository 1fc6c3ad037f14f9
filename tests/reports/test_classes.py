from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, precision_recall_fscore_support, roc_auc_score

from auto_train.errors import DataError
from auto_train.metrics.intervals import Statistics
from auto_train.reports.classes import calibration, confusion, curves, matrix, per_class
from tests.reports.written import LABELS, predictions


def arrays(path: Path, scores: np.ndarray, rows: np.ndarray | None = None) -> Path:
    rows = np.arange(len(scores)) if rows is None else rows
    np.savez(path, rows=rows, log_probabilities=scores[rows].astype(np.float16))
    return path


def test_matrix_and_classes_are_those_of_scikit_learn():
    table, _ = predictions(150)
    counts = matrix(table, LABELS)
    assert counts.tolist() == confusion_matrix(table["label"], table["predicted"], labels=LABELS).tolist()
    known = precision_recall_fscore_support(table["label"], table["predicted"], labels=list(LABELS))
    for i, row in enumerate(per_class(counts, LABELS)):
        assert [row["precision"], row["recall"], row["f1"], row["images"]] == pytest.approx([k[i] for k in known])
        wrong = table[(table["label"] == row["label"]) & (table["score"] == 0)]["predicted"].value_counts()
        assert wrong[row["taken_for"]] == row["taken_for_images"] == wrong.max()


def test_class_that_does_not_occur_has_no_numbers():
    table, _ = predictions(20, ["a", "b"])
    row = per_class(matrix(table, ["a", "b", "c"]), ["a", "b", "c"])[2]
    assert (row["images"], row["precision"], row["recall"], row["f1"], row["taken_for"]) == (0, None, None, None, None)


def test_confused_pairs_come_by_number():
    counts = np.array([[9, 1, 0], [4, 6, 0], [0, 2, 8]])
    found = confusion(counts, LABELS)
    assert [(pair["label"], pair["predicted"], pair["images"]) for pair in found["pairs"]] == [
        ("dog", "cat", 4), ("owl", "dog", 2), ("cat", "dog", 1),
    ]  # fmt: skip
    assert found["pairs"][0]["share"] == 0.4 and found["cells"] == counts.tolist()


def test_confusion_of_many_classes_has_pairs_alone():
    labels = [f"c{i}" for i in range(150)]
    table, _ = predictions(600, labels, accuracy=0.5)
    found = confusion(matrix(table, labels), labels)
    assert found["cells"] is None and len(found["pairs"]) == 30


def test_calibration_says_ece_before_and_after():
    table, _ = predictions(300)
    found = calibration(table)
    assert found["after"]["ece"] == pytest.approx(Statistics(table, LABELS, "accuracy").all_rows()["ece"])
    assert found["before"]["ece"] != found["after"]["ece"]
    for part in found.values():
        assert sum(bin["images"] for bin in part["bins"]) == 300
        assert all(bin["from"] <= bin["confidence"] <= bin["to"] for bin in part["bins"])


def test_areas_are_those_of_scikit_learn(tmp_path: Path):
    table, scores = predictions(240, accuracy=0.6)
    found = curves(table, LABELS, arrays(tmp_path / "a.npz", scores))
    # float16 ties scores that scikit-learn is given untied
    rounded = scores.astype(np.float16).astype(float)
    for i, label in enumerate(LABELS, 1):
        is_class = table["label"] == label
        assert found["roc"][i]["name"] == found["pr"][i]["name"] == label
        assert found["roc"][i]["area"] == pytest.approx(roc_auc_score(is_class, rounded[:, i - 1]))
        assert found["pr"][i]["area"] == pytest.approx(average_precision_score(is_class, rounded[:, i - 1]))
    assert found["roc"][0]["area"] == pytest.approx(np.mean([line["area"] for line in found["roc"][1:]]))


def test_curves_rise_and_fall_as_they_must(tmp_path: Path):
    table, scores = predictions(240, accuracy=0.6)
    found = curves(table, LABELS, arrays(tmp_path / "a.npz", scores))
    for line in found["roc"]:
        assert (np.diff(line["y"]) >= 0).all() and line["y"][-1] == 1 and len(line["x"]) == len(line["y"])
    for line in found["pr"]:
        assert (np.diff(line["y"]) <= 0).all() and max(line["y"]) <= 1


def test_curves_of_scores_that_are_all_tied_are_those_of_chance(tmp_path: Path):
    table, scores = predictions(90)
    found = curves(table, LABELS, arrays(tmp_path / "a.npz", np.zeros_like(scores)))
    assert [line["area"] for line in found["roc"]] == [0.5] * 4
    assert found["pr"][1]["area"] == pytest.approx(1 / 3)


def test_curves_of_many_classes_are_their_mean_alone(tmp_path: Path):
    labels = [f"c{i}" for i in range(30)]
    table, scores = predictions(300, labels)
    found = curves(table, labels, arrays(tmp_path / "a.npz", scores))
    assert [line["name"] for line in found["roc"]] == ["mean of the classes"]


def test_curves_are_of_the_rows_that_are_there(tmp_path: Path):
    table, scores = predictions(120)
    rows = np.arange(0, 120, 7)
    part = curves(table.iloc[rows].reset_index(drop=True), LABELS, arrays(tmp_path / "a.npz", scores[rows]))
    assert curves(table, LABELS, arrays(tmp_path / "b.npz", scores, rows)) == part


def test_curves_without_arrays_or_of_one_class_are_none(tmp_path: Path):
    table, scores = predictions(30)
    assert curves(table, LABELS, tmp_path / "none.npz") == {}
    same = table.assign(label="cat")
    assert curves(same, LABELS, arrays(tmp_path / "a.npz", scores)) == {}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text"])
def test_arrays_that_are_damaged_say_so(tmp_path: Path, content: bytes):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a.npz: cannot be read: .*\n  remove it"):
        curves(predictions(30)[0], LABELS, tmp_path / "a.npz")
