import json
import os
from pathlib import Path

from tests.conftest import ROOT, RunCli, TrainedRun


def rows(stdout: str) -> list[dict]:
    return [found for line in stdout.splitlines() if (found := json.loads(line))["type"] == "licence"]


def test_licenses_lists_this_program_first_and_every_package(run_cli: RunCli) -> None:
    done = run_cli("licenses")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["permissive", "auto-train", "Apache-2.0"]
    assert any(line.split()[:2] == ["permissive", "torch"] for line in lines)


def test_licenses_of_an_experiment_names_its_weights(run_cli: RunCli, tmp_path: Path) -> None:
    ini = tmp_path / "my.ini"
    ini.write_text("[architecture.backbone]\nmodel = resnet18\nweights = mine.safetensors\n")
    done = run_cli("licenses", f"--config={ini}", "--json")
    last = rows(done.stdout)[-1]
    assert (last["what"], last["name"], last["kind"]) == ("weights", "mine.safetensors", "unknown")
    warning = json.loads(done.stdout.splitlines()[-2 if "restricted" in done.stdout.splitlines()[-1] else -1])
    assert warning["type"] == "warning" and warning["message"].endswith("mine.safetensors")


def test_licenses_of_a_run_are_those_it_recorded(run_cli: RunCli, digits_run: TrainedRun) -> None:
    for model in (digits_run.folder, digits_run.bundle):
        last = rows(run_cli("licenses", f"--model={model}", "--json").stdout)[-1]
        assert (last["what"], last["name"], last["kind"]) == ("weights", str(model), "none")


def test_licenses_of_an_onnx_file_are_not_recorded(run_cli: RunCli, digits_run: TrainedRun) -> None:
    done = run_cli("licenses", f"--model={digits_run.onnx}")
    assert done.returncode == 6
    assert "no licences are recorded here" in done.stderr and "a run folder or a bundle folder" in done.stderr


def test_package_under_the_gpl_is_exit_5_and_named(run_cli: RunCli, tmp_path: Path) -> None:
    info = tmp_path / "loguru-99.0.dist-info"  # found before the real one of this dependency
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.4\nName: loguru\nVersion: 99.0\nLicense-Expression: GPL-3.0-only\n"
    )
    done = run_cli("licenses", env={"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])})
    assert done.returncode == 5
    assert "error: under GPL, AGPL or the like: loguru\n" in done.stderr
    assert "copyleft" in done.stdout
