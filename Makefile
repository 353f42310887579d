# `make` alone prints what there is. Every target does its own set-up.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Where it is set, each of the many processes that tests and demo start would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
#: Where the demo keeps its four installations.
DEMO_DIR ?= var/demo
#: How many processes share the tests; each starts a database server of its own. One more than there are cores: some wait.
WORKERS ?= $(shell cores=$$(nproc); echo $$((cores < 4 ? cores + 1 : 4)))

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/built ## Make .venv, install the locked dependencies, build the Rust part

demo: setup ## Run one installation of each kind on loopback, until Ctrl-C
	@$(BIN)/vangnet demo --dir $(DEMO_DIR)

serve: setup ## Run the installation that the settings (VANGNET_...) name
	@$(BIN)/vangnet serve

test: setup test-tools ## Run all tests but the long ones (ARGS=... for pytest)
	@start=$$SECONDS; cargo test --quiet --locked; $(BIN)/pytest -m "not soak" -n $(WORKERS) --dist worksteal $(ARGS); \
	echo "make test took $$((SECONDS - start)) s"

soak: setup test-tools ## Run the long tests: kill -9 series, hours of load (SOAK=short for a short form)
	SOAK=$(or $(SOAK),long) $(BIN)/pytest -m soak -s $(ARGS)

lint: setup ## Check style, types, import rules, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest vangnet._core
	$(BIN)/lint-imports
	cargo fmt --check
	cargo clippy --quiet --locked --all-targets -- --deny warnings
	$(BIN)/cog --check -r $(COGGED)

format: setup ## Bring the code into the house's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cargo fmt

docs: setup ## Renew the generated reference pages
	$(BIN)/cog -r $(COGGED)

bench: setup ## Run the benchmarks beside their peers, figures into docs (ARGS=... for report.py)
	$(BIN)/python benchmarks/report.py $(ARGS)

lock: setup ## Renew the lock files after a change of dependencies
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-annotate --no-header pyproject.toml --group dev --output-file requirements.lock
	cargo update --workspace

vendor: ## Fetch the third-party style sheet anew and check it against its digests
	@scripts/vendor

test-tools: setup ## Install what only the tests need: the browser, an OpenID provider
	@scripts/test-tools

clean: ## Remove everything that was built or run
	rm -rf .venv target var .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name '*.abi3.so' -path './src/*' -delete

COGGED := $(wildcard docs/reference/*.md)

# --- how .venv comes about ---

.venv/built: requirements.lock pyproject.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)
	@scripts/check-tools $(PYTHON)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: help setup demo serve test soak lint format docs bench lock vendor test-tools clean
