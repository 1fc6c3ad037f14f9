"""The rules of the house that a reader cannot see at a glance, checked on every file: see CONTRIBUTING.md."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "auto_train"
# From the ground up; a package imports only from lower rows. Names in one row do not import each other.
LAYERS = [
    ["version"],
    ["errors"],
    ["types", "durations", "files", "locks", "memory", "cores"],
    ["registry"],
    ["config", "metrics"],
    ["runs"],
    ["data", "bundle", "reports"],
    ["answers"],
    ["machine"],
    ["training"],
    ["models"],
    ["exports", "serving"],
    ["proposal"],
    ["common"],
    ["RECIPES"],
    ["hub"],
    ["pipeline"],
    ["tuning"],
    ["cluster"],
    ["dry_run", "jobs"],
    ["actions"],
    ["api", "cli"],
    ["ENTRY"],
]
MAX_LINES, MAX_FUNCTION_LINES = 500, 40
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
HEAVY = set(PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"])
# extra → the file that is of no use without it
OPTIONAL = {name: PACKAGE / f"training/loggers/{name}.py" for name in ("mlflow", "tensorboard", "wandb")}
RECIPES = sorted(path.parent.name for path in PACKAGE.glob("*/config.ini") if path.parent.name != "common")


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in python_files()}


def layer_of(module: str) -> str:
    """Return the name in LAYERS for a dotted module, or '' for the package itself."""
    parts = module.split(".")[1:]
    if not parts:
        return ""
    if parts == ["__main__"] or (parts[0] in RECIPES and parts[1:] == ["main"]):
        return "ENTRY"
    return "RECIPES" if parts[0] in RECIPES else parts[0]


def rank_of(layer: str) -> int:
    return next(rank for rank, row in enumerate(LAYERS) if layer in row)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(node: ast.stmt) -> Iterator[str]:
    """Yield the dotted modules an import statement loads; ``from a import b`` is a.b where that is a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}"
            yield dotted if dotted in MODULES else node.module


def type_checking_only(tree: ast.Module) -> set[ast.AST]:
    guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {inner for guard in guards for statement in guard.body for inner in ast.walk(statement)}


def imports_anywhere(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in imported(node))


def imports_on_load(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what importing the module imports: everything outside functions and TYPE_CHECKING blocks."""
    tree = tree_of(path)
    skipped = type_checking_only(tree)
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if node in skipped or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in imported(node))
        pending.extend(ast.iter_child_nodes(node))


def heavy_imports_of(module: str) -> list[str]:
    """Follow the imports a module makes on load and return each chain that ends at a heavy library."""
    found, seen, pending = [], {module}, [(module, module)]
    while pending:
        name, chain = pending.pop()
        for _, target in imports_on_load(MODULES[name]):
            if target.split(".")[0] in HEAVY:
                found.append(f"{chain} -> {target}")
            ours = [".".join(target.split(".")[:n]) for n in range(1, target.count(".") + 2)]
            for parent in (m for m in ours if m in MODULES and m not in seen):
                seen.add(parent)
                pending.append((parent, f"{chain} -> {parent}"))
    return found


def light_modules() -> list[str]:
    """What is imported before any work begins: the command line, the config, the registry, the recipes' functions."""
    light = {"auto_train", "auto_train.errors", "auto_train.types", "auto_train.registry", "auto_train.actions"}
    light |= {f"auto_train.{recipe}" for recipe in RECIPES} | {f"auto_train.{r}.custom_functions" for r in RECIPES}
    return sorted(name for name in MODULES if name in light or name.split(".")[1:2] in (["cli"], ["config"]))


def text_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    paths = [ROOT / n for n in names if n] or [p for p in ROOT.rglob("*") if ".venv" not in p.parts]
    return [p for p in paths if p.is_file() and b"\0" not in p.read_bytes()[:4096]]


def test_layers_every_import_points_down():
    wrong = []
    for path in python_files():
        here = layer_of(module_of(path))
        if not here:
            continue  # the package itself hands out the verbs on first use
        for line, target in imports_anywhere(path):
            there = layer_of(target) if target.split(".")[0] == "auto_train" else ""
            if there and there != here and rank_of(there) >= rank_of(here):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {target}: {here} may not import {there}")
    assert not wrong, "\n".join(wrong)


def test_layers_every_package_has_a_place():
    assert {layer_of(module) for module in MODULES} - {""} <= {name for row in LAYERS for name in row}


def writes_or_locks_by_hand(node: ast.AST) -> str:
    """Return what stands for a way of our own to put a file in place or to lock; "" for everything else."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return next((name for name in imported(node) if name.split(".")[0] in ("fcntl", "filelock")), "")
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return ""
    called = ast.unparse(node.func)
    if called in ("os.replace", "os.rename", "os.fsync", "tempfile.mkstemp", "tempfile.NamedTemporaryFile"):
        return called
    # Path's take one argument; those of texts, times and tables take several or have names.
    return called if node.func.attr in ("rename", "replace") and len(node.args) == 1 and not node.keywords else ""


def test_files_are_put_in_place_and_locked_in_one_way():
    ways = {PACKAGE / "files.py", PACKAGE / "locks.py"}
    wrong = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} uses {way}; see files.py and locks.py"
        for path in python_files()
        if path not in ways
        for node in ast.walk(tree_of(path))
        if (way := writes_or_locks_by_hand(node))
    ]
    assert not wrong, "\n".join(wrong)


def test_recipes_do_not_import_each_other():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for recipe in RECIPES
        for path in (PACKAGE / recipe).rglob("*.py")
        for line, target in imports_anywhere(path)
        if target.split(".")[:1] == ["auto_train"] and target.split(".")[1:2] in [[r] for r in RECIPES if r != recipe]
    ]
    assert not wrong, "\n".join(wrong)


def test_recipe_main_is_imported_by_nobody():
    entries = {f"auto_train.{recipe}.main" for recipe in RECIPES}
    wrong = [f"{p.relative_to(ROOT)}:{n}" for p in python_files() for n, name in imports_anywhere(p) if name in entries]
    assert not wrong, wrong


def test_light_modules_reach_no_heavy_library_when_imported():
    wrong = [chain for module in light_modules() for chain in heavy_imports_of(module)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "args",
    [["--help"], ["config", "lint", str(ROOT / "configs/digits.ini")], ["schema"], ["licenses"], ["doctor", "--help"]],
)
def test_command_that_only_reads_text_loads_no_heavy_library(args: list[str]):
    code = (
        "import sys\n"
        "from auto_train.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    print('exit', end.code or 0)\n"
        "print('loaded', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    process = subprocess.run([sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True, check=True)
    *_, status, loaded = process.stdout.splitlines()
    assert status == "exit 0", process.stdout + process.stderr
    assert not HEAVY & set(loaded.split())


def test_files_stay_readable_in_length():
    long = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in [*python_files(), *ROOT.glob("tests/**/*.py")]}
    assert not {str(path.relative_to(ROOT)): lines for path, lines in long.items() if lines > MAX_LINES}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long what a function does is: signature, docstring and classes in it do not count."""
    first, *rest = function.body
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    body = rest if is_docstring else function.body
    classes = sum(node.end_lineno - node.lineno + 1 for node in body if isinstance(node, ast.ClassDef))
    return body[-1].end_lineno - body[0].lineno + 1 - classes if body else 0


def test_functions_stay_readable_in_length():
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": body_lines(node)
        for path in python_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES}


