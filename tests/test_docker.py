"""The Dockerfile, as far as it can be judged without an engine: what it says, and that what it installs is enough."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.api.pictures import picture
from tests.conftest import ROOT, TrainedRun

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SERVE_GROUP = PYPROJECT["dependency-groups"]["serve"]
INSTRUCTIONS = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "USER", "VOLUME", "WORKDIR"
}  # fmt: skip


@dataclass
class Stage:
    """One FROM … AS name with what follows: (instruction, rest of the line)."""

    name: str
    base: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for found, rest in self.lines if found == instruction]

    def last(self, instruction: str) -> str:
        return self.all(instruction)[-1]


def instructions() -> Iterator[tuple[str, str]]:
    """Yield each instruction with its arguments: comments left out, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        name, _, rest = line.strip().partition(" ")
        yield name, re.sub(r"\s+", " ", rest.strip())


def parsed() -> tuple[dict[str, str], dict[str, Stage]]:
    """Return the arguments before the first FROM, and the stages by name."""
    outer: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for name, rest in instructions():
        if name == "FROM":
            base, word, stage = rest.split()
            assert word == "AS"
            stages[stage] = Stage(stage, base)
        elif stages:
            next(reversed(stages.values())).lines.append((name, rest))
        else:
            assert name == "ARG"
            outer.update([rest.split("=")])
    return outer, stages


OUTER, STAGES = parsed()


def inherited(name: str) -> list[tuple[str, str]]:
    """Return all instructions of a stage, those of the stages it builds on first."""
    base = STAGES[name].base.replace("${DEVICE}", OUTER["DEVICE"])
    return [*(inherited(base) if base in STAGES else []), *STAGES[name].lines]


def words(rest: str) -> list[str]:
    return json.loads(rest) if rest.startswith("[") else shlex.split(rest)


def test_dockerfile_holds_only_instructions_that_are_known() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS


def test_dockerfile_has_a_stage_to_train_and_one_to_serve() -> None:
    assert {"build", "base", "cpu", "cuda", "train", "serve"} <= set(STAGES)
    assert list(STAGES)[-1] == "serve"
    for stage in STAGES.values():
        base = stage.base.replace("${DEVICE}", "cpu")
        assert base in STAGES or base == "python:${PYTHON}-slim"


def test_dockerfile_processor_or_gpu_is_a_build_argument() -> None:
    assert OUTER["DEVICE"] == "cpu" and STAGES["train"].base == "${DEVICE}"
    assert {"cpu", "cuda"} <= set(STAGES)
    assert "NVIDIA_VISIBLE_DEVICES=all" in STAGES["cuda"].last("ENV")
    low = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, OUTER["PYTHON"].split("."))) >= tuple(map(int, low.split(".")))


def test_dockerfile_index_is_an_argument_and_no_host_is_named() -> None:
    assert {'INDEX_URL=""', 'TORCH_INDEX_URL=""'} <= set(STAGES["build"].all("ARG"))
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s'\"/:]+", text)) == {"http://127.0.0.1"}
    for stage in STAGES.values():
        for line in stage.all("RUN"):
            assert line.count("pip install") == line.count("INDEX_URL:+--index-url") + line.count(
                'pip install --index-url "$TORCH_INDEX_URL"'
            ), line


@pytest.mark.parametrize("target", ["train", "serve"])
def test_dockerfile_image_is_not_root(target: str) -> None:
    user = STAGES[target].last("USER")
    assert re.fullmatch(r"(\d+):\1", user) and user != "0:0"  # a number: clusters check that it is not root
    number = user.split(":")[0]
    assert f"useradd --uid {number} " in STAGES["base"].last("RUN")
    after = [name for name, _ in STAGES[target].lines]
    assert after.index("USER") > max(at for at, name in enumerate(after) if name == "COPY")


@pytest.mark.parametrize("target", ["train", "serve"])
def test_dockerfile_root_may_be_read_only(target: str) -> None:
    env = " ".join(rest for name, rest in inherited(target) if name == "ENV")
    assert "PYTHONDONTWRITEBYTECODE=1" in env and "AUTO_TRAIN_CACHE=/cache" in env
    assert words(STAGES[target].last("VOLUME")) == ["/cache"]
    assert "chown auto-train:auto-train /project /cache" in STAGES["base"].last("RUN")


def test_dockerfile_copies_what_is_there_and_not_ignored() -> None:
    copied = [words(rest) for stage in STAGES.values() for rest in stage.all("COPY")]
    sources = {word for line in copied for word in line[:-1] if not any(at.startswith("--from") for at in line)}
    sources = {source for source in sources if not source.startswith("--")}
    assert {"auto_train", "pyproject.toml", "constraints.txt"} <= sources
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    kept = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert rules[0] == "*"
    assert kept == {source.split("/")[0] for source in sources}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not any(fnmatch(source, rule) for rule in rules[1:] if not rule.startswith("!"))
    taken = [at.removeprefix("--from=") for line in copied for at in line if at.startswith("--from=")]
    assert taken and set(taken) <= set(STAGES)


