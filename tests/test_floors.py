"""The direction of imports: downward only, without circles."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import firstdraw

ROOT = Path(firstdraw.__file__).parent
FLOORS = {
    0: {"errors", "arrays", "catalogue", "compiled", "lazy", "rules", "version"},
    1: {"draws", "distributions", "roles", "activations", "losses", "moments", "gains", "sigmoid", "criticality"},
    2: {"initializers", "networks", "transformers", "datasets", "frameworks"},
    3: {"engine", "fitted", "probes", "theory"},
    4: {"diagnosis"},
    5: {"experiments"},
    6: {"explanations", "figures", "grid_result", "marks", "papers", "report", "result"},
    7: {"cli", "dropins", "laboratory", "torch", "__init__", "__main__"},
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}


def _name(path: Path) -> str:
    parts = ["firstdraw", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def _room(module: str) -> str:
    """Return the part of the package that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _absolute(node: ast.ImportFrom, module: str) -> str:
    """Return the module that a `from` import reads, also where it is written relatively."""
    if node.level == 0:
        return node.module or ""
    package = module.split(".") if MODULES[module].name == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imports_of(module: str, tree: ast.Module) -> set[str]:
    """Return the firstdraw modules that a module imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, module)
            inner = {f"{origin}.{alias.name}" for alias in node.names}
            found.update(name if name in MODULES else origin for name in inner)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "import_members":
            # The package imports every file that lies in it.
            found.update(other for other in MODULES if other.rpartition(".")[0] == module)
    return {name for name in found if name.split(".")[0] == "firstdraw"}


IMPORTS = {module: imports_of(module, ast.parse(path.read_text(encoding="utf-8"))) for module, path in MODULES.items()}


def test_the_reader_of_imports_finds_them_wherever_they_stand() -> None:
    text = """
import firstdraw.errors
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from firstdraw.draws import CounterDraws
def late():
    from firstdraw import networks
    from ..roles import Role
    from . import batches
"""
    assert imports_of("firstdraw.engine.reference", ast.parse(text)) == {
        "firstdraw.errors",
        "firstdraw.draws",
        "firstdraw.networks",
        "firstdraw.roles",
        "firstdraw.engine.batches",
    }


@pytest.mark.parametrize("module", MODULES)
def test_a_module_belongs_to_a_floor(module: str) -> None:
    assert _room(module) in FLOOR_OF, f"{module} stands on no floor: give `{_room(module)}` one in this test"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_its_own_floor_or_lower(module: str) -> None:
    floor = FLOOR_OF[_room(module)]
    upward = {other for other in IMPORTS[module] if FLOOR_OF[_room(other)] > floor}
    assert not upward, f"{module} stands on floor {floor} and imports {sorted(upward)}"


# A comparison asks as the experiments do: its runs are judged by their statistics, kept in their store, and drawn as
# theirs are. It alone, so that a check of a model loads none of them.
COMPARISON = "firstdraw.torch.comparison"
ASKING = ("firstdraw.experiments.statistics", "firstdraw.experiments.store", "firstdraw.figures.bands")


@pytest.mark.parametrize("module", [module for module in MODULES if _room(module) == "torch"])
def test_the_door_to_pytorch_sees_no_floor_between_itself_and_the_judging(module: str) -> None:
    upward = {other for other in IMPORTS[module] if FLOOR_OF[_room(other)] > 4 and _room(other) != "torch"}
    if module.startswith(f"{COMPARISON}."):
        upward = {other for other in upward if not other.startswith(ASKING)}
    assert not upward, f"{module} imports {sorted(upward)}, and the measurements' diagnosis is all it needs"


def test_only_the_door_of_the_comparison_leads_to_it() -> None:
    seen_by = {
        module
        for module, others in IMPORTS.items()
        if _room(module) == "torch" and any(other.startswith(COMPARISON) for other in others)
    }
    outside = {module for module in seen_by if not module.startswith(COMPARISON)}
    # The package names it for type checkers alone.
    assert outside == {"firstdraw.torch", "firstdraw.torch.comparing"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_modules_that_exist(module: str) -> None:
    assert IMPORTS[module] <= MODULES.keys()


def test_there_are_no_import_circles() -> None:
    try:
        list(TopologicalSorter(IMPORTS).static_order())
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(error.args[1])}")
