# Two commands set everything up: make demo, make test.
PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check lint types study clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,spark]"
	touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	$(BIN)/patronage demo --out build/demo

# Lint, types, import contracts and sizes, without running a test.
check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/sizes.py

test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not study and not spark"
	$(BIN)/python -m pytest tests -m spark

# make study NAME=001-cdnow-holdout rewrites experiments/NAME/results.csv
study: $(VENV)/.dev
	$(BIN)/python experiments/$(NAME)/study.py

clean:
	rm -rf build $(VENV)
