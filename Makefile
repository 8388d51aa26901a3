# Everything a person or CI needs; `make demo` and `make test` are enough to begin.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Tests start hundreds of processes; without kept bytecode each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test coverage check install lint catalogues bench fleet sbom clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

$(VENV)/.demo-installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

install: $(VENV)/.installed

demo: $(VENV)/.demo-installed
	$(BIN)/outreach demo

test: install
	$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

# The same with every line and branch traced, half as long again; fails below the share in pyproject.toml.
coverage: install
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder --cov --cov-report=term

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports --no-logo

check: lint test

catalogues: install
	$(BIN)/python -m outreach.entry.catalogues

bench: install
	for script in bench/[a-z]*.py; do $(BIN)/python $$script --quick || exit 1; done

# One seed of kill -9 on both databases, in at most 9 minutes on a free machine. Kills pile up over seeds.
SEED ?= 1
FLEET_RESULTS ?= $(or $(TMPDIR),/tmp)/outreach-fleet
fleet: install
	$(BIN)/python -m tests.fleet.run --seed $(SEED) --results $(FLEET_RESULTS)

# What an installation consists of (CycloneDX 1.6) and under which licences; tests/test_licences.py judges them.
RUNTIME := build/runtime
sbom: install
	$(PYTHON) -m venv --clear $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install --quiet --disable-pip-version-check '.[postgres,cap,connect,geo,data,sso]'
	mkdir -p dist
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file dist/sbom.json $(RUNTIME)/bin/python
	$(BIN)/pip-licenses --python $(RUNTIME)/bin/python --from mixed --format markdown \
		--output-file dist/licences.md

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
