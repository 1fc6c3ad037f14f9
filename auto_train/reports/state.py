"""How a run stands, in words a reader needs before any number."""

import shlex
from pathlib import Path
from typing import Any

from auto_train.runs.read import RunFiles


def state_of(run: RunFiles) -> dict[str, Any]:
    """Return ``status``, a ``statement`` where the run is not simply done, and what ended it (``error``).

    The report of a training is made before its STATUS says so: a final line in metrics.jsonl ends it as well.
    """
    status = "done" if run.status == "running" and run.final else run.status or "unknown"
    error = run.last_event(status).get("error") if status in ("failed", "interrupted") else None
    if refused := refusal(run):
        status, error = "failed", refused
    return {"status": status, "statement": _statement(status, run), "error": error}


def export_of(run: RunFiles) -> dict[str, Any]:
    """Return the event of the export, made or refused, since the run was last started; {} without."""
    starts = [at for at, event in enumerate(run.events) if event.get("event") == "start"]
    recent = run.events[starts[-1] :] if starts else run.events
    found = [event for event in recent if event.get("event") in ("export", "export_refused")]
    return found[-1] if found else {}


def refusal(run: RunFiles) -> str | None:
    """Return why the last export was refused; None where it was not."""
    return export_of(run).get("error")


def _statement(status: str, run: RunFiles) -> str:
    if status == "done":
        return ""
    epochs = len(run.epochs)
    done = f"{epochs} epoch{'' if epochs == 1 else 's'} {'is' if epochs == 1 else 'are'} done"
    measured = "" if run.evaluation else "; the finished model was not measured"
    texts = {
        "running": f"This run is still under way, or its process was killed: {done}{measured}.",
        "interrupted": f"This run was stopped: {done}{measured}.",
        "failed": f"This run failed: {done}{measured}.",
    }
    return texts.get(status, f"This run has no STATUS: {done}{measured}.")


def commands(run: RunFiles) -> list[str]:
    """Return what to type to train the same again."""
    start = next((event for event in run.events if event.get("event") == "start"), {})
    lines = [f"cd {shlex.quote(start['cwd'])}"] if start.get("cwd") else []
    lines.append(f"python main.py train --config={shlex.quote(str(run.path / 'config.ini'))}")
    return lines


def list_start_commands(run: RunFiles) -> list[str]:
    """Return the command lines of the run's starts, the resumes among them."""
    starts = [event["command"] for event in run.events if event.get("event") == "start" and event.get("command")]
    return [shlex.join(_as_typed(command)) for command in starts]


def _as_typed(command: list[str]) -> list[str]:
    return ["python", *command] if Path(command[0]).suffix == ".py" else command
