# Set-up, demo, tests and checks. `make` alone prints the targets.
#
# Everything is installed into $(VENV) by the exact pins of constraints.txt; empty stamp files in it
# remember what is installed, so that a second call installs nothing. An existing $(VENV) is reused.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
PYTEST_ARGS ?=
FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 0

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt
PINS := constraints.txt pyproject.toml
TORCH := $(shell grep '^torch==' constraints.txt)

# The demo has a price store and runs of its own; the user's stay as they are.
DEMO_ENV := LSTMCAST_DATA_DIR=$(DEMO)/data LSTMCAST_RUNS_DIR=$(DEMO)/runs
DEMO_RUN := $(DEMO_ENV) $(BIN)/lstmcast

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test check lint format docs bench cluster fuzz clean

help: ## print the targets
	@echo "usage: make TARGET   (PYTHON=$(PYTHON), VENV=$(VENV))"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

install: $(VENV)/.installed ## make .venv and install lstmcast into it
	@echo "installed; use it with: . $(BIN)/activate"

demo: $(VENV)/.installed ## install, then fetch, train, evaluate and plot AAPL from the bundled sample
	@rm -rf $(DEMO)/data $(DEMO)/runs
	$(DEMO_RUN) fetch AAPL --source sample
	$(DEMO_RUN) train --config configs/aapl.yaml
	$(DEMO_RUN) evaluate
	$(DEMO_RUN) plot
	@echo "The chart is $$(ls $(DEMO)/runs/*/charts/AAPL-test.png)"
	@echo "For your own stocks: . $(BIN)/activate, then lstmcast fetch AAPL"

test: $(VENV)/.installed-test ## install what tests need and run every test, slow ones too
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal $(PYTEST_ARGS)

check: lint test ## lint, format, types and tests

lint: $(VENV)/.installed-dev ## check lint, format and types, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-dev ## write the generated parts of README and docs again: text, tables, charts, notebook
	$(BIN)/python scripts/update_docs.py
	$(BIN)/python scripts/update_figures.py
	$(BIN)/python scripts/update_notebook.py

bench: $(VENV)/.installed-test ## run every benchmark, one after the other
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

cluster: $(VENV)/.installed-test ## install Ray and run the tests on a cluster of two machines, started here
	@$(INSTALL) --no-build-isolation --editable '.[ray]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m cluster tests/test_cluster.py

fuzz: $(VENV)/.installed-test ## read damaged files and odd commands for FUZZ_SECONDS, and count the tracebacks
	OMP_NUM_THREADS=1 $(BIN)/python scripts/fuzz.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)

clean: ## remove caches, builds and the demo; .venv and your runs stay
	rm -rf $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find lstmcast tests scripts benchmarks -name __pycache__ -prune -exec rm -rf {} +

# --- installing ----------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1), and lstmcast needs Python 3.11 or newer"; \
		echo "hint: name another, as in: make demo PYTHON=python3.12"; exit 1; } >&2
	$(PYTHON) -m venv $(VENV)

# torch goes first and by its exact version, so that nothing else can pull in another build of it;
# the build backend is installed by its pin as well, instead of whatever is newest today.
$(VENV)/.installed: $(PINS) | $(BIN)/python
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(INSTALL) $(TORCH)
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

# One package that akshare wants comes as source alone and needs a build environment of its own;
# akshare has wheels for x86 processors only, and its test is left out elsewhere.
$(VENV)/.installed-test: $(PINS) | $(VENV)/.installed
	@$(INSTALL) "akshare; platform_machine == 'x86_64' or platform_machine == 'AMD64'"
	@$(INSTALL) --no-build-isolation --editable '.[test]'
	@touch $@

$(VENV)/.installed-dev: $(PINS) | $(VENV)/.installed-test
	@$(INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@
