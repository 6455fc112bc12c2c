# One door for people and CI. `make demo` and `make test` work as the first command on a machine with
# Python 3.11+ and make: they bootstrap uv, install what is locked and not yet there, and run.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install services demo gameday test lint format thorough faults corruptions bench trust stores overhead serving labels strategies drift detection scale load lock clean

PYTHON ?= python3
VENV := .venv
DATA ?= ../shared/data
SCENARIO ?= new-fraud
TOOLS := .tools
UV := $(shell command -v uv || echo $(TOOLS)/bin/uv)
BIN := $(VENV)/bin
export OMP_WAIT_POLICY := passive  # as flows/environment.py sets it for users, and why
# A worker a core: more threads only wait for one another, and spin.
test thorough: export OPENBLAS_NUM_THREADS := 1
test thorough: export OMP_NUM_THREADS := 1
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --fork-strategy fewest --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

help:  ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

# The bootstrap: a venv where Python can make one, a plain folder where it cannot (Debian without python3-venv).
$(TOOLS)/bin/uv:
	@echo "uv is not installed: fetching it into $(TOOLS)/"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rarecall needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@{ $(PYTHON) -m venv $(TOOLS) && $(TOOLS)/bin/pip install --quiet --require-hashes -r requirements/uv.txt; } \
	  || { rm -rf $(TOOLS) && $(PYTHON) -m pip install --quiet --target $(TOOLS) --require-hashes -r requirements/uv.txt; }

# A stamp a layer: users' layer for the demo, developers' layer for tests and lint.
$(VENV)/.base: requirements/base.txt pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/base.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base | $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/dev.txt
	@touch $@

install: $(VENV)/.base  ## The locked environment in .venv, bytecode compiled

services:  ## PostgreSQL, Redis and Prometheus's tools for the tests, from Debian's packages where they are missing
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then pg=""; else pg=postgresql; fi; \
	if command -v redis-server >/dev/null; then redis=""; else redis=redis-server; fi; \
	if command -v promtool >/dev/null && command -v prometheus >/dev/null; then prom=""; else prom=prometheus; fi; \
	if command -v amtool >/dev/null; then am=""; else am=prometheus-alertmanager; fi; \
	missing="$$pg $$redis $$prom $$am"; \
	if [ -z "$${missing// /}" ]; then exit 0; fi; \
	root=""; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	command -v apt-get >/dev/null || { echo "services: this machine has no apt-get; install $$missing with its own package manager" >&2; exit 1; }; \
	$$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null \
	  || { echo "services: could not install $$missing; run as root: apt-get install $$missing" >&2; exit 1; }; \
	if [ -n "$$prom$$am" ] && [ -d /run/systemd/system ]; then $$root systemctl disable --quiet --now $$prom $$am; fi

demo: $(VENV)/.base  ## The whole story on the bundled simulator, with a page and a report to read
	$(BIN)/rarecall demo

gameday: $(VENV)/.base  ## A whole stack, a new fraud, and the chain that has to follow; SCENARIO=bad-canary for another
	$(BIN)/rarecall gameday $(SCENARIO)

test: $(VENV)/.dev  ## Every test, on real stores in temporary folders, a file at a time on each core
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/.dev  ## Style, types and the architecture's contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev  ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

thorough: $(VENV)/.dev  ## Stories of several whole runs: late labels, a person's versions collected, a killed materialize
	$(BIN)/python -m pytest -m thorough

faults: $(VENV)/.dev  ## SIGKILL in every stage and a full disk: slow, run before a release
	$(BIN)/python -m pytest -m faults

corruptions: $(VENV)/.dev  ## 200 corrupted deliveries of the real tables: none may pass unnoticed
	$(BIN)/python -m pytest -m corruptions tests/tasks/test_corruptions.py

bench: $(VENV)/.dev  ## Side-by-side measurements of the sampler, written to docs/benchmarks.md: more than an hour
	$(BIN)/python -m benchmarks.adasyn
	$(BIN)/python -m benchmarks.streaming

trust: $(VENV)/.dev  ## The canary's verdicts, the label check, the expectations, the attacks and AUC-PR measured: most of an hour, needs the real tables
	$(BIN)/python -m benchmarks.canary
	$(BIN)/python -m benchmarks.expectations
	$(BIN)/python -m benchmarks.label_noise --data $(DATA)
	$(BIN)/python -m benchmarks.privacy $(DATA)
	$(BIN)/python -m benchmarks.downstream --data $(DATA)
	$(BIN)/python -m benchmarks.scarce --data $(DATA)
	$(BIN)/python -m benchmarks.published --data $(DATA)
	$(BIN)/python -m benchmarks.quality --data $(DATA)

stores: $(VENV)/.dev  ## The store measured beside DuckDB, pandas and Feast's own paths: some ten minutes
	$(BIN)/python -m benchmarks.feast_store

overhead: $(VENV)/.dev  ## A retrain on a million rows beside a bare script: ten minutes a pair
	$(BIN)/python -m benchmarks.overhead

serving: $(VENV)/.dev  ## The server beside MLflow's and beside nothing: some ten minutes, needs wrk
	$(BIN)/python -m benchmarks.serving

labels: $(VENV)/.dev  ## Recall by label, suggested and at random: ten minutes, needs the real tables
	$(BIN)/python -m benchmarks.label_budget --data $(DATA)

strategies: $(VENV)/.dev  ## Upsampling on very rare classes, a cell at a time: hours, needs the real tables
	$(BIN)/python -m benchmarks.strategies --data $(DATA)

drift: $(VENV)/.dev  ## Drift from a sketch beside Evidently, recall expected without labels: most of an hour, needs the real tables
	$(BIN)/python -m benchmarks.drift
	$(BIN)/python -m benchmarks.estimate --data $(DATA)

detection: $(VENV)/.dev  ## How soon a fall of the recall is heard, beside what else one might do: a quarter of an hour
	$(BIN)/python -m benchmarks.detection

scale: $(VENV)/.dev  ## Stages over 100,000 to 20,000,000 rows, alone and on Dask: some hours, 30 GB of disk
	$(BIN)/python -m benchmarks.scale

load: $(VENV)/.dev  ## Ten minutes of traffic while aliases move, the registry goes away and the server is killed
	$(BIN)/python -m benchmarks.load

lock: | $(UV)  ## Make the hashed requirement files again
	$(COMPILE) pyproject.toml -o requirements/base.txt
	$(COMPILE) pyproject.toml --group dev --extra boosting --extra dask --extra explain -c requirements/base.txt -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra boosting -c requirements/base.txt -o requirements/boosting.txt
	$(COMPILE) pyproject.toml --extra dask -c requirements/base.txt -o requirements/dask.txt
	$(COMPILE) pyproject.toml --extra explain -c requirements/base.txt -o requirements/explain.txt
	$(COMPILE) pyproject.toml --extra postgres -c requirements/base.txt -o requirements/postgres.txt
	$(COMPILE) pyproject.toml --extra generative -c requirements/base.txt --override requirements/generative-overrides.in -o requirements/generative.txt
	echo 'hatchling>=1.27' | $(COMPILE) - -o requirements/build.txt
	echo uv | $(COMPILE) - -o requirements/uv.txt

clean:  ## Remove the environment and the tools
	rm -rf $(VENV) $(TOOLS)
