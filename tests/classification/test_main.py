import subprocess
import sys
from pathlib import Path

from auto_train.classification import main
from tests.conftest import TrainedRun


def test_recipe_has_its_own_command_line(digits_run: TrainedRun, root: Path):
    image = root / "test_images/classification/digit_7.png"
    command = [sys.executable, "-m", "auto_train.classification.main", "validate", f"--config={digits_run.config}"]
    done = subprocess.run([*command, f"--image={image}"], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert '"prediction"' in done.stdout


def test_router_answers_the_recipes_route():
    assert any(getattr(route, "path", "").endswith("/validate/") for route in main.router.routes)
