"""P1: every verb's --help, and verbs that need no torch, against importing typer: time, modules loaded, memory."""

import statistics
import subprocess
import sys
from typing import NamedTuple

from _measure import ROOT, TRIAL, finish, verdict

# What ends a verb is caught, so that the counts can be told; they go to stderr, alone on the last line.
PROBE = """
import sys, time
start = time.perf_counter()
try:
    from auto_train.cli import main
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
seconds = time.perf_counter() - start
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print(code, seconds, len(sys.modules), int(peak) / 1024, "torch" in sys.modules, file=sys.stderr)
"""
PAIRS = 3 if TRIAL else 11
# Verbs that only read text: pydantic, which typer checks any option with, and the config take longer than they do;
# licenses reads the metadata of two hundred packages.
STARTS = {
    "config lint configs/digits.ini": 6.0,
    "config show configs/digits.ini": 6.0,
    "config explain training.scheme.epochs": 6.0,
    "config schema": 6.0,
    "schema": 6.0,
    "licenses": 15.0,
}


class Start(NamedTuple):
    """One start: its time, how many modules it loaded, its peak memory, whether torch is among the modules."""

    seconds: float
    modules: int
    peak_mb: float
    has_torch: bool


def started(*words: str) -> Start:
    done = subprocess.run([sys.executable, "-c", PROBE, *words], cwd=ROOT, check=True, capture_output=True, text=True)
    code, seconds, modules, peak, torch = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return Start(float(seconds), int(modules), float(peak), torch == "True")


def typer_alone() -> float:
    code = "import time; start = time.perf_counter(); import typer; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def judge(words: str, bar: float) -> bool:
    """Measure one command in turns with `import typer`, print it, and tell whether it meets its bar."""
    started(*words.split()), typer_alone()  # the first run of each fills the file cache
    found, ratios = [], []
    for _ in range(PAIRS):
        found.append(started(*words.split()))
        ratios.append(found[-1].seconds / typer_alone())
    last = found[-1]
    detail = (
        f"{statistics.median(at.seconds for at in found) * 1000:.0f} ms, {last.modules} modules, {last.peak_mb:.0f} MB"
    )
    is_met = verdict(f"P1 {words} / import typer", statistics.median(ratios), bar, at_most=True, detail=detail)
    return is_met and verdict(f"P1 torch loaded by {words}", float(last.has_torch), 0, at_most=True)


def verbs() -> list[str]:
    """Return every verb, ``config lint`` and the like each for itself."""
    import typer

    from auto_train.cli.app import app

    found, pending = [], [("", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        below = command.list_commands(None) if hasattr(command, "list_commands") else []
        pending += [(f"{name} {word}".strip(), command.get_command(None, word)) for word in below]
        found += [] if below else [name]
    return sorted(found)


sys.path.insert(0, str(ROOT))
helps = {f"{verb} --help": 2.3 for verb in verbs()}
finish(*[judge(words, bar) for words, bar in {"--help": 2.3, **helps, **STARTS}.items()])
