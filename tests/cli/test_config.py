import json
from pathlib import Path

import pytest

INIS = Path(__file__).parents[1] / "inis"
ORIGINAL = INIS / "classification.ini"


def test_lint_of_a_sound_ini_is_quiet(run_cli):
    done = run_cli("config", "lint", ORIGINAL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{ORIGINAL}: no errors\n"


def test_lint_prints_every_problem_and_exits_2(run_cli, tmp_path: Path):
    path = tmp_path / "my.ini"
    path.write_text("[training.scheme]\nepohcs = 1\nbatch_size = 0\n[mine]\nx = 1\n")
    done = run_cli("config", "lint", f"--config={path}", "--training.scheme.accumulate", "0")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"{path}:4 [mine]: warning: unknown section, it has no effect",
        f"error: {path}:2 [training.scheme] epohcs: unknown key; did you mean 'epochs'?",
        f"{path}:3 [training.scheme] batch_size: '0' is out of range (allowed: int >= 1)",
        "override training.scheme.accumulate: '0' is out of range (allowed: int >= 1)",
    ]


def test_lint_takes_several_inis_and_prints_json(run_cli):
    done = run_cli(
        "config", "lint", ORIGINAL, INIS / "broken/type_unknown.ini", INIS / "classification_rooftops.ini", "--json"
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 2
    assert [(at["type"], at.get("line"), at.get("level")) for at in lines] == [
        ("problem", 3, "error"),
        ("problem", 7, "warning"),
        ("error", None, None),
    ]
    assert lines[0]["key"] == "type"
    assert lines[0]["file"] == str(INIS / "broken/type_unknown.ini")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such.ini", "no/such.ini: this file does not exist"),
        (".", ": this is a directory; name the INI file in it"),
        ("binary.ini", "binary.ini:1: this is a binary file, not text: byte 0 is 0x00"),
        ("empty.ini", "empty.ini:1: this file is empty"),
    ],
)
def test_lint_of_no_ini_is_one_clear_line(run_cli, tmp_path: Path, name: str, message: str):
    (tmp_path / "binary.ini").write_bytes(b"\x00\x01\x02")
    (tmp_path / "empty.ini").touch()
    done = run_cli("config", "lint", name, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(tmp_path) in line
    assert message in line


def test_show_prints_final_values_that_load_again(run_cli, tmp_path: Path):
    done = run_cli("config", "show", ORIGINAL, "training.scheme.epochs=9")
    assert done.returncode == 0
    assert "location = projects/horses_vs_zebras\n" in done.stdout
    (tmp_path / "again.ini").write_text(done.stdout)
    again = run_cli("config", "show", "again.ini", cwd=tmp_path)
    assert again.stdout == done.stdout
    as_json = json.loads(run_cli("config", "show", "again.ini", "--json", cwd=tmp_path).stdout)
    assert as_json["values"]["training"]["scheme"]["epochs"] == 9


def test_fill_keeps_variables(run_cli):
    done = run_cli("config", "fill", f"--config={ORIGINAL}")
    assert "location = projects/${project.name}\n" in done.stdout
    assert "accumulate = 1\n" in done.stdout


def test_explain_says_meaning_value_and_who_set_it(run_cli):
    done = run_cli("config", "explain", "training.scheme.batch_size", "--config", ORIGINAL)
    assert done.stdout.splitlines() == [
        "training.scheme.batch_size",
        "  images per step",
        "  allowed  int >= 1",
        "  value    8",
        "  default  64",
        f"  set by   {ORIGINAL}:28 (ini)",
        "  resume   re-plans",
    ]


def test_explain_without_an_ini_explains_the_default(run_cli):
    done = run_cli("config", "explain", "training.scheme.batch_size", "--json")
    about = json.loads(done.stdout)
    assert (about["value"], about["origin"]["kind"]) == (64, "default")


def test_explain_of_an_unknown_key_names_the_nearest(run_cli):
    done = run_cli("config", "explain", "training.scheme.batchsize")
    assert done.returncode == 2
    assert "did you mean 'training.scheme.batch_size'?" in done.stderr


def test_diff_prints_both_values(run_cli):
    done = run_cli("config", "diff", ORIGINAL, ORIGINAL, "--training.scheme.epochs=9", "training.scheme.aa=none")
    assert done.stdout == "training.scheme.epochs: 5 → 9\ntraining.scheme.aa: rand-m9-mstd0.5 → none\n"


def test_schema_is_json_and_markdown(run_cli):
    schema = json.loads(run_cli("config", "schema").stdout)
    assert schema["properties"]["training"]["properties"]["scheme"]["properties"]["epochs"]["type"] == "integer"
    assert run_cli("config", "schema", "--markdown").stdout.startswith("# Keys of an INI\n")
    refused = run_cli("config", "schema", "--task=tracking")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "'tracking' is no task that is available here (allowed: classification" in refused.stderr


def test_config_verb_takes_one_ini(run_cli):
    done = run_cli("config", "show", ORIGINAL, f"--config={ORIGINAL}")
    assert done.returncode == 2
    assert "one INI is meant" in done.stderr
