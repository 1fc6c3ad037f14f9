from pathlib import Path

import pytest

from auto_train.api.paths import place_name, without_paths, without_paths_in


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("train first: main.py train --config=/srv/a/new.ini", "train first: main.py train --config=new.ini"),
        ("/srv/a/broken.ini:2 [training.scheme] epochs: bad", "broken.ini:2 [training.scheme] epochs: bad"),
        ("No such file: '/srv/my proj/x.txt' (2)", "No such file: 'x.txt' (2)"),
        ("file:///etc/passwd is gone", "passwd is gone"),
        ("(/usr/lib/x.py), [/a/b]", "(x.py), [b]"),
        ("POST /classification/validate/, see /docs", "POST /classification/validate/, see /docs"),
        ("https://here.example/a/b, 3.4 images/s, 1/8, and/or", "https://here.example/a/b, 3.4 images/s, 1/8, and/or"),
    ],
)
def test_text_keeps_the_last_part_of_a_path(text: str, seen: str) -> None:
    assert without_paths(text) == seen


def test_path_below_the_working_folder_is_relative_and_home_is_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/users/ann lee")
    assert without_paths(f"train --resume {tmp_path}/runs/1") == "train --resume runs/1"
    assert without_paths("train --config=/users/ann lee/p/a.ini") == "train --config=a.ini"


@pytest.mark.parametrize(
    ("where", "seen"),
    [
        ("/srv/my p/jobs.sqlite", "jobs.sqlite"),
        ("/srv/my p/a.ini:3 [x] y", "a.ini:3 [x] y"),
        ("/model", "model"),
        ("[serve] host, port", "[serve] host, port"),
        ("", ""),
    ],
)
def test_place_is_named_without_its_folder(where: str, seen: str) -> None:
    assert place_name(where) == seen


def test_paths_are_taken_out_of_values_inside_values() -> None:
    value = {"message": "/a/b/c", "parts": ["/a/b", 3, None]}
    assert without_paths_in(value) == {"message": "c", "parts": ["b", 3, None]}
