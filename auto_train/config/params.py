"""What torch's optimizers and schedulers take, as specs, so that lint finds a wrong argument without torch.

Tests keep the names equal to those of torch's signatures, and give torch what passes here.
"""

from collections.abc import Iterator, Mapping

from auto_train.config.declare import find_near_name
from auto_train.config.problem import Problem
from auto_train.config.spec import parse_spec
from auto_train.config.variables import Address, Cell, Variables

SCHEME = "training.scheme"
_SHARED = {
    "lr": "float >= 0",
    "weight_decay": "float >= 0",
    "maximize": "bool",
    "foreach": "bool or none",
    "differentiable": "bool",
}
_ADAM = {
    **_SHARED,
    "betas": "list of float 0..1",
    "eps": "float >= 0",
    "amsgrad": "bool",
    "capturable": "bool",
    "fused": "bool or none",
}
OPTIMIZERS: Mapping[str, Mapping[str, str]] = {
    "adamw": _ADAM,
    "adam": {**_ADAM, "decoupled_weight_decay": "bool"},
    "sgd": {
        **_SHARED,
        "momentum": "float >= 0",
        "dampening": "float",
        "nesterov": "bool",
        "fused": "bool or none",
    },
    "rmsprop": {
        **_SHARED,
        "alpha": "float >= 0",
        "eps": "float >= 0",
        "momentum": "float >= 0",
        "centered": "bool",
        "capturable": "bool",
    },
}
SCHEDULERS: Mapping[str, Mapping[str, str]] = {
    "step": {"step_size": "int >= 1", "gamma": "float"},
    "cosine": {"T_max": "int >= 1", "eta_min": "float"},
    "plateau": {
        "mode": "one of min, max",
        "factor": "float < 1",
        "patience": "int >= 0",
        "threshold": "float",
        "threshold_mode": "one of rel, abs",
        "cooldown": "int >= 0",
        "min_lr": "float >= 0",
        "eps": "float",
    },
}
TABLES = {"optimizer": OPTIMIZERS, "scheduler": SCHEDULERS}


def give_specs(variables: Variables) -> list[Problem]:
    """Give each argument of optimizer and scheduler its spec; return a problem for each that they do not take."""
    problems = []
    for kind, table in TABLES.items():
        name, section = _word(variables, (SCHEME, kind)), f"{SCHEME}.{kind}_params"
        if name not in table:
            continue
        for key, cell in _cells(variables, section):
            if key in table[name]:
                cell.spec = parse_spec(f"{table[name][key]} · argument of {name}")
            else:
                near, _ = find_near_name(key, table[name])
                hint = f"did you mean '{near}'?" if near else f"allowed: {', '.join(table[name])}"
                problems.append(cell.entry.problem(f"{name} takes no argument '{key}'; {hint}"))
    return problems


def check_params(variables: Variables) -> Iterator[Problem]:
    """Yield a problem for each argument of the optimizer that the others forbid; values must be final."""
    if (name := _word(variables, (SCHEME, "optimizer"))) not in OPTIMIZERS:
        return
    cells = dict(_cells(variables, f"{SCHEME}.optimizer_params"))
    values = {key: cell.value for key, cell in cells.items()}
    betas = values.get("betas")
    if betas is not None and (len(betas) != 2 or not all(0 <= beta < 1 for beta in betas)):
        yield cells["betas"].entry.problem(f"'{cells['betas'].text}' must be two numbers, each from 0 to below 1")
    if values.get("nesterov") and (values.get("momentum") == 0 or values.get("dampening")):
        yield cells["nesterov"].entry.problem("nesterov needs a momentum above 0 and a dampening of 0")
    if "fused" not in OPTIMIZERS[name]:
        return
    for key in ("foreach", "differentiable"):
        if values.get(key) and values.get("fused", True):
            yield cells[key].entry.problem(f"{key} cannot be used with a fused {name}; add 'fused = false'")


def _cells(variables: Variables, section: str) -> list[tuple[str, Cell]]:
    return [(at[1], cell) for at, cell in variables.cells.items() if at[0] == section]


def _word(variables: Variables, address: Address) -> str:
    return str(variables.cells[address].value) if address in variables.cells and variables.settle(address) else ""
