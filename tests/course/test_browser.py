"""What a reader sees, in a real headless Chromium: JupyterLab, the book, the microscope.

One browser and one JupyterLab serve all tests. Screenshots are kept in out/screenshots, to be looked at.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from space_runs import made_run, noise_clips

from mgutils import losses
from mgutils.config import get_profile, run_config
from mgutils.course.book import write_book
from mgutils.course.explorer_space import SpaceExplorer
from mgutils.course.microscope import choose, write_microscope
from mgutils.course.notebooks import SOURCES, read_source
from mgutils.course.space_page import write_space_page
from mgutils.data.table import read_dataset
from mgutils.synth.dataset import make_dataset
from mgutils.training.run import Run
from mgutils.training.store import train_all

pytestmark = pytest.mark.slow

playwright = pytest.importorskip("playwright.sync_api")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if BROWSER is None:
    pytest.skip("no Chromium and no Chrome on this machine: apt-get install chromium", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "out" / "screenshots"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 90_000
"""Milliseconds that any one step may take: for slow machines; nothing waits longer than it must."""
EXERCISE = "class_folders"
ANSWER = "def class_folders(names):\n    return sorted((name for name in names if name.isdigit()), key=int)"


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator[playwright.Page]:
    """A new page; its ``asked`` lists the addresses that it fetched, its ``broken`` the scripts' errors."""
    made = browser.new_page(viewport={"width": 1360, "height": 950})
    made.set_default_timeout(PATIENCE)
    made.asked, made.broken = [], []
    made.on("request", lambda request: made.asked.append(request.url))
    made.on("pageerror", lambda error: made.broken.append(str(error)))
    yield made
    made.close()


