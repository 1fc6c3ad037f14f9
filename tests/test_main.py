import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.conftest import ROOT


def test_main_is_at_most_15_lines() -> None:
    assert len((ROOT / "main.py").read_text().splitlines()) <= 15


def test_importing_main_loads_neither_fastapi_nor_torch() -> None:
    code = "import sys, main; print([n for n in ('fastapi', 'torch', 'typer', 'confection') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_attribute_of_main_is_an_attribute_error() -> None:
    code = "import main; main.nothing"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "module 'main' has no attribute 'nothing'" in done.stderr


def test_uvicorn_main_app_starts_without_config_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "uvicorn", "main:app", "--uds", str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            while not path.exists():
                assert process.poll() is None
                time.sleep(0.05)
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://app") as client:
                assert client.get("/livez").status_code == 200
                reply = client.post("/validate/", files={"img": b"x"})
        finally:
            process.terminate()
    assert reply.status_code == 503
    assert "CONFIG" in reply.json()["error"]["message"]
