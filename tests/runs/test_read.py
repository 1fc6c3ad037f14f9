import re
from pathlib import Path

import pandas as pd
import pytest

from auto_train.errors import DataError, MissingError
from auto_train.runs.read import RunFiles, read_last_metrics, read_status, read_tail, replace_undecodable
from tests.reports.written import predictions, write_run


def test_run_that_is_not_there_is_missing(tmp_path: Path):
    with pytest.raises(MissingError, match=r"none: there is no such run\n  name a folder below <location>/runs/"):
        RunFiles(tmp_path / "none")


def test_line_that_a_crash_has_torn_is_left_out(run: Path):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "valid/lo')
    assert [row["epoch"] for row in RunFiles(run).epochs] == [1, 2, 3]


@pytest.mark.parametrize("line", ["{epoch: 2}", "[1, 2]", '"text"', ""])
def test_damaged_line_is_named_with_its_number(run: Path, line: str):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join([lines[0], line, *lines[2:]]) + "\n")
    where = re.escape(f"{run}/metrics.jsonl:2")
    with pytest.raises(DataError, match=rf"{where}: is no JSON.*\n  correct or remove metrics.jsonl"):
        RunFiles(run).metrics  # noqa: B018 - read when it is asked for


def test_text_with_unicode_line_ends_is_one_line(run: Path):
    with (run / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"event": "failed", "error": "two\u2028lines"}\n')
    assert RunFiles(run).last_event("failed")["error"] == "two\u2028lines"


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_json_file_is_named(run: Path, text: str):
    (run / "evaluation.json").write_text(text)
    with pytest.raises(DataError, match=re.escape(f"{run}/evaluation.json: is no JSON")):
        RunFiles(run).evaluation  # noqa: B018


def test_predictions_keep_names_that_look_like_numbers(tmp_path: Path):
    labels = ("1", "NA", "1.50")
    run = write_run(tmp_path / "run", *predictions(9, labels), labels=labels)
    table = RunFiles(run).predictions("valid")
    assert table is not None and list(table["label"][:3]) == ["1", "NA", "1.50"] and table["score"].dtype.kind == "i"


def test_predictions_that_lack_rows_are_damaged(run: Path):
    path = run / "predictions/valid.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-5]) + "\n")
    with pytest.raises(DataError, match=r"valid.csv: has 115 rows of 120 images"):
        RunFiles(run).predictions("valid")


def test_predictions_without_a_needed_column_say_which(run: Path):
    path = run / "predictions/valid.csv"
    path.write_text(path.read_text().replace("score", "points", 1))
    with pytest.raises(DataError, match=r"valid.csv: has no column score"):
        RunFiles(run).predictions("valid")


def test_predictions_with_text_for_a_number_say_where(run: Path):
    path = run / "predictions/valid.csv"
    path.write_text(path.read_text().replace(",50,", ",fifty,", 1))
    with pytest.raises(DataError, match=r"valid.csv: column height: .*fifty"):
        RunFiles(run).predictions("valid")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b'path,score\n"a'])
def test_predictions_that_are_no_table_are_damaged(run: Path, content: bytes):
    (run / "predictions/valid.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"valid.csv: "):
        RunFiles(run).predictions("valid")


def test_name_that_is_no_utf8_is_read_and_shown(tmp_path: Path):
    table, scores = predictions(6)
    table["path"] = pd.Series([b"caf\xe9.jpg".decode("utf-8", "surrogateescape"), *table["path"][1:]], dtype=object)
    found = RunFiles(write_run(tmp_path / "run", table, scores)).predictions("valid")
    assert (
        found is not None
        and found["path"][0] == table["path"][0]
        and replace_undecodable(found["path"][0]) == "caf�.jpg"
    )


def test_last_metrics_are_those_of_the_last_whole_line(tmp_path: Path) -> None:
    assert read_last_metrics(tmp_path) == {}
    lines = '{"epoch": 1, "valid/accuracy": 0.5}\n{"epoch": 2, "valid/accuracy": 0.75, "lr": 1}\n{"epoch": 3, "valid'
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert read_last_metrics(tmp_path) == {"valid/accuracy": 0.75}


def test_tail_of_a_log_begins_with_a_line_and_takes_any_encoding(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert read_tail(log, 10) == ""
    log.write_bytes("première\nzweite\n".encode("latin-1"))
    assert read_tail(log, 100) == "premi\ufffdre\nzweite\n"
    assert read_tail(log, 9) == "zweite\n"
    log.write_bytes(b"x" * 50)
    assert read_tail(log, 10) == "x" * 11


@pytest.mark.parametrize(("content", "status"), [(b"done\n", "done"), (b"\xffdone", "\ufffddone"), (b"", "")])
def test_status_is_read_whatever_it_is(tmp_path: Path, content: bytes, status: str) -> None:
    assert read_status(tmp_path) == ""
    (tmp_path / "STATUS").write_bytes(content)
    assert read_status(tmp_path) == RunFiles(tmp_path).status == status
