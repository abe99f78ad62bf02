# Two commands set everything up: make demo, make test.
PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin
# Bytecode is made of what is imported, at its first import, and not of all that is installed.
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test check lint types contracts sizes study clean

# The pip that comes with Python 3.11 takes twice as long.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -c constraints.txt --upgrade pip

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); this takes a few minutes."
	$(PIP_INSTALL) -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); this takes a few minutes."
	$(PIP_INSTALL) -c constraints.txt -e ".[dev,spark]"
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	$(BIN)/patronage demo --out build/demo
	@command -v patronage >/dev/null || echo "To type these commands as they stand: . $(BIN)/activate"

# Lint, types, import contracts and sizes, side by side, without running a test.
check: $(VENV)/.dev
	@$(MAKE) --no-print-directory -j 2 types lint contracts sizes

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

sizes: $(VENV)/.dev
	$(BIN)/python tools/sizes.py

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not study"

# make study NAME=001-cdnow-holdout rewrites experiments/NAME/results.csv
study: $(VENV)/.dev
	$(BIN)/python experiments/$(NAME)/study.py

clean:
	rm -rf build $(VENV)
