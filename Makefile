# `make help` prints what follows `##`. Everything is installed into .venv and node_modules, nothing outside.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# One file of a wheel is compiled when it is first imported: 4 of 13 seconds less to wait for the first start.
INSTALL := $(PIP) install --no-compile --require-hashes
DIST := huntaze/static/dist
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard huntaze/translations/*/LC_MESSAGES/*.po))
DIR ?=
NAME ?=
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1
# Where it is set, each start compiles everything anew: 3.4 s of processor time more than the 2.5 that it takes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run build test lint types fmt seed load migration bench bench-delivery bench-faults profile lighthouse messages lock clean
.DELETE_ON_ERROR:

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=8000 HOST=127.0.0.1 DATA=data     where \`make run\` serves and keeps what it stores"
	@echo "  DATABASE_URL= REDIS_URL=               PostgreSQL and Valkey of your own, in place of the embedded ones"

run: $(VENV)/run.stamp build ## Start Huntaze; Ctrl-C stops it
	@exec $(BIN)/huntaze up

build: $(DIST)/manifest.json $(CATALOGUES) ## Build scripts, styles and translations

test: $(VENV)/dev.stamp build lint ## Run all checks and tests; needs Chromium, and installs it where it may
	@CHROMIUM="$$($(BIN)/python -m tests.chromium)" && export CHROMIUM && exec $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/dev.stamp types ## Check style, types and the arrows between layers
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "Not formatted: run 'make fmt'." >&2; exit 1; }
	@$(BIN)/lint-imports --no-cache
	@set -- $(wildcard tests/test_arrows.py tests/test_templates.py); [ $$# = 0 ] || $(BIN)/pytest -q "$$@"

types: $(VENV)/dev.stamp ## Check types (mypy --strict)
	@$(BIN)/mypy --no-error-summary

fmt: $(VENV)/dev.stamp ## Format the code and fix what can be fixed
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix

seed: $(VENV)/run.stamp ## Create the demo workspace; `huntaze seed --fans N` makes others of any size
	@exec $(BIN)/huntaze seed

load: $(VENV)/run.stamp ## Load CSV files into a new workspace: make load DIR=folder
	@[ -n "$(DIR)" ] || { echo "Say which folder: make load DIR=folder" >&2; exit 2; }
	@exec $(BIN)/huntaze load "$(DIR)"

migration: $(VENV)/run.stamp ## Write a migration of what the models changed: make migration NAME=birthday
	@[ -n "$(NAME)" ] || { echo "Name it: make migration NAME=birthday" >&2; exit 2; }
	@exec $(BIN)/huntaze migration "$(NAME)"

bench: $(VENV)/dev.stamp build ## Measure pages, queries, bytes, growth, memory and a first import; QUICK=1 for a glance
	@CHROMIUM="$$($(BIN)/python -m tests.chromium)" && export CHROMIUM && exec $(BIN)/python -m bench $(if $(QUICK),--quick)

bench-delivery: $(VENV)/dev.stamp ## Measure how fast messages go out, for 100 and for 1,000 accounts
	@exec $(BIN)/python -m bench.delivery

bench-faults: $(VENV)/dev.stamp ## Prove the message queue at length: 200,000 messages, 5,000 kills; hours
	@exec $(BIN)/python -m bench.faults

profile: $(VENV)/dev.stamp build ## Show where the time of a page goes: make profile PAGE=/dashboard
	@[ -n "$(PAGE)" ] || { echo "Say which page: make profile PAGE=/dashboard" >&2; exit 2; }
	@exec $(BIN)/python -m bench.profile "$(PAGE)"

lighthouse: $(VENV)/dev.stamp build bench/audit/node_modules/stamp ## Have Lighthouse judge the pages on a phone: 100, or it fails
	@CHROMIUM="$$($(BIN)/python -m tests.chromium)" && export CHROMIUM && exec $(BIN)/python -m bench.lighthouse

messages: $(VENV)/run.stamp ## Collect the texts to translate into huntaze/translations
	@$(BIN)/pybabel -q extract -F pyproject.toml --ignore-dirs='.*' --no-location --omit-header --sort-output \
	  -o $(VENV)/messages.pot huntaze
	@$(BIN)/pybabel -q update -i $(VENV)/messages.pot -d huntaze/translations --no-fuzzy-matching --omit-header \
	  --ignore-obsolete

lock: $(BIN)/python ## Pin and hash the dependencies anew
	@command -v uv >/dev/null || $(PIP) install uv
	@compile="uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --group build"; \
	$$compile -o requirements.txt && \
	$$compile --group dev --constraint requirements.txt -o requirements-dev.txt && \
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --group node -o requirements-node.txt
	@npm install --package-lock-only
	@npm install --package-lock-only --prefix bench/audit
	@node -e 'const fs = require("fs"), name = "bench/audit/package-lock.json", lock = JSON.parse(fs.readFileSync(name)); \
	  for (const each of Object.values(lock.packages)) delete each.funding; \
	  fs.writeFileSync(name, JSON.stringify(lock, null, 2) + "\n")'
	@if grep -nE '://' requirements*.txt package-lock.json bench/audit/package-lock.json; then echo "A lock file names an address." >&2; exit 1; fi

clean: ## Remove what was built and installed; the data folder stays
	rm -rf $(VENV) node_modules bench/audit/node_modules $(DIST) $(CATALOGUES) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# How it is built ------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Huntaze needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing what Huntaze needs (about 15 seconds) ..."
	@$(INSTALL) -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Installing what the tests need ..."
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

# npm, where it is not on PATH or its Node is too old for esbuild, comes from a wheel.
node_modules/stamp: package.json package-lock.json .npmrc requirements-node.txt | $(BIN)/python
	@{ command -v npm && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)'; } >/dev/null 2>&1 \
	  || { echo "Installing Node ..."; $(INSTALL) -r requirements-node.txt; }
	@npm ci --silent
	@touch $@

# Lighthouse wants a newer Node than the build does.
bench/audit/node_modules/stamp: bench/audit/package.json bench/audit/package-lock.json | node_modules/stamp
	@echo "Installing Lighthouse ..."
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 22 ? 1 : 0)' || $(INSTALL) -r requirements-node.txt
	@npm ci --silent --prefix bench/audit
	@touch $@

$(DIST)/manifest.json: $(shell find huntaze/static/src 2>/dev/null) build.mjs node_modules/stamp
	@node build.mjs

# `make messages` writes no header, whose dates would differ in every change; without one a catalogue counts as fuzzy.
%/LC_MESSAGES/messages.mo: %/LC_MESSAGES/messages.po | $(VENV)/run.stamp
	@$(BIN)/pybabel -q compile --use-fuzzy --locale $(notdir $*) -i $< -o $@