def test_no_module_imports_itself_in_a_circle_lazily_or_for_types_either():
    waiting = {
        module: {name for _, name in imports_anywhere(path)} & set(MODULES) - {module}
        for module, path in MODULES.items()
    }
    while free := [module for module, needed in waiting.items() if not needed]:
        for module in free:
            del waiting[module]
        for needed in waiting.values():
            needed.difference_update(free)
    # what is left imports a circle, or is in one
    assert not {module: sorted(needed) for module, needed in waiting.items()}


def distributions_imported(paths: Iterable[Path]) -> set[str]:
    """Return what must be installed to import these files, under canonical names."""
    libraries = {target.split(".")[0] for path in paths for _, target in imports_anywhere(path)}
    found = packages_distributions()
    return {canonical(found[name][0]) for name in libraries - {*sys.stdlib_module_names, "auto_train"}}


def declared(lines: Iterable[str]) -> set[str]:
    return {canonical(re.split(r"[^\w.-]", line)[0]) for line in lines}


def test_dependencies_are_the_libraries_imported():
    imported = distributions_imported([*(set(python_files()) - set(OPTIONAL.values())), ROOT / "main.py"])
    required = declared(PROJECT["dependencies"])
    assert imported - required <= {"starlette"}  # is what FastAPI is made of
    # which torch's ONNX exporter imports
    assert required - imported == {"onnxscript"}


@pytest.mark.parametrize(("extra", "path"), OPTIONAL.items())
def test_extra_is_what_its_file_imports(extra: str, path: Path):
    imported = distributions_imported([path]) - declared(PROJECT["dependencies"])
    # torch's writer of event files is part of torch and imports tensorboard
    assert imported | ({extra} if extra == "tensorboard" else set()) == declared(
        PROJECT["optional-dependencies"][extra]
    )


def test_constraints_pin_every_dependency():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines)
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    wanted = set().union(*map(declared, groups)) - {canonical(PROJECT["name"])}
    assert wanted <= declared(lines)


def canonical(name: str) -> str:
    """Return a distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_main_stays_an_entry_point():
    assert len((ROOT / "main.py").read_text(encoding="utf-8").splitlines()) <= 15


def test_cores_are_asked_for_in_one_place():
    asking = {"cpu_count", "process_cpu_count", "sched_getaffinity", "set_num_threads", "set_num_interop_threads"}
    paths = [path for path in [*python_files(), *ROOT.glob("benchmarks/*.py")] if path != PACKAGE / "cores.py"]
    names = [
        (path.relative_to(ROOT), node.lineno, name)
        for path in paths
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute | ast.Name | ast.alias)
        and (name := getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", ""))
        and name in asking
    ]
    assert not names, "ask auto_train.cores instead:\n" + "\n".join(map(str, names))
    opened = {path: path.read_text(encoding="utf-8") for path in python_files()}
    sessions = {path.name: text for path, text in opened.items() if "SessionOptions()" in text}
    assert sessions and all("intra_op_num_threads = num_cores()" in text for text in sessions.values())
    assert not [path for path, text in opened.items() if "InferenceSession(path, providers" in text]


def test_files_name_no_place_of_one_machine():
    # joined here, so that this file does not name them either
    places = [
        "/" + "work/",
        "/" + "tmp/",
        "/" + "root/",
        "pypi" + ".org",
        "python" + "hosted.org",
        "registry." + "npmjs",
    ]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {place}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        for place in places
        if place in line
    ]
    assert not wrong, "\n".join(wrong)
