"""The rooms of the package: arrows run downward only, no cycles, short chains, few files at the top."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mgutils

PACKAGE = Path(mgutils.__file__).parent
ROOMS = ["ground", *re.findall(r"^    (\w+) {2,}\S", mgutils.__doc__, re.MULTILINE)]
"""From the ground up, as the map in the package's docstring has them."""
LONGEST_CHAIN = 11  # of which the four files of the settings, which nearly everything ends in, are three
MOST_LINES = 300
NO_ROOM = {"", "__main__"}
"""The package itself and its command line: they belong to no room."""


def imports(package: Path) -> tuple[dict, dict]:
    """Module to the modules of the package that it imports: anywhere, and at top level."""
    files = {}
    for file in package.rglob("*.py"):
        name = ".".join(file.relative_to(package).with_suffix("").parts)
        files[re.sub(r"\.?__init__$", "", name)] = file
    anywhere, at_top = {}, {}
    for module, file in files.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for found, nodes in ((anywhere, ast.walk(tree)), (at_top, tree.body)):
            named = {name for node in nodes for name in _named(node, package.name, files)}
            found[module] = named - {module, ""}
    return anywhere, at_top


def _named(node: ast.AST, package: str, files: dict) -> set[str]:
    """What an import statement names of the package; an object counts as its module."""
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    inside = [name.removeprefix(package).lstrip(".") for name in names if name.split(".")[0] == package]
    return {name if name in files else name.rpartition(".")[0] for name in inside}


def upward(arrows: dict) -> list[str]:
    """Imports of a room by one that lies below it."""
    def level(module: str) -> int:
        room = module.split(".")[0]
        return ROOMS.index(room) if room in ROOMS else 0

    return [f"{module} > {other}" for module in sorted(arrows.keys() - NO_ROOM) for other in arrows[module]
            if level(other) > level(module)]


def longest_chain(arrows: dict) -> list[str]:
    """The longest chain of imports. Raises CycleError where there is a cycle."""
    chains = {}
    for module in TopologicalSorter(arrows).static_order():
        chains[module] = [module, *max((chains[other] for other in arrows[module]), key=len, default=[])]
    return max(chains.values(), key=len)


@pytest.mark.slow
def test_arrows_run_downward_only():
    assert upward(imports(PACKAGE)[0]) == []


def test_there_is_no_cycle_and_no_long_chain():
    chain = longest_chain(imports(PACKAGE)[1])
    assert len(chain) - 1 <= LONGEST_CHAIN, " > ".join(chain)


def test_files_are_few_at_the_top_and_short():
    assert len(list(PACKAGE.glob("*.py"))) <= 8
    assert len(ROOMS) - 1 <= 14
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert max(lines.values()) <= MOST_LINES, max(lines, key=lines.get)


@pytest.fixture
def planted(tmp_path):
    """A package with an arrow upward inside a function, and a cycle of two modules."""
    texts = {"errors": "", "data/table": "def read():\n    from mgutils.claims import ledger\n",
             "claims/ledger": "import mgutils.claims.listing\nfrom mgutils.errors import MgError\n",
             "claims/listing": "from mgutils.claims.ledger import judge\n"}
    for name, text in texts.items():
        file = tmp_path / "mgutils" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "mgutils"


def test_a_planted_arrow_and_a_planted_cycle_are_found(planted):
    anywhere, at_top = imports(planted)
    assert upward(anywhere) == ["data.table > claims.ledger"]
    with pytest.raises(CycleError):
        longest_chain(at_top)
    (planted / "claims" / "listing.py").write_text("from mgutils import errors\n")
    assert longest_chain(imports(planted)[1]) == ["claims.ledger", "claims.listing", "errors"]
