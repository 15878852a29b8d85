# Everything a newcomer needs. `make help` explains itself; every target sets the project up first if it must.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Any Python from 3.11 on, the first one found; another: make setup PYTHON=/usr/bin/python3.12
PYTHON ?= $(shell for one in python3 python3.13 python3.12 python3.11; do \
	"$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$one"; break; }; done)

VENV := .venv
RUN := $(VENV)/bin/python
UV := $(VENV)/bin/uv
CONTEXTS := identity programs applications ledger feed
PACKAGES := contracts chassis impactnet_verify local_stack $(CONTEXTS) gateway
FOLDERS := shared/contracts shared/chassis shared/verify infra/local $(CONTEXTS:%=services/%) gateway
SERVICES := $(CONTEXTS:%=services/%) gateway
TEST_FILES = $(shell find services shared gateway infra tests benchmarks conftest.py -name '*.py' \
	\( -path '*/tests/*' -o -path 'tests/*' -o -path 'benchmarks/*' -o -name conftest.py \) | sort)

# Distributions of ours have no place in a lock: they are installed from their folders.
OWN := impactnet-contracts impactnet-chassis impactnet-verify impactnet-local $(CONTEXTS:%=impactnet-%) impactnet-gateway
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	$(OWN:%=--no-emit-package %) $(UPGRADE)

UP = $(if $(STATE),--state $(STATE)) $(if $(PORT_BASE),--port-base $(PORT_BASE)) \
	$(if $(SPLIT),--split) $(if $(WORKERS),--workers $(WORKERS))

.PHONY: help setup up up-docker status reset demo demo-docker test test-docker check lock format bench bench-ledger

help: ## show this
	@echo "ImpactNet. Start with: make up    then, in a second shell: make demo"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.packages $(VENV)/.broker ## virtual environment from the lock, Kafka's jars (done once; needs Python 3.11+)
	@test "$(MAKECMDGOALS)" != setup || echo "set up; next: make up"

up: setup ## start everything and keep it running [PORT_BASE=9000 STATE=folder SPLIT=1 WORKERS=2]
	@$(RUN) -m local_stack up $(UP)

up-docker: ## the same with Docker: compose, nginx, three gateways
	docker compose up --build --wait

status: setup ## what runs, and how much memory it takes
	@$(RUN) -m local_stack status $(if $(STATE),--state $(STATE)) || true

reset: setup ## forget data, logs and secrets of the local system (refused while it runs)
	@$(RUN) -m local_stack reset $(if $(STATE),--state $(STATE))

demo: setup ## one application from registration to a verified block (starts the system if it must)
	@$(RUN) -m local_stack demo $(if $(STATE),--state $(STATE))

demo-docker: setup ## the same in what up-docker started
	@users=$$(mktemp) && trap 'rm -f "$$users"' EXIT && \
		docker compose run --rm --no-deps -T --entrypoint cat demo-users /run/demo/users.json >"$$users" && \
		$(RUN) -m local_stack demo --url "http://localhost:$${IMPACTNET_HTTP_PORT:-8080}" --users "$$users"

# Two side by side: each has its own PostgreSQL and Kafka. Modules stay whole, in the order that pyproject.toml gives.
PARALLEL := -n 2 --dist loadscope --no-loadscope-reorder

test: setup ## all tests, on their own PostgreSQL and Kafka [ARGS='-k ledger']
	$(RUN) -m pytest $(PARALLEL) $(ARGS)

test-docker: setup ## the tests of services and chassis on PostgreSQL and Kafka in containers (needs Docker)
	IMPACTNET_TEST_CONTAINERS=1 $(RUN) -m pytest services shared $(ARGS)

check: setup ## lint, format, types, imports, dependencies, migrations: what CI checks
	@echo "== lint";            $(VENV)/bin/ruff check .
	@echo "== format";          $(VENV)/bin/ruff format --check .
	@echo "== types: packages"; $(VENV)/bin/mypy $(PACKAGES:%=-p %)
	@echo "== types: tests";    $(VENV)/bin/mypy $(TEST_FILES)
	@echo "== imports";         $(VENV)/bin/lint-imports
	@for folder in $(FOLDERS); do \
		echo "== dependencies: $$folder"; (cd $$folder && $(CURDIR)/$(VENV)/bin/deptry . --config $(CURDIR)/$$folder/pyproject.toml \
			--package-module-name-map impactnet-contracts=contracts,impactnet-chassis=chassis,impactnet-local=local_stack,impactnet-verify=impactnet_verify); \
	done
	@echo "== migrations";      $(RUN) -m local_stack.migration_check
	@echo "all checks passed"

format: setup ## rewrite the code as ruff wants it
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format .

bench: setup ## measure; results and how they came about are in benchmarks/
	$(RUN) -m benchmarks $(ARGS)

bench-ledger: setup ## measure the ledger against its rivals and as it grows (half an hour) [BENCH_SCALE=0.1]
	$(RUN) -m benchmarks ledger

lock: setup ## resolve all dependencies anew into hashes [UPGRADE=--upgrade]
	@echo requirements.lock
	@$(COMPILE) pyproject.toml --all-extras --group dev --output-file requirements.lock
	@for folder in $(SERVICES); do \
		echo "$$folder/requirements.lock"; \
		$(COMPILE) $$folder/pyproject.toml --all-extras --constraints requirements.lock --output-file $$folder/requirements.lock; \
	done
	@echo infra/setup/bootstrap.lock
	@$(COMPILE) infra/setup/bootstrap.in --constraints requirements.lock --output-file infra/setup/bootstrap.lock

# What follows is done once, and again when what it is made from changes.

$(UV): infra/setup/bootstrap.lock
	@test -n "$(PYTHON)" || { echo "ImpactNet needs Python 3.11 or newer; name yours: make setup PYTHON=/path/to/python3"; exit 1; }
	@echo "== 1/3 virtual environment in $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r infra/setup/bootstrap.lock
	@touch $(UV)

$(VENV)/.packages: $(UV) requirements.lock $(FOLDERS:%=%/pyproject.toml)
	@echo "== 2/3 packages from requirements.lock (some 500 MB the first time)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --require-hashes --compile-bytecode -r requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation $(FOLDERS:%=-e %)
	@$(RUN) -m compileall -q $(FOLDERS)
	@touch $@

$(VENV)/.broker: $(VENV)/.packages infra/local/kafka/pom.xml
	@echo "== 3/3 message broker"
	@$(RUN) -m local_stack prepare
	@touch $@
