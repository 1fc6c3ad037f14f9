from pathlib import Path

from tests.conftest import RunCli


def test_doctor_says_what_there_is_and_exits_6_where_it_is_of_no_use(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_cli("doctor", "--offline", env={"AUTO_TRAIN_CACHE": f"{tmp_path}/file/x"})
    assert done.returncode == 6
    titles = {line[:18].strip() for line in done.stdout.splitlines()}
    assert {"python", "auto-train", "torch", "cores", "memory", "device", "cache", "weights hub"} <= titles
    assert {"extra dev", "extra tensorboard"} <= titles
    assert done.stderr.startswith("doctor  Importing torch to see its devices\n")
    assert f"error: cache {tmp_path}/file/x: the cache cannot be made: Not a directory" in done.stderr
    assert "set AUTO_TRAIN_CACHE to a folder that can be written" in done.stderr
