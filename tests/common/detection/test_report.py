import numpy as np

from auto_train.common.detection.report import detection_parts, detection_rows
from auto_train.data.augment.boxes import NO_BOX

BOX, ELSEWHERE = [0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.9, 0.9]
LABELS = ["RBC", "WBC"]
FOUND = np.float32([[[*BOX, 0.9, 0], [*ELSEWHERE, 0.8, 0]], [[*BOX, 0.3, 1], [0] * 6], [[0] * 6, [0] * 6]])
TRUE = np.float32([[[0, *BOX], [1, *ELSEWHERE]], [[1, *BOX], [NO_BOX] + [0] * 4], [[NO_BOX] + [0] * 4] * 2])


def test_rows_say_what_is_there_what_was_found_and_how_much_is_right():
    rows = detection_rows(FOUND, TRUE, 0.5, LABELS)
    assert rows["score"].tolist() == [0.5, 0, 1]
    assert [text.partition(" #")[0] for text in rows["label"]] == ["RBC 1, WBC 1", "WBC 1", "no boxes"]
    assert rows["answer"].tolist() == ["RBC 2", "no boxes", "no boxes"]
    assert [rows[name].tolist() for name in ("right", "wrong", "missed")] == [[1, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert {len(values) for values in rows.values()} == {3}


def test_label_is_equal_for_equal_boxes_only():
    moved = TRUE.copy()
    moved[1, 0, 1] += 0.01
    before, swapped, after = (
        detection_rows(FOUND, true, 0.5, LABELS)["label"] for true in (TRUE, TRUE[:, ::-1], moved)
    )
    assert before.tolist() == swapped.tolist()
    assert (before[0], before[2]) == (after[0], after[2]) and before[1] != after[1]


def test_table_has_each_class_and_all_together():
    table, curves = detection_parts(FOUND, TRUE, 0.5, [*LABELS, "Platelets"])
    rows = {row[0]: row[1:] for row in table["rows"]}
    # Of a class that does not occur nothing is known.
    assert rows["Platelets"] == [0, None, None, None, None, None, None]
    assert rows["RBC"][:3] == [1, 1.0, 1.0] and rows["RBC"][4:] == [0.5, 1.0, 0.6667]
    assert rows["WBC"][0] == 2 and rows["WBC"][4:] == [0.0, 0.0, 0.0]
    assert rows["all"][0] == 3 and rows["all"][4:] == [0.5, 0.3333, 0.4]
    assert [line["name"] for line in curves["lines"]] == ["WBC", "RBC"]
