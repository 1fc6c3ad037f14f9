import base64
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from auto_train.reports.draw import curve_charts, line_chart, matrix_png, part_charts, picture, training_charts
from tests.reports.written import epoch_row


def test_chart_is_svg_in_the_colours_of_the_page():
    chart = line_chart("loss", [("a <b>", [1, 2, 3], [3.0, None, 1.0]), ("$b$", [1, 2], [1.0, 2.0])], x="epoch")
    assert chart.legend == [("a <b>", 0), ("$b$", 1)]
    root = ElementTree.fromstring(chart.svg.replace("xlink:", ""))
    assert root.tag.endswith("svg") and "a <b>" not in "".join(root.itertext()) and "epoch" in "".join(root.itertext())
    assert {"var(--s0)", "var(--s1)", "currentColor"} <= {
        color for color in ("var(--s0)", "var(--s1)", "currentColor") if color in chart.svg
    }
    assert "#0a0" not in chart.svg


def test_chart_is_the_same_every_time():
    lines = [("a", [1, 2], [3.0, 1.0])]
    assert line_chart("loss", lines, x="epoch") == line_chart("loss", lines, x="epoch")


def test_training_is_drawn_for_two_epochs_and_left_out_for_one():
    charts = training_charts([epoch_row(1), epoch_row(2)])
    assert [chart.title for chart in charts] == ["loss", "accuracy"]
    assert [name for name, _ in charts[0].legend] == ["train/loss", "valid/loss"]
    assert training_charts([epoch_row(1)]) == []


def test_value_that_is_no_number_leaves_a_gap():
    charts = training_charts([epoch_row(1), {**epoch_row(2), "valid/loss": None}, epoch_row(3)])
    assert charts[0].title == "loss"


def test_curves_name_their_areas():
    line = {"name": "cat", "area": 0.98765, "x": [0.0, 1.0], "y": [0.5, 1.0]}
    charts = curve_charts({"roc": [line], "pr": [line]})
    assert [chart.legend[0][0] for chart in charts] == ["cat · AUC 0.9877", "cat · AP 0.9877"]


def test_scatter_has_a_chart_for_each_panel_with_ids_of_its_own():
    panel = {"title": "age <years>", "x": "true", "y": "predicted", "points": {"x": [1, 2, 3], "y": [1.5, 2, 2.5]}}
    residuals = {**panel, "y": "residual", "line": "zero", "band": 0.5}
    charts = part_charts({"kind": "scatter", "title": "Plots", "panels": [panel, residuals]})
    assert [chart.title for chart in charts] == ["age <years>", "age <years>"]
    roots = [ElementTree.fromstring(chart.svg.replace("xlink:", "")) for chart in charts]
    ids = [{element.attrib["id"] for element in root.iter() if "id" in element.attrib} for root in roots]
    assert not ids[0] & ids[1] and not any("years" in "".join(root.itertext()) for root in roots)
    assert part_charts({"kind": "scatter", "title": "One point", "panels": [{**panel, "points": {"x": [1], "y": [1]}}]})


def test_matrix_of_many_classes_is_a_pixel_for_each_pair():
    counts = np.array([[8, 2, 0], [0, 5, 0], [0, 0, 0]])
    with Image.open(BytesIO(base64.b64decode(matrix_png(counts).partition(",")[2]))) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (3, 3, 4) and pixels[0, 2, 3] == pixels[2, 2, 3] == 0
    assert pixels[1, 1, 3] == 255 and 0 < pixels[0, 1, 3] < pixels[0, 0, 3]
    assert pixels[0, 0, 2] > pixels[0, 0, 0] and pixels[0, 1, 0] > pixels[0, 1, 2]


def test_picture_that_is_not_there_is_none(tmp_path: Path):
    assert picture(tmp_path / "none.webp") is None
