# Play It Back: set-up, page, tests and package. `make help` lists what can be made.
#
# PYTHON=/path/to/python3.12   which Python makes .venv (3.10, 3.11 or 3.12; found automatically otherwise)
# ARGS="--port 8000"           what `make run` gives to app.py
# BROWSER=no                   `make test` leaves out the tests that need Chromium or Chrome
# JAVASCRIPT=no                `make lint` leaves out the scripts, whose checker comes from npm's registry

PYTHON ?= python3 python3.12 python3.11 python3.10
VENV := .venv
IN_VENV := $(VENV)/bin/python
PYTEST := $(IN_VENV) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# by itself: what OpenVINO loads stays in a process of its own
ENGINE := tests/models/test_engine.py
QUICK := tests/core tests/models tests/explain tests/evidence tests/report tests/project
SUITABLE := -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'

# two at a time, and what each prints stays in one piece where make can do that
TOGETHER := --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),-O)

.PHONY: help setup run test quick lint types floors engine build
.DEFAULT_GOAL := setup

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.page-installed ## .venv with what the page needs (also what `make` alone does)

run: setup ## set up if need be, then serve the page on http://127.0.0.1:7860
	$(IN_VENV) app.py $(ARGS)

# pytest comes last, so that its closing line is the last one.
test: $(VENV)/.development-installed ## what a change must pass: lint, types, floors and every test
	@$(MAKE) $(TOGETHER) types engine lint floors
ifeq ($(BROWSER),no)
	@echo "The tests that need a browser are left out, as BROWSER=no asks."
	$(PYTEST) --ignore $(ENGINE) -m "not data and not browser"
else
	@browser=$$(.ci/browser) || exit 1; \
	echo "Tests with a browser use $$browser"; \
	PLAYITBACK_BROWSER="$$browser" $(PYTEST) --ignore $(ENGINE)
endif

# What can be checked in a minute while working; no page, no browser, no training.
quick: lint floors ## lint, floors and the tests of the core, in about a minute
	$(PYTEST) -m "not data and not browser" $(QUICK)

lint: $(VENV)/.development-installed ## ruff: likely bugs and layout; TypeScript's checker: the types of all JavaScript
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
ifeq ($(JAVASCRIPT),no)
	@echo "JavaScript is left out, as JAVASCRIPT=no asks."
else
	.ci/javascript $(IN_VENV)
endif

# Gradio writes a stub beside every component when the page is built; mypy would read it instead of the component.
types: $(VENV)/.development-installed ## mypy
	@rm -f app/*/*.pyi
	$(IN_VENV) -m mypy -p playitback -p app
	$(IN_VENV) -m mypy app.py

floors: $(VENV)/.development-installed ## lint-imports: no file imports from a floor above its own
	$(VENV)/bin/lint-imports

engine: $(VENV)/.development-installed ## tests of the engine, in a process of their own
	$(IN_VENV) -m pytest $(ENGINE)

build: $(VENV)/.development-installed ## the wheel and what it is made from, in dist/
	$(IN_VENV) -m hatchling build

# A stamp in .venv is newer than the requirements that were installed, so a second call has nothing to do.
$(VENV)/.page-installed: requirements.txt | $(IN_VENV)
	@$(IN_VENV) $(SUITABLE) || { \
	  echo "$(VENV) holds $$($(IN_VENV) --version), but Play It Back needs 3.10, 3.11 or 3.12; remove $(VENV) and call make again." >&2; \
	  exit 1; }
	@echo "Installing requirements.txt (PyTorch alone is a download of some gigabytes) ..."
	$(IN_VENV) -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.development-installed: requirements-dev.txt requirements-corpus.txt requirements-hub.txt requirements-mcp.txt requirements-openvino.txt requirements-rivals.txt requirements-train.txt $(VENV)/.page-installed
	$(IN_VENV) -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(IN_VENV):
	@for python in $(PYTHON); do \
	  if "$$python" $(SUITABLE) 2>/dev/null; then \
	    echo "Making $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) || { rm -f $@; exit 1; }; \
	    exit 0; \
	  fi; \
	done; \
	for python in $(PYTHON); do \
	  echo "$$python: $$("$$python" --version 2>&1 | head -n 1)" >&2; \
	done; \
	echo "None of these is Python 3.10, 3.11 or 3.12, which Play It Back needs. Install one of them, or name one: make PYTHON=/path/to/python3.12" >&2; \
	exit 1
