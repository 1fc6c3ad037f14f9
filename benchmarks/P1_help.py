"""P1: `--help` against importing typer alone, and that it loads no torch."""

import subprocess
import sys

from _measure import ROOT, finish, ratio, verdict

low, middle, high = ratio([sys.executable, "main.py", "--help"], [sys.executable, "-c", "import typer"], pairs=20)
code = """
import runpy, sys
sys.argv = ["main.py", "--help"]
try:
    runpy.run_path("main.py", run_name="__main__")
except SystemExit:
    print("torch" in sys.modules)
"""
loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
finish(
    verdict("P1 --help / import typer", middle, 2.3, at_most=True, detail=f"quartiles {low:.2f} to {high:.2f}"),
    verdict("P1 torch loaded by --help", float(loaded.strip().endswith("True")), 0, at_most=True),
)
