# Every target prepares what it needs in .venv first: see .ci/setup.
.DEFAULT_GOAL := help
.PHONY: help setup lint fix schema test e2e check bench demo

BIN := .venv/bin
# of tests at once; more than cores, because most tests wait
PROCESSES := 4
# .ci/setup may have put kubectl and prometheus there
export PATH := $(CURDIR)/$(BIN):$(PATH)

help: ## List the targets
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## Prepare .venv with everything for development
	@.ci/setup dev

lint: setup ## Check format, style, types and import directions
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup ## Format, and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

schema: setup ## Write config/rules.schema.json anew, after a change of the rule file's models
	$(BIN)/viaduct check --schema > config/rules.schema.json

test: setup ## Run all tests, with a real Prometheus and kubectl where there are any
	$(BIN)/pytest --numprocesses=$(PROCESSES) --dist=loadfile

e2e: setup ## The end-to-end tests alone: a real kube-apiserver, see tests/README.md
	$(BIN)/pytest tests/e2e

check: lint test ## What CI runs: lint, then test

bench: setup ## Measure; print a table and write bench.json
	$(BIN)/python tests/bench/run.py

demo: ## Simulated cluster, real Prometheus, failover; write demo.json
	@.ci/setup demo
	$(BIN)/viaduct demo --report demo.json
