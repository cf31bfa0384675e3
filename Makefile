# `make score` and `make test` set everything up on a machine that has Python 3.11 or newer and make.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: score test check format schemas docs release-check clean

score: $(VENV)/installed
	$(BIN)/scrubkit score hypotheses/modular_addition

test: $(VENV)/installed-test check
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/installed
	$(BIN)/scrubkit schemas --out scrubkit/schemas

docs: $(VENV)/installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

release-check: $(VENV)/installed-test
	$(PIP) -e ".[release]"
	$(BIN)/python -m tests.release.check

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer found; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) torch==2.13.0
	$(PIP) -e ".[fast]"
	@touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) torch==2.13.0
	$(PIP) -e ".[test,docs]"
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist site .pytest_cache .ruff_cache .import_linter_cache
