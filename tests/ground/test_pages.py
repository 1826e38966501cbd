"""README.md, docs/ and the other pages: short, with links that lead somewhere and commands that exist."""

import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from conftest import make_tiny

import mgutils
from mgutils.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "INSTRUCTORS.md",
         ROOT / "data" / "README.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


# -- size --------------------------------------------------------------------------------------------------------------


def test_the_readme_fits_on_a_page():
    assert (ROOT / "README.md").stat().st_size <= 8192


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=name_of)
def test_a_page_is_short(page):
    assert page.name == "claims.md" or page.stat().st_size <= 10240  # the ledger has a row for every claim


# -- links -------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, anchor = target.partition("#")
        file = page.parent / place if place else page
        if target.startswith("https://"):
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


def test_a_broken_link_is_seen(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# Two words, here\n[a](#two-words-here) [b](#two) [c](b.md) [d](a.md#two-words-here)\n"
                    "```\n# no heading\n[e](f.md)\n```\n![g](h.png) [i](https://example.org)\n[j](#no-heading)\n")
    assert broken_links(page) == ["#two", "b.md", "h.png", "#no-heading"]


def test_every_page_can_be_reached_from_the_readme():
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        seen.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        ahead += {(page.parent / link).resolve() for link in links} - seen
    assert seen >= set(PAGES)


# -- commands ----------------------------------------------------------------------------------------------------------


def snippets(text: str) -> list[str]:
    """What a page shows as code: the lines of its blocks, continued ones joined, and the words between backticks."""
    blocks = [block.replace("\\\n", " ") for _, block in FENCE.findall(text)]
    inline = re.findall(r"`([^`]+)`", FENCE.sub("", text))
    return [*(line for block in blocks for line in block.splitlines()), *(" ".join(one.split()) for one in inline)]


@cache
def help_of(command: tuple[str, ...]) -> set[str]:
    """The options that `mg COMMAND --help` lists, those of a task where one is named."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    return options(said.getvalue())


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])(?:--[a-z][\w-]*|-[a-z]\b)", text))


def unknown_commands(snippet: str) -> list[str]:
    """What is wrong with the `mg`, `make` and `python -m benchmarks` commands in a piece of code."""
    wrong = []
    for rest in re.findall(r"(?:^|[\s\"])(?:mg|-m mgutils) (?!mg )(?=[a-z])(.+)", snippet):
        words = rest.split()
        for word in (words[0] + " " + last for last in words[1].split("|")) if len(words) > 1 else (words[0],):
            command = next((name for name in COMMANDS if " ".join(name) in (word, word.split()[0])), None)
            if command is None:
                wrong.append(f"mg {word}")
            else:
                task = re.search(r"--task ([\w-]+)", rest)
                known = help_of((*command, *(("--task", task[1]) if task and command == ("train",) else ())))
                wrong += [f"mg {' '.join(command)} {one}" for one in sorted(options(rest) - known)]
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong += [f"make {target}" for target in re.findall(r"(?:^|&& )make ([a-z]+)", snippet) if target not in targets]
    for module, rest in re.findall(r"python -m (benchmarks[.\w]*)(.*)", snippet):
        file = importlib.util.find_spec(module + ("" if "." in module else ".__main__"))
        source = Path(file.origin).read_text(encoding="utf-8") if file else ""
        wrong += [f"{module} {one}" for one in options(rest) if f'"{one}"' not in source] if file else [module]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_their_options_exist(page):
    assert [fault for code in snippets(page.read_text(encoding="utf-8")) for fault in unknown_commands(code)] == []


@pytest.mark.parametrize(("snippet", "wrong"), [
    ("mg train ROOT --profile cpu  # --epochs", []), ("mg fly", ["mg fly"]), ("mg data fly x", ["mg data fly"]),
    ("mg train R --speed 3", ["mg train --speed"]), ("mg import imigue|fly X", ["mg import fly"]),
    ("mg import imigue|original ...", []), ("x -m mgutils train data --profil", ["mg train --profil"]),
    ("make fly", ["make fly"]), ("make test", []), ("python -m benchmarks --fly", ["benchmarks --fly"]),
    ("python -m benchmarks.fly", ["benchmarks.fly"]), ("mg COMMAND --help", []), ("mg grade X -j 2", []),
    ("mg grade X -q", ["mg grade -q"]),
    ("mg train C --task fusion --head zeroed", []), ("mg train C --head zeroed", ["mg train --head"])])
def test_a_wrong_command_is_seen(snippet, wrong):
    assert unknown_commands(snippet) == wrong


def test_every_command_is_listed():
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert re.search(r"^mg " + r"\b.*\b".join(name) + r"\b", text, re.MULTILINE), name


# -- the README's Python ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_readmes_lines_run_as_they_stand(tmp_path):
    blocks = FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (code,) = [block for kind, block in blocks if kind == "python"]
    assert len([line for line in code.splitlines() if line and not line.startswith("from ")]) <= 10
    make_tiny(tmp_path / "data" / "smoke")
    (tmp_path / "lines.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "lines.py"], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert re.search(r"^UAR on new people: 0\.\d+$", done.stdout, re.MULTILINE) and "probability" in done.stdout


# -- the citation ------------------------------------------------------------------------------------------------------


def test_the_citation_names_what_the_package_names():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= cited.keys() and cited["cff-version"] == "1.2.0"
    assert cited["authors"] == [{"name": "The mgutils authors"}] and cited["type"] == "software"
    assert (cited["version"], cited["license"]) == (mgutils.__version__, project["license"])
