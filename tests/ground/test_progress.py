"""Progress bars in a notebook, a terminal, a log, and where nobody looks."""

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from mgutils import progress as frontend
from mgutils.progress import LogBar, interactive, progress_bar


def kernel(allow_stdin):
    return SimpleNamespace(get_parent=lambda channel: {"content": {"allow_stdin": allow_stdin}})


@pytest.mark.parametrize(("there", "answer"), [(None, False), (kernel(False), False), (kernel(True), True)],
                         ids=["no kernel", "papermill", "a person"])
def test_a_person_is_told_from_papermill(monkeypatch, there, answer):
    monkeypatch.setattr(frontend, "_kernel", lambda: there)
    assert interactive() == answer


def test_without_ipywidgets_nobody_is_served_widgets(monkeypatch):
    monkeypatch.setattr(frontend, "_kernel", lambda: kernel(True))
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert not interactive()


def test_a_log_gets_whole_lines_and_few_of_them():
    log = io.StringIO()
    assert list(LogBar(range(500), desc="work", file=log)) == list(range(500))
    lines = log.getvalue().splitlines()
    assert "\r" not in log.getvalue() and 1 <= len(lines) <= 3
    assert lines[-1].startswith("work: 100%") and "500/500" in lines[-1] and max(map(len, lines)) <= 80


def test_a_bar_that_goes_away_leaves_nothing_but_its_lines():
    log = io.StringIO()
    with LogBar(total=3, desc="three", file=log, leave=False) as bar:
        bar.n = 3
        bar.refresh()
        bar.refresh()
    assert log.getvalue().count("three: 100%") == 1


def test_a_bar_that_is_switched_off_says_nothing():
    log = io.StringIO()
    with LogBar(range(3), file=log, disable=True) as bar:
        for _ in bar:
            bar.set_postfix(loss=1)
        bar.refresh()
    assert log.getvalue() == ""


def test_the_bar_fits_who_is_watching(monkeypatch):
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True, write=lambda _: None, flush=lambda: None))
    assert type(progress_bar(total=1)) is tqdm
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(progress_bar(total=1)) is LogBar
    monkeypatch.setattr(frontend, "_kernel", lambda: kernel(False))
    assert progress_bar(total=1).disable
    monkeypatch.setattr(frontend, "_kernel", lambda: kernel(True))
    from tqdm.notebook import tqdm as widget

    assert type(progress_bar(total=1, display=False)) is widget


def test_the_module_is_light():
    code = "import sys, mgutils.progress; assert not {'torch', 'IPython', 'ipywidgets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
