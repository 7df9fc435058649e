# What people and CI run; the work itself is in scripts/. `make` alone prints the menu.
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
# pyright is pinned like everything else: no look for a newer one, no word about it.
PYRIGHT := PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(VENV)/bin/pyright
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make lock"

.PHONY: help up down test test-unit check format-check lint types format lock screenshots schematics mutants bench sbom venv clean

help: ## This menu
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '  make %-12s %s\n' "$$name" "$$text"; done

up: ## Set up all that is missing, start Status State on this host, show the host's state
	@scripts/up.sh

down: ## Undo `make up`; every other container stays as it is
	@scripts/down.sh

# Most tests of the engine wait most of the time, so two cores bear four engines. Some tests alone get one: it starts sooner.
ENGINES ?= $(if $(ARGS),1,4)
ON_ENGINE = ENGINE=$(ENGINE) ENGINES=$(ENGINES) scripts/engine/with_private_engine.sh

test: ## All tests, on private engines (some: ARGS="-k name"; on another one: ENGINE=20.10, 26, 28, 28-containerd, own)
	@$(if $(ENGINE)$(ARGS),$(ON_ENGINE) pytest $(ARGS),ENGINES=$(ENGINES) scripts/engine/test_engines.sh)

test-unit: venv ## The tests that need no engine: a few seconds
	@$(VENV)/bin/pytest -m "not engine" $(if $(ARGS),,--numprocesses auto) $(ARGS)

check: format-check lint types test ## All that CI runs: format, lint, types, tests

format-check: venv
	$(VENV)/bin/ruff format --check

lint: venv
	$(VENV)/bin/ruff check

types: venv
	$(PYRIGHT)

format: venv ## Format the code and fix what the linter can fix
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

mutants: venv ## Break the code on purpose, fault by fault: do the tests notice? (some: make mutants ARGS=word)
	@$(VENV)/bin/python scripts/mutants.py $(ARGS)

bench: ## Measure against a bare server and the engine itself; prints a table (ENGINE as above)
	@PYTHONPATH=scripts/engine $(ON_ENGINE) python scripts/bench/bench.py $(ARGS)

screenshots: ## Take the pictures of the page in the README, on a private engine
	@PYTHONPATH=tests:tests/packages ENGINE=$(ENGINE) ENGINES=1 scripts/engine/with_private_engine.sh python scripts/screenshots.py $(ARGS)

schematics: ## Draw the schematics of the README from their sources in docs/
	@scripts/schematics.sh

lock: venv ## Pin all dependencies anew, with hashes (UPGRADE=1: to their latest versions)
	@for folder in status-state-api status-state-controller tests; do \
	  $(LOCK) $(if $(UPGRADE),--upgrade) --output-file $$folder/requirements.txt $$folder/requirements.in >/dev/null || exit 1; \
	  echo "$$folder/requirements.txt is up to date"; done

sbom: venv ## List all that the images are made of, as CycloneDX, in sbom/
	@$(VENV)/bin/python scripts/sbom.py sbom

clean: ## Delete what the targets above made in this directory (`make down` ends what runs)
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .cache tests/output sbom
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@VENV=$(VENV) scripts/setup/venv.sh
