# `make demo` and `make test` need Python 3.11 and make; they build their own virtual environment.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ROOMS  := affidavit corpora reasoners audit privacy faithfulness federated reports dashboards
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile
export OMP_NUM_THREADS ?= 2

.PHONY: demo test test-slow check format bench docs clean

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(STAMP)            ## audit simulated predictions; the report lands in out/demo
	$(BIN)/affidavit demo --out out/demo

test: $(STAMP)            ## the tests, but for the slow ones
	$(PYTEST) -m 'not slow'

test-slow: $(STAMP)       ## the long simulations
	$(PYTEST) -m slow

check: $(STAMP)           ## format, lint, types, contracts, generated docs, core tests; under 90 s
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check
	$(PYTEST) -m 'not slow' tests/affidavit

format: $(STAMP)
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

bench: $(STAMP)           ## speed beside the peer, one table a script; QUICK=1 for a short form
	$(BIN)/python bench/disparity.py $(if $(QUICK),--quick)
	$(BIN)/python bench/streaming.py $(if $(QUICK),--quick)
	$(BIN)/python bench/report.py $(if $(QUICK),--quick)

docs: $(STAMP)            ## write the generated pages
	$(BIN)/python docs/generate.py

clean:
	rm -rf out build *.egg-info .pytest_cache .mypy_cache .ruff_cache
