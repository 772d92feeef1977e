# Everything a fresh machine needs is made here: `make run` and `make test` create .venv themselves.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help run test test-full check generate verify bench clean

help: ## Show what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "batt needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Say: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "could not create .venv; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

run: .venv/ready ## Validate the starter solvers on the 400 ARC training tasks and show the result
	$(BIN)/batt run --timing examples/arc-training.yaml

test: check .venv/tools ## Check the code, then run the unit and end-to-end tests
	$(BIN)/pytest -m 'not full'

test-full: check .venv/tools ## Run every test, the long ones too
	$(BIN)/pytest

.venv/tools: .venv/ready tests/gotools.py $(wildcard tests/tools/*/*)
	-$(BIN)/python -m tests.gotools # tests that need a tool skip with reason and remedy where it cannot be built
	@touch $@

check: .venv/ready verify ## Lint, types, layers, shell scripts, fresh generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run; else echo "skipped: shellcheck is not installed (apt-get install shellcheck)"; fi

generate: .venv/ready ## Write the generated files anew: CRD, JSON schema, field docs
	$(BIN)/python -m batt.schema write

verify: .venv/ready ## Fail if a generated file is stale
	$(BIN)/python -m batt.schema check

bench: .venv/ready ## Measure speed and memory against the alternatives, side by side
	$(BIN)/python -m benchmarks

clean: ## Remove the environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
