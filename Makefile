# What a person does here: `make demo`, `make test`. Everything lives in this checkout: .venv, .uv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo test chaos bench lint lock clean

help:
	@echo "make demo   set everything up, index the sample collection, ask it two questions"
	@echo "make test   set everything up, run every test"
	@echo "make bench  the short benchmarks, see docs/benchmarks.md"
	@echo "make chaos  some minutes: kill everything at random while an index is built; SEED=7 does the same again"
	@echo "make setup  create $(VENV); the command is then $(BIN)/fileintel"
	@echo "make lint   only ruff and mypy"
	@echo "make lock   resolve the dependencies anew"
	@echo "make clean  remove what the above made"

setup: $(STAMP)

demo: setup
	@sh examples/demo.sh $(BIN)/fileintel

test: setup lint
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder --durations=15

bench: setup
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.reports_168
	$(BIN)/python -m benchmarks.index --size 200kB
	$(BIN)/python -m benchmarks.fallback

chaos: setup
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(STAMP): requirements.lock pyproject.toml
	@sh scripts/setup.sh $(PYTHON) $(VENV)
	@touch $@

lock:
	.uv/bin/uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --group dev --extra flower \
		--python-version 3.11 --quiet --upgrade pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis demo
