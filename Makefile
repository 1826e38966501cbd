# make setup       .venv with the pinned packages (uv where there is one, else python3 -m venv and pip)
# make reproduce   data, notebooks, figures, Table 1          PROFILE=smoke|cpu|gpu|imigue, default cpu
# make reproduce-all   the same with the notebooks of the other systems, 10 to 13
# make test        ruff and the tests that take no training, no drawing and no browser
# make test-all    every test, and every notebook in a small profile: what CI runs
# make publish     reproduce, then copy the cpu profile's notebooks, figures and tables to where git keeps them
# make lab         JupyterLab, opened at notebook 00
# make book        the executed notebooks as a static site, out/<profile>/book/index.html
# make bench       speed of training, validation and the studio, beside a loop like the original's (about 9 minutes)
# make mutants     plants single mistakes in a copy of the package; do the tests notice? (about 8 minutes; not in CI)
# make lock        requirements.txt anew from pyproject.toml (needs uv); LOCK=--upgrade for newer versions
# make clean       removes what the commands made, not the datasets and not .venv
#
# PYTHON=python3.12 make setup chooses the interpreter: any of 3.11 to 3.13.

PROFILE ?= cpu
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTHON_FITS := import sys; v = sys.version_info[:2]; \
  sys.exit(None if (3, 11) <= v < (3, 14) else "found Python %d.%d; wanted 3.11 to 3.13: set PYTHON" % v)
EDITABLE := --no-deps --no-build-isolation --editable .

.PHONY: setup reproduce reproduce-all publish test test-all lab book bench mutants lock clean

setup: .venv/.ready

.venv/.ready: requirements.txt pyproject.toml
	@rm -f $@
	@set -e; if command -v uv >/dev/null 2>&1; then set -x; \
	  uv venv --quiet --allow-existing $(if $(PYTHON),--python "$(PYTHON)") .venv; \
	  uv pip install --compile-bytecode --python $(BIN)/python -r requirements.txt; \
	  uv pip install --python $(BIN)/python $(EDITABLE); \
	else \
	  $(or $(PYTHON),python3) -c '$(PYTHON_FITS)'; set -x; \
	  $(or $(PYTHON),python3) -m venv .venv; \
	  $(PIP) install -r requirements.txt; \
	  $(PIP) install $(EDITABLE); \
	fi
	@touch $@

reproduce: setup
	$(BIN)/mg reproduce --profile $(PROFILE)

reproduce-all: setup
	$(BIN)/mg reproduce --profile $(PROFILE) --all

publish: setup
	$(BIN)/mg reproduce --profile cpu --all
	$(BIN)/mg publish

test: setup
	$(BIN)/ruff check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow and not notebooks"

test-all: setup
	$(BIN)/ruff check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile

lab: setup
	$(BIN)/jupyter lab notebooks --LabApp.default_url=/lab/tree/00_start_here.ipynb \
	  --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

book: setup
	$(BIN)/mg book --profile $(PROFILE)

bench: setup
	$(BIN)/python -m benchmarks

mutants: setup
	nice $(BIN)/python benchmarks/mutants.py $(MUTANTS)

lock:
	uv pip compile --quiet --universal --python-version 3.11 --extra notebooks --extra video --extra pretrained --extra export --extra test --no-annotate --no-header \
	  $(LOCK) pyproject.toml --output-file requirements.txt
	@printf '%s\n' '# Made by `make lock` from pyproject.toml: every package the kit installs, pinned.' \
	  | cat - requirements.txt > requirements.txt.new && mv requirements.txt.new requirements.txt

clean:
	rm -rf out build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find mgutils tests -name __pycache__ -type d -exec rm -rf {} +
