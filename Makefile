# Everything a fresh machine needs besides Python 3.11, git and make is set up here, inside this folder.
# Repeating a target does only what is missing or out of date.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PORT ?= 8000
WORKERS ?= 1
ARGS ?=
# One more than cores, since the fault tests, which run in one process, mostly wait; four at most, since each has a database.
TEST_PROCESSES ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((cores < 3 ? cores + 1 : 4)))

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet --require-hashes
MANAGE := $(PY) manage.py
DONE := .venv/.earmark
TORCH := 2.13.0
NODE_MODULES := frontend/node_modules/.earmark
BUILD := frontend/dist/manifest.json

# Directories are listed too: their time changes when a file is removed.
SOURCES := $(shell find frontend/src frontend/public 2>/dev/null) frontend/vite.config.ts frontend/tsconfig.json
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard frontend/locale/*/LC_MESSAGES/*.po))

# The virtual environment's Node comes first, where there is one; npm takes the machine's certificates.
NPM := PATH="$(CURDIR)/.venv/bin:$$PATH" npm --prefix frontend
export NODE_USE_SYSTEM_CA := 1
export npm_config_audit := false
export npm_config_fund := false
export npm_config_update_notifier := false

# npm, pip and Chromium want a home they may write to.
ifneq ($(shell test -n "$$HOME" && test -d "$$HOME" && test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.cache/home
$(shell mkdir -p .cache/home)
endif

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PORT=8000 and EARMARK_DATA_DIR=data for make run, ARGS='-k name' for make test"

# --- Set-up ----------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(DONE)/run $(BUILD) $(CATALOGUES) ## Install all parts and build the pages
	@echo "Set up. Next: make run, make test, or $(PY) manage.py help"

$(DONE)/venv:
	@if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then \
	  rm -rf .venv; \
	  for python in $(PYTHON) python3.11 python3 python; do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
	      found="$$python"; break; \
	    fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Python 3.11 with its venv module was not found. Install it (Debian: python3.11 and python3.11-venv)" >&2; \
	    echo "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	    exit 2; \
	  fi; \
	  echo "Making the virtual environment with $$found"; \
	  "$$found" -m venv .venv; \
	fi
	@mkdir -p $(@D) && touch $@

$(DONE)/run: requirements.txt $(DONE)/venv
	@echo "Installing Python packages"
	@$(PIP) -r requirements.txt
	@touch $@

$(DONE)/dev: requirements-dev.txt $(DONE)/run $(DONE)/torch
	@echo "Installing Python packages for tests and checks"
	@$(PIP) -r requirements-dev.txt
	@touch $@

# By version and without a hash: which build it is (for processors alone, or for accelerators) is the machine's affair.
$(DONE)/torch: pyproject.toml $(DONE)/run
	@$(PY) -c 'import importlib.metadata, sys; sys.exit(importlib.metadata.version("torch").split("+")[0] != "$(TORCH)")' \
	  2>/dev/null || { echo "Installing PyTorch $(TORCH)"; \
	  $(PY) -m pip --disable-pip-version-check --no-input install --quiet torch==$(TORCH); }
	@touch $@

.PHONY: worker-setup
worker-setup: setup $(DONE)/torch ## Install PyTorch for label verification
	@echo "Set up for label verification. Next: $(PY) manage.py verify_labels --help"

# Asked each time, since it takes no time: the machine's Node may have gone.
.PHONY: node
node: $(DONE)/run
	@PATH="$(CURDIR)/.venv/bin:$$PATH"; \
	if ! npm --version >/dev/null 2>&1 || \
	   ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; \
	then \
	  echo "Installing Node into the virtual environment"; \
	  $(PIP) -r requirements-node.txt; \
	fi

$(NODE_MODULES): frontend/package.json frontend/package-lock.json | node
	@echo "Installing packages of the pages"
	@$(NPM) ci --silent
	@touch $@

$(BUILD): $(SOURCES) $(NODE_MODULES)
	@echo "Building the pages"
	@$(NPM) run --silent build -- --logLevel warn
	@touch $@

%.mo: %.po $(DONE)/run
	@$(PY) -m babel.messages.frontend --quiet compile --input-file=$< --output-file=$@ --locale=$(word 3,$(subst /, ,$@))

# --- Run -------------------------------------------------------------------------------------------------

.PHONY: run
run: setup ## Serve on http://127.0.0.1:8000 with a worker and a demonstration dataset
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) collectstatic --noinput --verbosity 0
	@$(MANAGE) demo
	@exec $(MANAGE) serve --port $(PORT) --workers $(WORKERS)

# --- Test and check --------------------------------------------------------------------------------------

.PHONY: test
test: setup $(DONE)/dev ## Run all tests (ARGS="-k name" for some)
	@$(PY) -m pytest --numprocesses $(TEST_PROCESSES) --dist loadgroup $(ARGS)
	@$(NPM) run --silent test

.PHONY: check check-python check-frontend check-schema
check: check-python check-frontend check-schema ## Run every check that CI runs besides the tests
	@echo "All checks passed."

# Checks keep off the data folder of `make run`.
check check-python check-schema schema: export EARMARK_DATA_DIR := $(CURDIR)/.cache/check

check-python: setup $(DONE)/dev
	$(PY) .ci/check_locks.py
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m djlint frontend/templates --check --lint --quiet
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING

check-frontend: setup
	$(NPM) run --silent format:check
	$(NPM) run --silent lint
	$(NPM) run --silent check
	$(NPM) run --silent test
	$(NPM) run --silent budget

check-schema: setup
	@mkdir -p .cache
	$(MANAGE) spectacular --validate --fail-on-warn --file .cache/openapi.yaml
	@cmp -s .cache/openapi.yaml docs/openapi.yaml || \
	  { echo "docs/openapi.yaml no longer describes the API: run make schema and commit it." >&2; exit 1; }

.PHONY: schema
schema: setup ## Describe the API anew in docs/openapi.yaml
	$(MANAGE) spectacular --validate --fail-on-warn --file docs/openapi.yaml

# --- Care ------------------------------------------------------------------------------------------------

.PHONY: format
format: setup $(DONE)/dev ## Format all code
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix-only .
	-$(PY) -m djlint frontend/templates --reformat --quiet
	$(NPM) run --silent format

UV_COMPILE = .cache/uv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(ARGS)

.PHONY: lock
lock: $(DONE)/venv ## Write the lock files anew (ARGS=--upgrade for the newest versions)
	@test -x .cache/uv/bin/uv || { $(PY) -m venv .cache/uv && .cache/uv/bin/python -m pip install --quiet uv; }
	$(UV_COMPILE) pyproject.toml --output-file requirements.txt
	$(UV_COMPILE) pyproject.toml --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	$(UV_COMPILE) pyproject.toml --extra ml --constraint requirements.txt --output-file requirements-ml.txt
	$(UV_COMPILE) requirements-node.in --output-file requirements-node.txt
	$(NPM) install --package-lock-only

.PHONY: clean
clean: ## Remove all that set-up and build made; data/ stays
	rm -rf .venv .cache frontend/node_modules frontend/dist frontend/coverage
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
	find frontend/locale -name '*.mo' -delete 2>/dev/null || true
