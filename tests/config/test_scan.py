from pathlib import Path

from auto_train.config.scan import Scan, scan_text


def scan(text: str) -> Scan:
    return scan_text(text, file=Path("/a.ini"))


def texts(text: str) -> dict[str, str]:
    found = scan(text)
    assert not found.problems, found.problems
    return {f"{entry.section}.{entry.key}": entry.text for entry in found.entries}


def test_scan_gives_each_key_its_line_and_comment():
    found = scan("# file\n\n[a]\n\n# int · one\n; more\nx = 1\ny = 2\n[a.b]\nx = 3\n")
    assert [(at.section, at.key, at.text, at.origin.line) for at in found.entries] == [
        ("a", "x", "1", 7),
        ("a", "y", "2", 8),
        ("a.b", "x", "3", 10),
    ]
    assert [at.comment for at in found.entries] == ["int · one\nmore", "", ""]
    assert {name: at.origin.line for name, at in found.sections.items()} == {"a": 3, "a.b": 9}


def test_scan_gives_a_section_the_comment_that_no_key_follows():
    found = scan("[a]\n# any · free keys\n\n[b]\n# int · a key\nx = 1\n[c]\n# any · at the end")
    assert {name: at.comment for name, at in found.sections.items()} == {
        "a": "any · free keys",
        "b": "",
        "c": "any · at the end",
    }


def test_scan_takes_colon_or_equals_whichever_is_first():
    assert texts("[a]\nx:16\ny = a:b\nz: a=b\n") == {"a.x": "16", "a.y": "a:b", "a.z": "a=b"}


def test_scan_keeps_case_and_lines_of_any_system():
    assert texts("\n[A.b]\r\nKey = Value\r\n\n  other = 1\rlast = 2") == {
        "A.b.Key": "Value",
        "A.b.other": "1",
        "A.b.last": "2",
    }


def test_scan_cuts_inline_comments_outside_quotes_only():
    found = texts(
        "[a] # section\nb = 1 # note\nc = 2\t; note\nd = a#b;c\ne = \"x # y\" # note\nf = 'x ; y'\n"
        'g = it\'s # a note\nh = [1, # one\n  2] # two\ni = # nothing\nj = https://host/#top\nk = "a\\" # b" # c\n'
    )
    assert found == {
        "a.b": "1",
        "a.c": "2",
        "a.d": "a#b;c",
        "a.e": '"x # y"',
        "a.f": "'x ; y'",
        "a.g": "it's",
        "a.h": "[1,\n2]",
        "a.i": "",
        "a.j": "https://host/#top",
        "a.k": '"a\\" # b"',
    }


def test_scan_continues_indented_lines_and_open_brackets():
    found = texts(
        '[a]\nx = [\n"1",\n\n# between\n"2",\n]\ny = one,\n   two\nz =\n    [3]\n   w = 4\n'
        '  [a.b]\nv = {"k":\n  [1, 2]\n}\n'
    )
    assert found == {
        "a.x": '[\n"1",\n"2",\n]',
        "a.y": "one,\ntwo",
        "a.z": "[3]",
        "a.w": "4",
        "a.b.v": '{"k":\n[1, 2]\n}',
    }


def test_scan_ends_an_open_bracket_at_the_next_key_and_says_so():
    found = scan("[a]\nx = [1,\n2\ny = 3\n[b]\nz = (\n[c]\n")
    assert [(at.line, at.key) for at in found.problems] == [(2, "x"), (6, "z")]
    assert all("is never closed" in at.message for at in found.problems)
    assert [at.key for at in found.entries if not at.is_broken] == ["y"]


def test_scan_goes_on_after_every_mistake():
    found = scan("x = 1\n[a\ny = 2\n[]\nlost = 1\n[b]\nno equals\n= 3\nz = 4\nz = 5\n[a]\n")
    assert [at.line for at in found.problems] == [1, 2, 4, 7, 8, 10, 11]
    assert [(at.section, at.key) for at in found.entries] == [("a", "y"), ("b", "z")]


def test_scan_reads_base_before_any_section():
    found = scan("$BASE = other.ini\n[a]\nx = 1\n")
    assert [(at.section, at.key) for at in found.entries] == [("META", "$BASE"), ("a", "x")]
