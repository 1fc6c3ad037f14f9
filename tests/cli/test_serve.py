import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.pictures import picture
from tests.conftest import ROOT, RunCli
from tests.serving.tiny import write_project


@contextmanager
def serve(*words: str | Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(ROOT / "main.py"), "serve", *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_where_once_ready_and_ends_cleanly(colours: Path, tmp_path: Path, end: signal.Signals) -> None:
    with serve(f"--config={write_project(tmp_path, colours)}", "--port=0", "--json") as process:
        ready = json.loads(first_line(process))
        reply = httpx.post(f"{ready['url']}/validate/", files={"img": picture()})
        process.send_signal(end)
        out, err = process.communicate(timeout=20)
    assert ready["type"] == "serving"
    assert (ready["model"], ready["task"], ready["engine"]) == ("colours", "classification", "onnxruntime")
    assert ready["url"].startswith("http://127.0.0.1:")
    assert reply.json()["prediction"] == "red"
    assert (process.returncode, out, err) == (0, "", "")


def test_serve_model_needs_no_config(colours: Path) -> None:
    with serve(f"--model={colours}", "--port=0") as process:
        line = first_line(process)
    assert line.startswith("serving colours (classification, onnxruntime) at http://127.0.0.1:")


def test_serve_model_takes_the_limits_of_an_ini_and_says_what_of_it_does_not_count(
    colours: Path, tmp_path: Path
) -> None:
    more = "[serve]\nmax_megapixels = 0.0001\n[testing.postprocess]\n@postprocess_function = shout\n"
    ini = write_project(tmp_path, colours, more)
    with serve(f"--model={colours}", f"--config={ini}", "--port=0", "--json", "--offline") as process:
        warning, ready = json.loads(first_line(process)), json.loads(first_line(process))
        reply = httpx.post(f"{ready['url']}/validate/", files={"img": picture(size=(20, 20))})
        small = httpx.post(f"{ready['url']}/validate/", files={"img": picture(size=(5, 5))}).json()
    assert warning["message"] == (
        f"[testing.postprocess] of the config is not applied to the model named by path: {colours}"
    )
    assert (reply.status_code, small["prediction"]) == (413, "red")


def test_serve_model_takes_the_limits_of_the_ini_that_config_names(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIG", str(write_project(tmp_path, colours, "[serve]\nhost = ::1\n")))
    with serve(f"--model={colours}", "--port=0", "--json") as process:
        assert json.loads(first_line(process))["url"].startswith("http://[::1]:")


def test_serve_settings_may_be_overridden(colours: Path) -> None:
    with serve("--serve.host", "::1", f"--model={colours}", "--port=0", "--json") as process:
        assert json.loads(first_line(process))["url"].startswith("http://[::1]:")


def test_postprocess_of_the_ini_makes_the_answer(colours: Path, tmp_path: Path) -> None:
    ini = write_project(tmp_path, colours, "[testing.postprocess]\n@postprocess_function = shout\n")
    with serve("--config", ini, "--port=0", "--json") as process:
        url = json.loads(first_line(process))["url"]
        assert httpx.post(f"{url}/validate/", files={"img": picture()}).json() == {"colour": "RED!"}


def test_port_in_use_is_exit_7_in_one_clear_line(run_cli: RunCli, colours: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_cli("serve", f"--model={colours}", f"--port={port}")
    assert done.returncode == 7
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_trained_is_exit_6(run_cli: RunCli, tmp_path: Path) -> None:
    ini = tmp_path / "new.ini"
    ini.write_text(f"[project]\nlocation = {tmp_path}/p\n")
    done = run_cli("serve", f"--config={ini}", "--port=0")
    assert done.returncode == 6
    assert "train first" in done.stderr


def test_serving_an_export_loads_no_torch(colours: Path) -> None:
    with serve(f"--model={colours}", "--port=0", "--json") as process:
        url = json.loads(first_line(process))["url"]
        httpx.post(f"{url}/validate/", files={"img": picture()}).raise_for_status()
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert "onnxruntime" in maps
    assert "libtorch" not in maps


def test_sigterm_does_not_wait_for_an_image_that_takes_long(colours: Path, tmp_path: Path) -> None:
    more = "[serve]\ndeadline_s = 1\n[testing.postprocess]\n@postprocess_function = sleeps\n"
    with serve(f"--config={write_project(tmp_path, colours, more)}", "--port=0", "--json") as process:
        url = json.loads(first_line(process))["url"]
        assert httpx.post(f"{url}/validate/", files={"img": picture()}, timeout=20).status_code == 504
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_prefix_of_a_proxy_is_an_option(colours: Path) -> None:
    with serve(f"--model={colours}", "--port=0", "--json", "--root-path=/at/") as process:
        url = json.loads(first_line(process))["url"]
        assert 'href="/at/ui/runs"' in httpx.get(f"{url}/at/").text


def test_link_to_a_run_is_resolved_once_and_its_facts_are_those_of_the_model_that_answers(
    colours: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "project/runs"
    names = ("20261121-134959-aaaaaa", "20261122-134959-bbbbbb")
    for name, accuracy in zip(names, (0.25, 0.75)):
        shutil.copytree(colours, runs / name)
        facts = {"metrics": {"valid/accuracy": accuracy}}
        (runs / name / "bundle/facts.json").write_text(json.dumps(facts))
    latest = runs / "latest"
    latest.symlink_to(names[0])
    with serve(f"--model={latest}", "--port=0", "--json") as process:
        url = json.loads(first_line(process))["url"]
        latest.unlink()
        latest.symlink_to(names[1])
        changed = httpx.get(url).text
        (runs / names[0] / "bundle/facts.json").write_text(json.dumps({"metrics": {"valid/accuracy": 0.5}}))
        rewritten = httpx.get(url).text
    for text in (changed, rewritten):
        assert f"/ui/runs/{names[0]}" in text and "0.2500" in text
        assert names[1] not in text and "0.7500" not in text and "0.5000" not in text
