# Every command of the project; `make` or `make help` lists them.
# CONTRIBUTING.md says what the variables and the CDK's environment mean.

STAGE ?= dev
PYTHON ?= python3
ARGS ?=
# Which workflow `make prove` proves (all).
WORKFLOW ?=
# In how many processes tests and proofs run; JOBS=0 tests in one, for a debugger.
JOBS ?= 2
# How many faults of each workflow `make check` tries; `make prove` tries all.
PLANS ?= 24
# A corpus of recorded AWS behaviours: check.py and cases/. `make conformance` is skipped without.
CONFORMANCE ?= ../shared/conformance

BIN := .venv/bin
CODE := $(wildcard app.py sfnlocal workflows lambdas edge stacks examples scripts benchmarks tests tools)
APP_SOURCES := $(shell find $(wildcard app.py cdk.json workflows lambdas stacks) \
	-name __pycache__ -prune -o -print 2>/dev/null)
ALL_SOURCES := $(shell find $(CODE) pyproject.toml cdk.json -name __pycache__ -prune -o -print 2>/dev/null)

# The app's context, as `cdk` would pass it: cdk.json's, then these.
CONTEXT = CDK_CONTEXT_JSON="$$($(BIN)/python tools/context.py stage=$(STAGE) $(1))"
LOCAL = $(call CONTEXT,--local) CDK_VALIDATION=false

# jsii works on Node 20, but is no longer tested there.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup lock synth run prove proofs test e2e check format lint types imports templates coverage conformance wheel wheel-check deploy bench docs clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.locked .venv/.installed node_modules/.installed ## Install everything, as the lock files have it

.venv/.locked: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.installed: package.json package-lock.json .npmrc
	npm ci --no-progress
	@touch $@

lock: ## Resolve the lock files again (ARGS=--upgrade for the newest versions)
	$(PYTHON) -m venv --clear .build/uv
	.build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	env -u UV_INDEX -u UV_INDEX_URL -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
		.build/uv/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
		--group app --group dev --generate-hashes --no-build --no-annotate --no-header --no-emit-index-url \
		$(ARGS) -o requirements.lock pyproject.toml
	npm install --package-lock-only --ignore-scripts

synth: setup cdk.out/manifest.json ## Write the app's templates to cdk.out

cdk.out/manifest.json: .venv/.locked node_modules/.installed tools/context.py $(APP_SOURCES)
	@rm -rf cdk.out
	@# Without -O, jsii checks the types of every call; mypy has done so.
	$(LOCAL) CDK_OUTDIR=cdk.out $(BIN)/python -O app.py
	@touch $@

run: synth ## Run the examples on this machine
	$(BIN)/python -m examples $(ARGS)

prove: synth ## Prove that no single fault loses work (WORKFLOW=Order for one)
	@mkdir -p .build/proofs
	$(BIN)/sfnlocal prove $(WORKFLOW) --jobs $(JOBS) --html .build/proofs/$(or $(firstword $(WORKFLOW)),all).html $(ARGS)

proofs: setup synth ## Gate: some faults of every workflow (PLANS=24 of each), and every permission
	@mkdir -p .build/proofs
	$(BIN)/sfnlocal prove --at-most $(PLANS) --jobs $(JOBS) --accept iam-accepted.toml \
		--html .build/proofs/check.html

test: synth ## Run the tests (ARGS='-k name' to pick some)
	@rm -rf .build/tests
	@mkdir -p .build/tests
	$(BIN)/coverage run -m pytest -n $(JOBS) --dist loadfile $(ARGS)
	@test -n "$(ARGS)" || touch .build/tests/passed

e2e: setup ## Gate: the page in a browser without a window (needs Chromium)
	$(BIN)/python -m pytest -m e2e tests/e2e $(ARGS)

# `make check` runs no test again that `make test` has passed on these very files.
.build/tests/passed: .venv/.installed requirements.lock $(ALL_SOURCES)
	$(MAKE) test ARGS=

check: setup ## Run every gate, in order: what a change must pass
	$(MAKE) -j1 lint types imports templates coverage e2e proofs conformance wheel-check
	@echo "make check: every gate passed"

format: setup ## Format the code and apply the safe fixes
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

lint: setup ## Gate: formatting and ruff's rules
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: setup ## Gate: mypy, strict
	$(BIN)/mypy --strict $(CODE)

imports: setup ## Gate: which package may import which
	$(BIN)/lint-imports --no-logo --cache-dir .build/imports

templates: setup ## Gate: the CDK's validation, cdk-nag and cfn-lint
	@rm -rf .build/templates
	$(call CONTEXT,nag=true) CDK_OUTDIR=.build/templates $(BIN)/python app.py
	$(BIN)/python -m tools.lint_templates .build/templates

coverage: setup .build/tests/passed ## Gate: the tests, with enough branches covered
	@$(BIN)/coverage combine --quiet --keep
	$(BIN)/coverage report

conformance: setup ## Gate: nothing recorded on AWS passes less well than before (UPDATE=1 keeps what passes)
	$(BIN)/python -m tools.conformance $(CONFORMANCE) $(if $(UPDATE),--update)

wheel: setup ## Build sfnlocal's wheel into dist
	@rm -rf dist
	$(BIN)/python -m hatchling build -t wheel -d dist

wheel-check: wheel ## Gate: the wheel alone, in an environment of its own (WHEEL_PYTHONS='python3.13 ...')
	$(BIN)/python -m pytest -m wheel tests/test_wheel.py

deploy: setup ## Deploy to an AWS account (STAGE=dev)
	npx cdk deploy --all --output .build/deploy -c stage=$(STAGE) $(ARGS)

docs: synth ## Write what is made for the docs: pictures, the README's example
	$(BIN)/python -m tools.pictures
	$(BIN)/python -m tools.readme
	$(BIN)/python -m tools.micro_batch_costs
	$(BIN)/python -m tools.costs

bench: setup ## Run the benchmarks
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove everything that the commands above wrote
	rm -rf .venv node_modules cdk.out .build .coverage .coverage.* htmlcov dist
	rm -rf .pytest_cache .hypothesis
