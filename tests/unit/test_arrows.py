"""Who may import whom: the map in `triaged/__init__.py`, read from the imports themselves."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import triaged

PACKAGE = Path(triaged.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("core", "fs", "ml", "store", "demo", "cli")
HEAVY = ("torch", "torchvision", "onnxruntime", "onnx", "onnxscript", "PIL", "pillow_heif")
RESIDENT = (
    *("resident", "daemon", "observe", "compare", "judge", "publish"),
    *("gestures", "health", "agenda", "supervisor"),
)

ALLOWED = {
    "core": {"core"},
    "fs": {"core", "fs"},
    "store": {"core", "store"},
    "ml": {"core", "ml", "store", "config", "errors"},
}
WORKER_MAY = {"core", "ml", "store", "config", "errors", "journal", "work", "fs.places"}
"""Of `fs` only where the program's own files are kept: nothing that sees the owner's folders."""


def name_of(path: Path) -> str:
    """Return the dotted name of a module within the package."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, is_at_load: bool = False) -> Iterator[str]:
    """Yield what a module imports, dotted; with `is_at_load` only what it does when loaded."""
    tree = ast.parse(path.read_text())
    inner = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if is_at_load and node in inner:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """Return which of our own modules a module imports, dotted, within the package."""
    names = {name_of(module) for module in MODULES}
    found = set()
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "triaged":
            found.add(rest if rest in names else rest.rpartition(".")[0])
    return found - {""}


def room_of(name: str) -> str:
    """Return the folder that a module stands in, or its own name at the top."""
    return name.partition(".")[0]


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_the_map_allows(room: str) -> None:
    modules = [path for path in MODULES if room_of(name_of(path)) == room]
    assert modules

    wrong = {
        (name_of(path), other)
        for path in modules
        for other in ours(path)
        if room_of(other) not in ALLOWED[room]
    }

    assert wrong == set()


@pytest.mark.parametrize("module", RESIDENT)
def test_the_resident_process_imports_nothing_heavy_of_ours(module: str) -> None:
    rooms = {room_of(other) for other in ours(PACKAGE / f"{module}.py")}

    assert not rooms & {"ml", "worker", "work", "cli", "demo"}


@pytest.mark.parametrize("module", ["worker", "work"])
def test_the_worker_imports_nothing_that_sees_the_owners_folders(module: str) -> None:
    found = ours(PACKAGE / f"{module}.py")

    assert found
    assert {other for other in found if not {other, room_of(other)} & WORKER_MAY} == set()


def test_core_needs_nothing_but_the_standard_library_and_no_world() -> None:
    worldly = {"os", "time", "pathlib", "sqlite3", "socket", "subprocess", "random", "shutil"}

    for path in MODULES:
        if room_of(name_of(path)) == "core":
            tops = {name.partition(".")[0] for name in imports(path)}
            assert tops <= set(sys.stdlib_module_names) | {"triaged"}, path
            assert not tops & worldly, path


def test_heavy_libraries_stay_in_their_rooms() -> None:
    for path in MODULES:
        if room_of(name_of(path)) not in ("ml", "demo"):
            tops = {name.partition(".")[0] for name in imports(path)}
            assert not tops & set(HEAVY), path


def test_sql_stands_in_the_store_alone() -> None:
    for path in MODULES:
        if room_of(name_of(path)) != "store":
            text = path.read_text()
            assert "SELECT " not in text, path
            assert "INSERT " not in text, path


def test_nothing_imports_in_a_circle() -> None:
    names = {name_of(path): path for path in MODULES}
    graph = {
        name: {
            room
            for found in imports(path, is_at_load=True)
            if found.startswith("triaged.")
            for room in [found.removeprefix("triaged.")]
        }
        for name, path in names.items()
    }
    edges = {
        name: {f if f in names else f.rpartition(".")[0] for f in found} - {"", name}
        for name, found in graph.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in edges.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())


_LOADED = "import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"


@pytest.mark.parametrize("module", ["triaged.daemon", "triaged.resident", "triaged.cli"])
def test_what_is_resident_or_prints_loads_nothing_heavy(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _LOADED.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert "triaged" in loaded
    assert not loaded & set(HEAVY)


def test_the_map_names_rooms_that_are_there() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}

    assert set(ROOMS) <= rooms
    for word in ("core", "fs", "store", "ml", "daemon", "worker", "cli"):
        assert f"\n    {word} " in (triaged.__doc__ or "")
