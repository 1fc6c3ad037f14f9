"""200 INIs with mistakes nobody thought of: each gives problems or a config, never a traceback, in bounded time."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auto_train.config import lint_config, load_config
from auto_train.errors import ConfigError

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("configs/*.ini"), *ROOT.glob("tests/inis/*.ini")])
COUNT, SEED, LIMIT_S = 200, 20261201, 2.0
VALUES = (
    *("", "none", "true", "nan", "-1", "0", "0x1f", "1e999", "1,2;3", "9" * 5000, "\u00e9" * 300, "../" * 50),
    *("[", "]]", "{", "{}", '"', "'", "#", "$", "${", "${a.b}", "@head", "a\\b", "C:\\new", "\u202ebidi", "[1, [{}]]"),
)
CHARACTERS = "\0\t\f\u00a0\u2028\ufeff\U0001f600[]=:;#$@\"'\\\u0301"

Mutate = Callable[[random.Random, list[str]], list[str]]


def delete(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    return lines[:at] + lines[at + rng.randint(1, 4) :]


def duplicate(rng: random.Random, lines: list[str]) -> list[str]:
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    return [*lines[:to], lines[at], *lines[to:]]


def swap(rng: random.Random, lines: list[str]) -> list[str]:
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return lines


def misspell(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.choice([at for at, line in enumerate(lines) if line])
    place = rng.randrange(len(lines[at]))
    with_typo = rng.choice(["", rng.choice("aeiou_. "), lines[at][place] * 2])
    lines[at] = lines[at][:place] + with_typo + lines[at][place + 1 :]
    return lines


def strange(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    place = rng.randint(0, len(lines[at]))
    lines[at] = lines[at][:place] + rng.choice(CHARACTERS) + lines[at][place:]
    return lines


def other_value(rng: random.Random, lines: list[str]) -> list[str]:
    found = [at for at, line in enumerate(lines) if "=" in line]
    if found:
        at = rng.choice(found)
        own = [line.partition("=")[2] for line in lines if "=" in line]
        lines[at] = f"{lines[at].partition('=')[0]}= {rng.choice([*VALUES, rng.choice(own)])}"
    return lines


def cut(rng: random.Random, lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    return text[: rng.randrange(1, len(text) + 1)].split("\n")


MUTATIONS: tuple[Mutate, ...] = (delete, duplicate, swap, misspell, strange, other_value, other_value, misspell, cut)


def mutated(number: int) -> str:
    rng = random.Random(SEED + number)
    lines = rng.choice(SOURCES).read_text(encoding="utf-8").split("\n")
    for mutate in rng.sample(MUTATIONS, rng.randint(1, 4)):
        lines = mutate(rng, lines) or [""]
        lines = lines if any(lines) else ["[project]"]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def inis(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("mutated")
    paths = [folder / f"{number}.ini" for number in range(COUNT)]
    for number, path in enumerate(paths):
        path.write_text(mutated(number), encoding="utf-8", newline="")
    return paths


def test_mutated_inis_give_problems_with_their_place_or_a_config(inis: list[Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(inis[0].parent)
    refused = 0
    for path in inis:
        start = time.process_time()
        problems = lint_config(path)
        errors = [problem for problem in problems if problem.level == "error"]
        assert all(problem.message and len(problem.message) < 2000 for problem in problems), path
        assert all(problem.file for problem in problems), path
        if errors:
            refused += 1
            with pytest.raises(ConfigError):
                load_config(path)
        else:
            text = load_config(path).to_ini()
            again = path.with_suffix(".again.ini")
            again.write_text(text, encoding="utf-8")
            assert load_config(again) == load_config(path), path
        assert time.process_time() - start < LIMIT_S, path
    assert COUNT // 3 < refused < COUNT


@pytest.mark.parametrize(("verb", "start"), [("lint", 0), ("show", 20)])
def test_mutated_inis_end_the_program_with_0_or_2(inis: list[Path], run_cli, verb: str, start: int):
    for path in inis[start::40]:
        done = run_cli("config", verb, path)
        assert done.returncode in (0, 2), (path, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, path
