# `make run` runs the exercise; `make test` runs the tests. Both set up everything they need in .venv first.

.DEFAULT_GOAL := help
.PHONY: help run test test-all check format bench picture clean

# The first Python of at least 3.11 that is there.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Each worker's matrix products on one thread: with more they wait for each other, longer than they work.
export OPENBLAS_NUM_THREADS := 1
# Two workers that take tests from each other; scheduling by groups costs more than many of the tests.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: $(VENV)/.run ## set up, and run the exercise: a table here, a report in firstdraw-report.html
	$(BIN)/firstdraw run

test: $(VENV)/.test ## set up, and run the tests (under 8 minutes on two cores)
	$(PYTEST) -m "not slow and not parity"

test-all: $(VENV)/.parity ## the slow proofs, and parity with other frameworks (installs PyTorch, JAX and Keras)
	$(PYTEST) -m "slow or parity"

check: $(VENV)/.check ## lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

format: $(VENV)/.check ## rewrite the sources in the house's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.parity ## the command, the engine, the draws, the probes and the theory beside their peers, the store beside the engine, the check of a model beside its passes: tables (installs PyTorch, JAX and Keras; a quarter of an hour)
	$(BIN)/python bench/command.py
	$(BIN)/python bench/compare.py
	$(BIN)/python bench/draws.py
	$(BIN)/python bench/probes.py
	$(BIN)/python bench/theory.py
	$(BIN)/python bench/store.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/torch_check.py

picture: $(VENV)/.run ## draw the pictures of the README
	$(BIN)/python docs/pictures.py

clean: ## remove what the targets above made
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist firstdraw-report.html

$(VENV)/.venv:
	@test -n "$(PYTHON)" || { echo "firstdraw needs Python 3.11 or later, and none is on the path." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.run: $(VENV)/.venv pyproject.toml $(wildcard native/* native/*/*)
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(PIP) --editable '.[test,check]'
	@touch $@

$(VENV)/.parity: $(VENV)/.test
	$(PIP) --editable '.[test,parity]'
	@touch $@
