"""The machine contract: options of every verb, lines by their schemas, exit codes by their situations."""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator

from auto_train.cli import app as program
from auto_train.cli.schema import line_schema, line_types
from tests.api.pictures import picture
from tests.conftest import ROOT, RunCli, TrainedRun
from tests.lines import checked
from tests.processes import start
from tests.serving.tiny import write_project
from tests.tiny import write_digits, write_ini

CLI = ROOT / "auto_train/cli"


def commands(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every verb, ``config lint`` and the like each for itself, with its command."""
    command = command or typer.main.get_command(program.app)
    if not hasattr(command, "list_commands"):
        yield name, command
        return
    for below in command.list_commands(None):
        yield from commands(command.get_command(None, below), f"{name} {below}".strip())


COMMANDS = dict(commands())
every_verb = pytest.mark.parametrize("verb", COMMANDS)


# Options


@every_verb
def test_verb_takes_json_offline_and_debug(verb: str) -> None:
    options = {name for option in COMMANDS[verb].params for name in option.opts}
    assert {"--json", "--offline", "--debug"} <= options


@every_verb
def test_verb_says_in_its_help_what_it_does_and_what_each_option_is(verb: str) -> None:
    command = COMMANDS[verb]
    assert command.get_short_help_str()
    assert not [option.name for option in command.params if not (option.help or option.hidden)]


# Lines


def emitted() -> set[str]:
    """Return the types that the command line's code prints."""
    calls = [node for file in CLI.glob("*.py") for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    return {
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "emit"
    }


def test_lines_every_type_that_is_printed_has_a_schema_and_no_other() -> None:
    assert emitted() == set(line_types())


@pytest.mark.parametrize("kind", line_types())
def test_lines_schema_is_valid_and_says_what_each_field_is(kind: str) -> None:
    schema = line_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["description"].endswith(".")
    assert set(schema["required"]) <= set(schema["properties"])
    assert {"schema_version", "type"} <= set(schema["required"])


def test_schema_verb_prints_what_the_lines_are_checked_by(run_cli: RunCli) -> None:
    assert json.loads(run_cli("schema", "run").stdout) == line_schema("run")
    whole = json.loads(run_cli("schema").stdout)
    assert [one["title"] for one in whole["oneOf"]] == line_types()
    Draft202012Validator(whole).validate({"schema_version": 1, "type": "warning", "message": "x"})
    assert [line["line"] for line in checked(run_cli("schema", "--json").stdout)] == line_types()


def test_training_prints_its_run_at_once_and_its_result_last(digits_run: TrainedRun) -> None:
    first, *_, last = checked(digits_run.process.stdout)
    assert (first["type"], last["type"]) == ("started", "run")
    assert first["run"] == last["run"] == str(digits_run.folder)


PRINTING = """
import os
from auto_train import registry

print("loaded")

@registry.postprocess_function.register("prints")
def prints():
    def answer(prediction):
        print("called")
        os.write(1, b"from below")
        return prediction
    return answer
"""


def test_what_a_function_of_the_user_prints_does_not_mix_with_the_lines(
    run_cli: RunCli, colours: Path, tmp_path: Path
) -> None:
    ini = write_project(tmp_path / "p", colours, "[testing.postprocess]\n@postprocess_function = prints\n")
    (tmp_path / "p/functions.py").write_text(PRINTING)
    (tmp_path / "red.png").write_bytes(picture())
    done = run_cli("validate", f"--config={ini}", f"--image={tmp_path}/red.png", "--json")
    assert [line["type"] for line in checked(done.stdout)] == ["prediction"]
    assert all(text in done.stderr for text in ("loaded", "called", "from below"))
    plain = run_cli("validate", f"--config={ini}", f"--image={tmp_path}/red.png")
    assert "called" in plain.stdout


def test_file_name_that_is_no_unicode_comes_back_as_it_was(run_cli: RunCli, colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path / "p", colours)
    name = os.fsencode(tmp_path) + b"/r\xffd.png"
    Path(os.fsdecode(name)).write_bytes(picture())
    done = run_cli("validate", f"--config={ini}", "--image", os.fsdecode(name), "--json")
    assert os.fsencode(json.loads(done.stdout)["image"]) == name


NETWORK = """
import sys

def refuse(event, args):
    if event == "socket.getaddrinfo" and args[0] not in (None, "localhost", "127.0.0.1", "::1", "192.0.2.1"):
        print("NETWORK", event, args[0], file=sys.stderr)
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1"):
        print("NETWORK", event, args[1], file=sys.stderr)

sys.addaudithook(refuse)
"""


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which a process says when it asks for a name or an address elsewhere."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(NETWORK)
    return {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


def test_watch_sees_the_network(watched: dict[str, str]) -> None:
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **watched}, capture_output=True, text=True)
    assert done.stderr.startswith("NETWORK socket.connect")


# Exit codes


@pytest.fixture(scope="session")
def places(
    tmp_path_factory: pytest.TempPathFactory, colours: Path, digits_run: TrainedRun, digit_files: Path
) -> dict[str, str]:
    """Return what the words below name in braces."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "red.png").write_bytes(picture())
    (folder / "new.ini").write_text(f"[project]\nlocation = {folder}/new\n[training]\ndir = {folder}/nowhere\n")
    (folder / "wrong.ini").write_text("[training.scheme]\nepohcs = 1\n")
    (folder / "text.txt").write_text("text")
    return {
        "config": str(write_project(folder / "project", colours)),
        "digits": str(digits_run.config),
        "model": str(colours),
        "run": str(shutil.copytree(digits_run.folder, folder / "run")),
        "data": str(digit_files),
        "tiny": str(write_ini(folder / "tiny", digit_files)),
        "folder": str(folder),
    }


SITUATIONS = [
    ("train --config={folder}/wrong.ini", 2),
    ("train --config={folder}/none.ini", 2),
    ("train --confg=x", 2),
    ("train --resume=latest --config={folder}/new.ini", 6),
    ("validate --config={config} --image={folder}/red.png", 0),
    ("validate --config={digits}", 0),
    ("validate --config={folder}/wrong.ini", 2),
    ("validate --config={config} --image={folder}/text.txt", 3),
    ("validate --config={config} --image={folder}/none.png", 6),
    ("validate --config={folder}/new.ini", 6),
    ("predict {folder}/red.png {folder}/text.txt --model={model}", 0),  # the text names an image that is not there
    ("predict {folder}/red.png --model={model}", 0),
    ("predict {folder}/*.png --model={config} --output={folder}/answers.csv --draw={folder}/drawn", 0),
    ("predict {folder}/red.png --model={model} --output={folder}/answers.txt", 2),
    ("predict {folder}/none.png --model={model}", 6),
    ("predict {folder}/red.png --model={folder}/none", 6),
    ("serve --config={folder}/wrong.ini", 2),
    ("serve --config={folder}/new.ini --port=0", 6),
    ("serve --model={model} --host=192.0.2.1", 7),  # TEST-NET-1 of RFC 5737: of no machine
    ("config lint {config}", 0),
    ("config lint {folder}/wrong.ini", 2),
    ("config show {config}", 0),
    ("config show {folder}/none.ini", 2),
    ("config fill {config}", 0),
    ("config fill {folder}/wrong.ini", 2),
    ("config explain training.scheme.epochs", 0),
    ("config explain training.scheme.epoch", 2),
    ("config diff {config} {digits}", 0),
    ("config diff {config} {folder}/none.ini", 2),
    ("config schema", 0),
    ("config schema --task=none", 2),
    ("jobs ls --config={config}", 0),
    ("jobs ls --last=0", 2),
    ("jobs show 1 --config={folder}/wrong.ini", 2),
    ("jobs show 1 --config={config}", 6),
    ("jobs logs 1 --config={folder}/none.ini", 2),
    ("jobs stop one", 2),
    ("jobs stop 1 --config={config}", 6),
    ("init --data={data} --output={folder}/made.ini --force", 0),
    ("init", 2),
    ("init --data={folder}/none", 3),
    ("data check --config={tiny}", 0),
    ("data check --config={folder}/wrong.ini", 2),
    ("data check --config={folder}/new.ini", 6),
    ("data convert --data={data} --to=csv --output={folder}/converted", 0),
    ("data convert --data={data} --to=none --output={folder}/other", 2),
    ("data convert --data={folder}/none --to=csv --output={folder}/other", 3),
    ("data preview --config={tiny} --output={folder}/sheet.png --count=4", 0),
    ("data preview --config={tiny} --output={folder}/sheet.txt", 2),
    ("data preview --config={folder}/new.ini --output={folder}/none.png", 6),
    ("report {run}", 0),
    ("report", 2),
    ("report {folder}/none", 6),
    ("compare {run} {run}", 0),
    ("compare {run}", 2),
    ("compare {run} {folder}/none", 6),
    ("new-recipe poems", 0),
    ("new-recipe 1", 2),
    ("doctor", 0),
    ("doctor --verbose", 2),
    ("licenses", 0),
    ("licenses training.scheme.epochs=1", 2),
    ("licenses --model={folder}/none", 6),
    ("schema", 0),
    ("schema runs", 2),
    ("trian", 2),
]


@pytest.mark.parametrize(("words", "code"), SITUATIONS)
def test_situation_has_its_exit_code_and_lines_and_touches_no_network(
    run_cli: RunCli, places: dict[str, str], watched: dict[str, str], words: str, code: int
) -> None:
    done = run_cli(*words.format(**places).split(), "--json", "--offline", cwd=Path(places["folder"]), env=watched)
    assert done.returncode == code, done.stderr
    lines = checked(done.stdout)
    assert lines or words.startswith(("config lint", "jobs ls"))
    errors = [line for line in lines if line["type"] == "error"]
    assert [line["exit_code"] for line in errors] == ([code] if code else [])
    assert not [text for text in ("Traceback", "\x1b", "NETWORK") if text in done.stderr + done.stdout]
    assert bool(code) == ("error: " in done.stderr)


OWN_TESTS = {"train", "serve", "jobs show", "jobs logs", "jobs stop"}  # of their good situations


def test_every_verb_has_a_good_and_a_bad_situation() -> None:
    for verb in COMMANDS:
        codes = {code for words, code in SITUATIONS if words.startswith(verb)}
        assert 2 in codes, verb
        assert 0 in codes or verb in OWN_TESTS, verb


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("contract"), {"0": 24, "1": 24})


TRAININGS: dict[str, tuple[list[str], int]] = {
    "a broken image": ([], 3),
    "a rate that explodes": (["training.scheme.learning_rate=1e30", "training.scheme.epochs=3"], 4),
    "a logger that is not there": (["training.loggers=nowhere"], 2),
}


@pytest.mark.parametrize("situation", TRAININGS)
def test_training_has_its_exit_code_and_lines(data: Path, tmp_path: Path, situation: str) -> None:
    words, code = TRAININGS[situation]
    folder = tmp_path / "data"
    folder.symlink_to(data)
    if situation == "a broken image":
        folder.unlink()
        folder = write_digits(folder, {"0": 3, "1": 3})
        (folder / "0/broken.png").write_bytes(b"\x89PNG")
    trainer = start(tmp_path, f"--config={write_ini(tmp_path, folder)}", "--offline", "--json", *words)
    assert trainer.wait() == code, trainer.stderr
    *_, last = checked(trainer.stdout)
    assert (last["type"], last["exit_code"]) == ("error", code)


def test_training_that_is_stopped_is_130_and_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    ini = write_ini(tmp_path, data)
    trainer = start(tmp_path, f"--config={ini}", "--offline", "--json", "training.scheme.epochs=1000")
    trainer.wait_for(lambda folder: folder / "project/runs/latest", tmp_path, "metrics.jsonl")
    os.kill(trainer.process.pid, signal.SIGTERM)
    assert trainer.wait() == 130, trainer.stderr
    started, stopped = checked(trainer.stdout)
    assert (started["type"], stopped["error"], stopped["exit_code"]) == ("started", "Interrupted", 130)
    assert stopped["hint"].startswith("go on: python main.py train --resume project/runs/")


def test_service_prints_where_it_is_and_port_in_use_is_exit_7(colours: Path) -> None:
    words = [sys.executable, str(ROOT / "main.py"), "serve", f"--model={colours}", "--json", "--offline"]
    with subprocess.Popen([*words, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        (line,) = checked(process.stdout.readline())
        port = line["url"].rpartition(":")[2]
        second = subprocess.run([*words, f"--port={port}"], capture_output=True, text=True, check=False)
        process.send_signal(signal.SIGTERM)
        assert (process.wait(20), process.stdout.read()) == (0, "")
    assert second.returncode == 7
    assert [line["exit_code"] for line in checked(second.stdout)] == [7]


BUG = "def train_model(config, *, offline, progress, resume):\n    {}['missing']\n"


def test_bug_is_exit_1_with_its_line(run_cli: RunCli, tmp_path: Path) -> None:
    recipe = tmp_path / "buggy"
    recipe.mkdir()
    for name in ("__init__", "custom_functions", "model", "validate", "main"):
        (recipe / f"{name}.py").touch()
    (recipe / "config.ini").write_text("[META]\nbase = common\n[project]\ntype = buggy\n")
    (recipe / "train.py").write_text(BUG)
    info = tmp_path / "buggy-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: buggy\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[auto_train.recipes]\nbuggy = buggy\n")
    (tmp_path / "buggy.ini").write_text("[project]\nname = b\ntype = buggy\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run_cli("train", f"--config={tmp_path}/buggy.ini", "--json", env={"PYTHONPATH": path}, cwd=tmp_path)
    (line,) = checked(done.stdout)
    assert (done.returncode, line["exit_code"], line["error"]) == (1, 1, "KeyError")


# Readers that go away


def read_by(reader: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    shown = " ".join([sys.executable, str(ROOT / "main.py"), *map(str, words)])
    return subprocess.run(
        ["bash", "-c", f"{shown} | {reader}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words", [("config", "schema", "--markdown"), ("schema", "--json"), ("schema",), ("licenses",), ("--help",)]
)
def test_reader_that_goes_away_ends_the_verb_without_a_word(words: tuple[str, ...]) -> None:
    done = read_by("true", *words)
    assert (done.returncode, done.stderr) == (141, "")


def test_reader_of_the_first_line_gets_it(colours: Path) -> None:
    done = read_by("head -1", "config", "schema", "--markdown")
    assert (done.returncode in (0, 141), done.stdout, done.stderr) == (True, "# Keys of an INI\n", "")


def test_reader_that_goes_away_leaves_an_error_its_exit_code(tmp_path: Path) -> None:
    assert read_by("true", "config", "show", tmp_path / "none.ini", "--json").returncode == 2


# Colour


def on_a_terminal(*words: str, **env: str) -> str:
    """Return what a verb writes to a terminal."""
    import pty

    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    command = [sys.executable, str(ROOT / "main.py"), *words]
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=kept | {"TERM": "xterm-256color"} | env)
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux's way of saying that nobody writes any more
            break
        written += part
    os.close(ours)
    process.wait(30)
    return written.decode()


@pytest.mark.parametrize(
    ("env", "is_coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False)],
)
def test_terminal_has_colour_unless_it_is_not_wanted(env: dict[str, str], is_coloured: bool) -> None:
    text = on_a_terminal("trian", **env)
    assert "error: " in text and ("\x1b[" in text) == is_coloured


def test_pipe_has_colour_only_where_it_is_forced(run_cli: RunCli) -> None:
    assert "\x1b" not in run_cli("trian", env={"NO_COLOR": ""}).stderr
    assert "\x1b[" in run_cli("trian", env={"NO_COLOR": "", "FORCE_COLOR": "1"}).stderr


# Network


def test_training_offline_names_everything_that_is_missing(
    run_cli: RunCli, watched: dict[str, str], tmp_path: Path
) -> None:
    ini = tmp_path / "far.ini"
    ini.write_text(
        f'[project]\nname = far\nlocation = {tmp_path}/p\ndata_source_url = ["http://192.0.2.1/a.zip"]\n'
        f"[architecture.backbone]\nmodel = resnet18\nweights = far/away\n[training]\ndir = {tmp_path}/data\n"
    )
    done = run_cli("train", f"--config={ini}", "--offline", "--json", env=watched)
    (line,) = checked(done.stdout)
    assert (done.returncode, "NETWORK" in done.stderr) == (6, False)
    assert done.stderr.startswith("error: 2 things are missing, and nothing is fetched offline:\n")
    weights, data = line["problems"]
    assert "weights 'far/away' could not be had" in weights and "hub far/away/model.safetensors: offline" in weights
    assert "http://192.0.2.1/a.zip: not fetched, offline" in data
    assert not (tmp_path / "p").exists()  # before anything started