def test_dockerfile_installs_the_locked_versions() -> None:
    for name in ("build-train", "build-serve"):
        installs = [part for line in STAGES[name].all("RUN") for part in re.findall(r"pip install [^;&]*", line)]
        assert all("--constraint constraints.txt" in part or "--no-deps" in part for part in installs)


def test_dockerfile_entry_points_are_the_program() -> None:
    assert PYPROJECT["project"]["scripts"]["auto-train"] == "auto_train.cli:main"
    assert (words(STAGES["train"].last("ENTRYPOINT")), words(STAGES["train"].last("CMD"))) == (
        ["auto-train"],
        ["--help"],
    )
    entry = words(STAGES["serve"].last("ENTRYPOINT"))
    assert entry[:2] == ["auto-train", "serve"] and "--host=0.0.0.0" in entry
    port = STAGES["serve"].last("EXPOSE")
    assert f"--port={port}" in entry


def test_dockerfile_health_check_is_a_program_that_asks_the_port_served() -> None:
    options, _, command = STAGES["serve"].last("HEALTHCHECK").partition("CMD ")
    assert {"--interval", "--timeout", "--start-period"} == set(re.findall(r"--[a-z-]+", options))
    python, flag, code = words(command)
    assert (python, flag) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    assert f"http://127.0.0.1:{STAGES['serve'].last('EXPOSE')}/readyz" in code


# What the image that serves has in it


def closure(names: list[str]) -> set[str]:
    """Return the distributions that are installed with these."""
    found: set[str] = set()
    pending = [(Requirement(name), "") for name in names]
    while pending:
        need, extra = pending.pop()
        if need.marker and not need.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(need.name)
        for chosen in ["", *need.extras]:
            if f"{name}[{chosen}]" not in found:
                found.add(f"{name}[{chosen}]")
                pending += [(Requirement(text), chosen) for text in distribution(name).requires or []]
    return {name.partition("[")[0] for name in found}


@pytest.fixture(scope="module")
def serve_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of packages that holds those of the group serve, and no other."""
    site = tmp_path_factory.mktemp("site")
    for name in [*closure(SERVE_GROUP), "auto-train"]:
        package = distribution(name)
        tops = {Path(file).parts[0] for file in package.files or [] if ".." not in Path(file).parts}
        for top in tops - {"__pycache__", "bin"} if name != "auto-train" else {at for at in tops if "-info" in at}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(package.locate_file(top))))
    return site


def without_the_rest(site: Path, *args: str) -> list[str]:
    """Return a command of python that finds these packages only."""
    return ["env", f"PYTHONPATH={site}:{ROOT}", sys.executable, "-S", *args]


def test_serve_group_is_part_of_what_this_program_needs() -> None:
    named = {re.split(r"[^\w.-]", line)[0] for line in PYPROJECT["project"]["dependencies"]}
    assert set(SERVE_GROUP) <= named
    assert not {"torch", "fastai", "timm", "torchvision", "scipy", "pandas"} & closure(SERVE_GROUP)


def test_serve_group_alone_answers_over_rest(serve_site: Path, digits_run: TrainedRun) -> None:
    lacks = subprocess.run(without_the_rest(serve_site, "-c", "import torch"), capture_output=True, check=False)
    assert b"No module named 'torch'" in lacks.stderr
    words = ["serve", f"--model={digits_run.folder}", "--port=0", "--json"]
    command = without_the_rest(serve_site, f"{ROOT}/main.py", *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read()
            with httpx.Client(base_url=json.loads(line)["url"], timeout=30) as client:
                assert client.get("/readyz").json()["engine"] == "onnxruntime"
                assert client.post("/validate/", files={"img": picture()}).json()["prediction"] in "0123456789"
                for page in ("/livez", "/docs", "/openapi.json", "/", "/ui/runs"):
                    assert client.get(page).status_code == 200, page
        finally:
            process.terminate()
            process.wait(20)


def test_serve_group_says_what_to_install_for_another_verb(serve_site: Path) -> None:
    command = without_the_rest(serve_site, f"{ROOT}/main.py", "doctor", "--offline")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert "error: torch is not installed, but torch>=" in done.stderr and "Traceback" not in done.stderr
    trained = subprocess.run(
        without_the_rest(serve_site, f"{ROOT}/main.py", "train", f"--config={ROOT}/configs/digits.ini"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert trained.returncode == 6 and "is not installed\n  what else is missing: auto-train doctor" in trained.stderr
