# What a person does here: `make demo`, `make test`. Everything lives in this checkout: .venv, .uv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNNING := $(VENV)/.installed
WORKING := $(VENV)/.installed-dev

.PHONY: help setup dev demo test chaos bench lint lock clean

help:
	@echo "make demo   set everything up, index the sample collection, ask it two questions"
	@echo "make test   set everything up, check the code, run every test"
	@echo "make bench  the short benchmarks, see docs/benchmarks.md"
	@echo "make chaos  some minutes: kill everything at random while an index is built; SEED=7 does the same again"
	@echo "make setup  create $(VENV) with what running needs; the command is then $(BIN)/fileintel"
	@echo "make dev    add what tests, checks and benchmarks need"
	@echo "make lint   only ruff and mypy"
	@echo "make lock   resolve the dependencies anew"
	@echo "make clean  remove what the above made"

setup: $(RUNNING)

dev: $(WORKING)

demo: setup
	@sh examples/demo.sh $(BIN)/fileintel

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations=15

bench: dev
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.reports_168
	$(BIN)/python -m benchmarks.index --size 200kB
	$(BIN)/python -m benchmarks.fallback

chaos: dev
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(RUNNING): requirements.lock pyproject.toml
	@sh scripts/setup.sh $(PYTHON) $(VENV) requirements.lock
	@touch $@

$(WORKING): $(RUNNING) requirements-dev.lock
	@sh scripts/setup.sh $(PYTHON) $(VENV) requirements-dev.lock
	@touch $@

# requirements.lock: what running needs, the monitor Flower as well. requirements-dev.lock: all of that, in the same
# versions, the extras, and what the tests need.
LOCK := .uv/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 --quiet pyproject.toml

lock:
	$(LOCK) --group dev --all-extras --upgrade --output-file requirements-dev.lock
	$(LOCK) --extra flower --constraints requirements-dev.lock --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis demo