def keep(page: playwright.Page, name: str, *, full: bool = True) -> None:
    """Keep a screenshot."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Path:
    """A folder with the smoke dataset in ``data``."""
    folder = tmp_path_factory.mktemp("smoke")
    make_dataset(get_profile("smoke").synth, folder / "data", workers=1, progress=False)
    return folder


# -- JupyterLab --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(smoke) -> Iterator[dict]:
    """JupyterLab as ``make lab`` starts it, on copies of notebooks 00 and 01 in the smoke profile: url and token."""
    folder = smoke / "notebooks"
    folder.mkdir()
    for source in sorted(SOURCES.glob("0[01]_*.py")):
        notebook = read_source(source)
        (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
        cell.source = 'profile = "smoke"\ndata_root = "../data"\nseed = 0\nout_dir = "../out"'
        nbformat.write(notebook, folder / f"{source.stem}.ipynb")
    settings = {"notebook-extension/tracker": {"windowingMode": "none"},  # every cell in the page, also out of sight
                "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}
    for name, values in settings.items():
        file = smoke / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    words = re.search(r"\$\(BIN\)/jupyter lab (.*)", recipe)[1].split()
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython",
           "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    environment = {**os.environ, **{name: str(smoke / path) for name, path in own.items()},
                   "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "jupyterlab", *words, "--no-browser", "--allow-root", "--port=0"]
    with (smoke / "lab.log").open("w") as log:
        server = subprocess.Popen(command, cwd=smoke, env=environment, stdout=log, stderr=log)
    try:
        yield server_of(smoke / "runtime", server, smoke / "lab.log")
    finally:
        server.terminate()
        server.wait(30)


def server_of(runtime: Path, server: subprocess.Popen, log: Path) -> dict:
    """What the server wrote about itself once it listens."""
    for _ in range(PATIENCE // 200):
        assert server.poll() is None, log.read_text()
        for file in runtime.glob("jpserver-*.json"):
            try:
                return json.loads(file.read_text())
            except json.JSONDecodeError:  # still being written
                continue
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


def cell_with(page: playwright.Page, text: str) -> playwright.Locator:
    """The first code cell of a loaded notebook whose source holds a text."""
    cells = page.locator(".jp-CodeCell").filter(has=page.locator(".jp-InputArea-editor", has_text=text))
    assert cells.count(), f"no code cell of {page.url} holds {text!r}"
    return cells.first


def run_all(page: playwright.Page) -> None:
    """*Run > Run All Cells*, and wait until every code cell with a source has its number."""
    page.locator(".jp-NotebookPanel-toolbar").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.jp-CodeCell').length > 3")
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first.wait_for()
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
    page.wait_for_function("""[...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
        .every((prompt) => /\\[\\d+\\]/.test(prompt.textContent))""")


def answer_cell(page: playwright.Page, text: str, code: str) -> playwright.Locator:
    """Replace the source of the code cell that holds a text, run it, and return the cell."""
    place = _place(page, text)
    page.locator(".jp-CodeCell").nth(place).locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(code)
    return _run(page, place)


def run_cell(page: playwright.Page, text: str) -> playwright.Locator:
    """Run the code cell that holds a text, and return it."""
    place = _place(page, text)
    page.locator(".jp-CodeCell").nth(place).locator(".cm-content").click()
    return _run(page, place)


def _place(page: playwright.Page, text: str) -> int:
    """Which of the code cells holds a text: a number that stays when the text is gone."""
    return cell_with(page, text).evaluate("(cell) => [...document.querySelectorAll('.jp-CodeCell')].indexOf(cell)")


def _run(page: playwright.Page, place: int) -> playwright.Locator:
    """Run the cell that has the focus, and wait until its number has changed."""
    cell = page.locator(".jp-CodeCell").nth(place)
    before = cell.locator(".jp-InputArea-prompt").inner_text()
    page.keyboard.press("ControlOrMeta+Enter")
    page.wait_for_function("""([place, before]) => {
        const cell = document.querySelectorAll('.jp-CodeCell')[place];
        const prompt = cell.querySelector('.jp-InputArea-prompt').textContent;
        return /\\[\\d+\\]/.test(prompt) && prompt.trim() !== before.trim(); }""", arg=[place, before])
    return cell


def errors(page: playwright.Page) -> list[str]:
    return page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_inner_texts()


def test_lab_wants_its_token(lab):
    assert len(lab["token"]) >= 40
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab['url']}api/contents", timeout=60)
    listed = json.load(urllib.request.urlopen(f"{lab['url']}api/contents?token={lab['token']}", timeout=60))
    assert {entry["name"] for entry in listed["content"]} >= {"00_start_here.ipynb", "01_data_exploration.ipynb"}


@pytest.fixture(scope="module")
def opened(browser, lab) -> Iterator[playwright.Page]:
    """Notebook 01 in JupyterLab, run from top to bottom."""
    made = browser.new_page(viewport={"width": 1360, "height": 950})
    made.set_default_timeout(PATIENCE)
    made.asked = []
    made.on("request", lambda request: made.asked.append(request.url))
    made.goto(f"{lab['url']}?token={lab['token']}")
    made.get_by_role("heading", name="00 Start here").wait_for()
    run_all(made)
    made.first_errors = errors(made)
    for name, text in (("doctor", "doctor.as_markdown(checks)"), ("map", "course_map.as_markdown(course)")):
        cell_with(made, text).locator(".jp-OutputArea").scroll_into_view_if_needed()
        keep(made, f"lab-00-{name}", full=False)
    made.goto(f"{lab['url']}lab/workspaces/data/tree/01_data_exploration.ipynb")
    made.get_by_role("heading", name="01 Data exploration").wait_for()
    run_all(made)
    yield made
    made.close()


def test_lab_opens_at_notebook_00_and_01_runs_to_its_end(opened, lab):
    assert opened.first_errors == [] and errors(opened) == []
    sheet = cell_with(opened, "figures.contact_sheet(dataset)")
    image = sheet.locator(".jp-OutputArea-output img").first
    image.scroll_into_view_if_needed()
    assert image.evaluate("(image) => image.complete && image.naturalWidth") > 800
    keep(opened, "lab-01-contact-sheet", full=False)
    assert "numbers in the text" in cell_with(opened, "compare_text(").locator(".jp-OutputArea").inner_text()


def test_lab_asks_nobody_but_its_own_server(opened, lab):
    strange = [url for url in opened.asked if not url.startswith((lab["url"], "data:", "blob:"))]
    assert strange == []


def test_the_explorer_answers_to_clicks(opened):
    explorer = cell_with(opened, "FrameExplorer(dataset)").locator(".jp-OutputArea")
    picture = explorer.locator("img.mg-picture")
    picture.scroll_into_view_if_needed()

    def changed_by(act) -> None:
        before = picture.get_attribute("src")
        act()
        for _ in range(PATIENCE // 100):
            if picture.get_attribute("src") != before:
                return
            time.sleep(0.1)
        raise AssertionError("the picture did not change")

    changed_by(lambda: explorer.locator(".mg-class select").select_option(index=10))
    changed_by(lambda: explorer.locator(".mg-skeleton input").check())
    assert explorer.locator(".mg-subject select option").count() >= 1
    picture.evaluate("(image) => image.decode()")
    keep(opened, "lab-01-explorer", full=False)


def test_a_cell_is_rewritten_and_run(opened):
    cell = answer_cell(opened, "report.to_index([1, 32, 99])", "answer = 6 * 7\nprint('the answer is', answer)")
    assert "the answer is 42" in cell.locator(".jp-OutputArea").inner_text()


def test_an_exercise_is_answered_and_its_check_turns_to_solved(opened):
    asks = f'check("{EXERCISE}"'
    if asks not in (SOURCES / "01_data_exploration.py").read_text(encoding="utf-8"):
        pytest.skip(f"notebook 01 does not ask for {EXERCISE}")
    assert "not solved yet" in cell_with(opened, asks).locator(".jp-OutputArea").inner_text()
    answer_cell(opened, f"def {EXERCISE}(", ANSWER)
    check = run_cell(opened, asks)
    assert "not solved yet" not in check.locator(".jp-OutputArea").inner_text()
    assert "solved" in check.locator(".jp-OutputArea").inner_text()
    check.scroll_into_view_if_needed()
    keep(opened, "lab-01-exercise", full=False)
    assert errors(opened) == []


# -- the microscope ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(smoke) -> list[Run]:
    """Two runs whose embeddings are normalised and not."""
    return train_all([run_config("smoke", objective, epochs=1) for objective in ("sound_ce", "report_js")],
                     smoke / "data", smoke / "store", jobs=1, progress=False)


@pytest.mark.parametrize("which", [0, 1], ids=["sound_ce", "report_js"])
def test_the_page_computes_the_kits_losses(page, smoke, runs, which, tmp_path):
    run, dataset = runs[which], read_dataset(smoke / "data")
    page.goto(write_microscope(run.directory, dataset.root, tmp_path / "m.html", images=24).as_uri())
    chosen = choose(run.target, 24, 0)
    target = torch.from_numpy(run.target[chosen])
    image = torch.from_numpy(run.image_embeddings[chosen]).double()
    text = torch.from_numpy(run.caption_embeddings).double()[target]
    for tau in (0.003, 0.05, 0.07, 1.0, 10.0):
        page.evaluate("(tau) => setTemperature(tau)", tau)
        computed = page.evaluate("(tau) => losses(tau)", tau)
        wanted = {name: float(loss(image, text, target, tau)) for name, loss in losses.LOSSES.items()}
        assert computed == pytest.approx(wanted, rel=1e-6, abs=1e-6)
        share = np.array(page.evaluate("shares('rows')"))
        assert np.abs(share - (image @ text.T / tau).softmax(dim=1).numpy()).max() < 1e-6
        shown = page.locator('#losses tr[data-loss="js"] td').inner_text()
        assert float(shown.replace("−", "-")) == pytest.approx(wanted["js"], rel=2e-3, abs=1e-3)
    assert page.asked == [(tmp_path / "m.html").as_uri()] or all(
        url.startswith(("file:", "data:")) for url in page.asked)
    assert page.broken == []


def test_the_microscope_by_mouse_and_by_keyboard(page, smoke, runs, tmp_path):
    run = runs[0]
    page.goto(write_microscope(run.directory, smoke / "data", tmp_path / "m.html", images=24).as_uri())
    page.click('.cell[data-row="5"][data-column="2"]')
    assert page.locator("#cell img").count() == 1 and page.locator("#cell .quote").count() == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    place = page.evaluate("[state.row, state.column]")
    assert place == [6, 23] and page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    assert "similarity" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    keep(page, "microscope")
    page.get_by_role("radio", name="each other").focus()
    page.keyboard.press("Space")
    assert page.locator("#cell img").count() == 2
    page.get_by_role("radio", name="softmax of the row").check(force=True)
    page.focus("#temperature")
    before = page.evaluate("[state.tau, losses(state.tau).js]")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("[state.tau, losses(state.tau).js]")
    assert after[0] > before[0] and after[1] != before[1]
    keep(page, "microscope-images")
    page.get_by_role("button", name="the run's own").click()
    assert page.evaluate("state.tau") == 0.07
    page.get_by_role("radio", name="all classes").check(force=True)
    assert page.locator('[role="gridcell"]').count() == 24 * 32
    page.set_viewport_size({"width": 420, "height": 900})
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    keep(page, "microscope-narrow-dark")
    assert page.broken == []


# -- the space ---------------------------------------------------------------------------------------------------------


def test_a_space_is_asked_by_mouse_and_by_keyboard(page, tmp_path):
    dataset = noise_clips(tmp_path)
    run = made_run(dataset, tmp_path / "star")
    page.goto(write_space_page(run, dataset, tmp_path / "space.html").as_uri())
    view, chosen = SpaceExplorer(dataset, run), choose(run.target, 24, 0)
    for query, item in (("depth", "rgb"), ("joints", "depth"), ("rgb", "joints")):
        page.locator(f'[name="query"][value="{query}"]').check(force=True)
        page.locator(f'[name="item"][value="{item}"]').check(force=True)
        place = int(np.flatnonzero(view.present[query][chosen])[4])
        page.locator("#clips .tile").nth(place).click()
        found = page.evaluate("neighbours(state.query, state.clip, state.item)")
        wanted = view.neighbours(query, int(chosen[place]), item)  # all reported clips are on the page
        assert [int(chosen[each["clip"]]) for each in found] == wanted["place"].tolist()
        assert [each["cosine"] for each in found] == pytest.approx(wanted["cosine"].tolist(), abs=1e-6)
        assert page.locator("#ranked .self").count() == (wanted["mark"] == "the clip itself").sum()
    before = page.locator("#summary").inner_text()
    assert "it finds itself at rank" in before
    keep(page, "space")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("state.clip") == place + 1 and page.locator("#summary").inner_text() != before
    lacking = int(np.flatnonzero(~view.present["depth"][chosen])[0])
    page.get_by_role("group", name="Ask with").get_by_role("radio", name="depth").focus()
    page.keyboard.press("Space")
    page.locator("#clips .tile").nth(lacking).click()
    assert page.locator("#summary").inner_text() == "This clip has no depth."
    assert page.locator("#ranked li").count() == 0
    page.set_viewport_size({"width": 420, "height": 900})
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert all(url.startswith(("file:", "data:")) for url in page.asked) and page.broken == []


# -- the book ----------------------------------------------------------------------------------------------------------


def test_the_book_opens_from_disk_and_leads_from_page_to_page(page, tmp_path):
    for number in ("02", "04", "06", "09"):  # four will do; test_notebooks looks at every page
        (notebook,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
        shutil.copy(notebook, tmp_path)
    index = write_book(tmp_path, tmp_path / "book")
    page.goto(index.as_uri())
    keep(page, "book-index")
    page.locator(".cards a").first.click()
    seen = [page.url]
    while page.locator('nav.mg-nav a[rel="next"]').count():
        page.locator('nav.mg-nav a[rel="next"]').click()
        seen.append(page.url)
        if len(seen) == 2:
            keep(page, "book-page", full=False)
    chapters = sorted(path.name for path in index.parent.glob("[0-9]*.html"))
    assert [url.rsplit("/", 1)[1] for url in seen] == chapters
    page.get_by_role("link", name="Contents").click()
    assert page.locator(".cards a").count() == len(chapters)
    assert all(url.startswith(("file:", "data:")) for url in page.asked) and page.broken == []
