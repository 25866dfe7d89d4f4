# Play It Back: set-up, page and tests.
#
#   make run      set up if need be, then open the page's server on http://127.0.0.1:7860
#   make test     lint, types, floors and every test
#   make setup    the environment that both share: .venv with requirements.txt
#
# PYTHON=/path/to/python3.12   which Python makes .venv (3.10, 3.11 or 3.12; found by itself otherwise)
# ARGS="--port 8000"           what `make run` gives to app.py
# BROWSER=no                   `make test` leaves out the tests that need Chromium or Chrome

PYTHON ?= python3 python3.12 python3.11 python3.10
VENV := .venv
IN_VENV := $(VENV)/bin/python
PYTEST := $(IN_VENV) -m pytest -n auto --maxprocesses 4 --dist loadfile
SUITABLE := -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'

.PHONY: setup run test lint types floors
.DEFAULT_GOAL := setup

setup: $(VENV)/.page-installed

run: setup
	$(IN_VENV) app.py $(ARGS)

# pytest comes last, so that its closing line is the last one.
test: lint types floors
ifeq ($(BROWSER),no)
	@echo "The tests that need a browser are left out, as BROWSER=no asks."
	$(PYTEST) -m "not data and not browser"
else
	@browser=$$(.ci/browser) || exit 1; \
	echo "Tests with a browser use $$browser"; \
	PLAYITBACK_BROWSER="$$browser" $(PYTEST)
endif

lint: $(VENV)/.development-installed
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .

# Gradio writes a stub beside every component when the page is built; mypy would read it instead of the component.
types: $(VENV)/.development-installed
	@rm -f app/*/*.pyi
	$(IN_VENV) -m mypy -p playitback -p app
	$(IN_VENV) -m mypy app.py

floors: $(VENV)/.development-installed
	$(VENV)/bin/lint-imports

# A stamp in .venv is newer than the requirements it installed; so a second call has nothing to do.
$(VENV)/.page-installed: requirements.txt | $(IN_VENV)
	@$(IN_VENV) $(SUITABLE) || { \
	  echo "$(VENV) holds $$($(IN_VENV) --version), but Play It Back needs 3.10, 3.11 or 3.12; remove $(VENV) and call make again." >&2; \
	  exit 1; }
	@echo "Installing requirements.txt (PyTorch alone is a download of some gigabytes) ..."
	$(IN_VENV) -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.development-installed: requirements-dev.txt requirements-mcp.txt requirements-train.txt $(VENV)/.page-installed
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
