"""Every docstring's "Taught in: 04, section 2" names a section that exists and uses what it teaches."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {file.name[:2]: file.read_text(encoding="utf-8") for file in (ROOT / "notebooks" / "src").glob("*.py")}


def taught(source: str) -> list[tuple[str, str]]:
    """Name of a module, class or function, and what follows "Taught in:" in its docstring."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            where = re.search(r"Taught in:\s+(.+?)\.\s*$", ast.get_docstring(node) or "", re.DOTALL)
            if where:
                found.append((getattr(node, "name", "the module"), where[1]))
    return found


def fault(name: str, where: str) -> str | None:
    """What is wrong with a line; ``None`` if nothing is."""
    line = re.fullmatch(r"([0-9A]\d), sections? (\d+(?:(?:, | and )\d+)*)", where)
    if line is None or line[1] not in SOURCES:
        return f"{name}: found {where!r}; wanted a notebook and its sections, as '03, section 2'"
    for number in re.findall(r"\d+", line[2]):
        section = re.search(rf"^# ## {number}\. .*\n((?:(?!# ## ).*\n)*)", SOURCES[line[1]], re.MULTILINE)
        if section is None:
            return f"{name}: notebook {line[1]} has no section {number}"
        if not re.search(rf"\b{name}\b", section[1]):
            return f"{name}: section {number} of notebook {line[1]} does not use it"
    return None


def test_every_line_names_a_section_that_uses_the_function():
    lines = [line for file in sorted((ROOT / "mgutils").rglob("*.py")) for line in taught(file.read_text())]
    assert len(lines) > 70
    assert [found for line in lines if (found := fault(*line))] == []


def test_no_line_escapes_in_another_form():
    texts = [file.read_text() for file in sorted((ROOT / "mgutils").rglob("*.py"))]
    assert sum(text.count("Taught in") for text in texts) == sum(len(taught(text)) for text in texts)


@pytest.mark.parametrize(("where", "says"), [
    ("04", "wanted a notebook"), ("99, section 1", "wanted a notebook"), ("04, section 77", "no section 77"),
    ("04, section 2", "does not use it"), ("04, sections 1 and 77", "does not use it")])
def test_a_wrong_line_is_found(where, says):
    (line,) = taught(f'def no_such_name():\n    """Do it.\n\n    Taught in: {where}.\n    """\n')
    assert says in fault(*line)
