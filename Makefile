# Every command that a person or CI runs. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD := .build
CHECKOV := $(BUILD)/checkov

# Further arguments for pytest, such as ARGS="-k launch".
ARGS ?=
# A test that applies Terraform waits most of the time: more of them at once than there are cores.
APPLY_WORKERS ?= 6

# Most of a short test's time is importing: what was compiled once is kept, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

# Lanes that run side by side: all are heard to the end, and each one's output is kept together.
LANES := $(MAKE) --keep-going
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Terraform and the provider read a schema of many megabytes at each start: collecting less garbage
# saves a third of their CPU time, for memory that tests may have.
export GOGC ?= 400

# Terraform, and the provider it finds, are those of tools/tf_setup.py.
USE_TERRAFORM = source $(BUILD)/terraform.env; export PATH="$$(dirname "$$TERRAFORM"):$$PATH"

# pytest-terraform's session fixtures do not survive pytest-xdist: tests of recorded resources run
# alone, in one process.
RECORDED := $(shell grep --recursive --files-with-matches --include='test_*.py' pytest_terraform tests lab/tests)
WITHOUT_RECORDED := $(RECORDED:%=--ignore=%)

# Where there are none of those, the plugin would only flush a log to the disk after each test.
NO_PLUGIN := -p no:terraform

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##### Set-up

.PHONY: setup
setup: $(VENV)/.synced $(BUILD)/terraform.env ## Make .venv and find Terraform (half a minute)

# $(call environment,FOLDER,REQUIREMENTS): an environment that holds exactly the locked packages.
# It is compiled here, as pip does, and not by each of the processes that start together later.
# uv does not read pip's configuration, so an index named there is handed on; where uv fails all
# the same, pip does the work more slowly.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The tests need Python 3.11 or newer: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@echo "installing $(2) into $(1)"
	@$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python install -qq --require-hashes -r requirements-uv.txt
	@test -x $(1)/bin/python || $(PYTHON) -m venv --without-pip $(1)
	@export UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PYTHON) -m pip config get global.index-url 2>/dev/null || true)}}"; \
	  test -n "$$UV_DEFAULT_INDEX" || unset UV_DEFAULT_INDEX; \
	  $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(1)/bin/python $(2) || \
	  { echo "uv failed: trying pip" >&2; \
	    $(BIN)/python -m pip --python $(1)/bin/python install -qq --require-hashes --no-deps -r $(2); }
	@touch $(1)/.synced
endef

$(VENV)/.synced: requirements-dev.txt requirements-uv.txt
	$(call environment,$(VENV),requirements-dev.txt)

$(CHECKOV)/.synced: requirements-checkov.txt | $(VENV)/.synced
	$(call environment,$(CHECKOV),requirements-checkov.txt)

# Written anew each time, since it says what this machine and this shell have.
.PHONY: $(BUILD)/terraform.env
$(BUILD)/terraform.env:
	@mkdir -p $(BUILD)
	@$(PYTHON) tools/tf_setup.py > $@

##### While working

.PHONY: fmt
fmt: setup ## Format Python and Terraform, write the tables of the READMEs
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .
	$(USE_TERRAFORM); "$$TERRAFORM" fmt -recursive
	$(BIN)/python tools/tf_docs.py --write

.PHONY: package
package: setup ## Build functions.zip and the layer; fails if the layer is not the locked one
	$(BIN)/python lambda/build.py functions
	$(BIN)/python lambda/build.py layer \
	  --output $(BUILD)/$$($(BIN)/python -c 'import json; print(json.load(open("lambda/layer/layer.json"))["file"])')

COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header \
  --no-emit-index-url --no-annotate $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: setup ## Lock all requirements and the layer's digest (UPGRADE=1: newest versions)
	$(COMPILE) --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(COMPILE) --python-version 3.11 requirements-checkov.in -o requirements-checkov.txt
	$(COMPILE) --python-version 3.11 requirements-uv.in -o requirements-uv.txt
	$(COMPILE) --python-version 3.13 lambda/layer/requirements.in -o lambda/layer/requirements.txt
	$(BIN)/python lambda/build.py layer --update-lock

##### Tests, from fast to slow

.PHONY: lint
lint: setup ## Formats, types, tables, functions.zip: what pre-commit checks
	$(USE_TERRAFORM); $(BIN)/pre-commit run --all-files

.PHONY: unit
unit: setup ## pytest of the product, without Terraform apply (ARGS="-k word" chooses)
	$(USE_TERRAFORM); $(BIN)/pytest tests -m "not apply" -n 2 --dist loadfile --timeout 120 $(NO_PLUGIN) $(WITHOUT_RECORDED) $(ARGS)

# Apart from the product's tests: the lab changes moto for its whole process.
.PHONY: lab
lab: setup ## pytest of the lab itself (ARGS="-k word" chooses)
	$(BIN)/pytest lab/tests -n 2 --dist loadfile --timeout 120 $(NO_PLUGIN) $(ARGS)

.PHONY: recorded
recorded: setup ## pytest with pytest-terraform, replaying recorded resources
	@$(if $(RECORDED),$(USE_TERRAFORM); \
	  $(BIN)/pytest $(RECORDED) --tf-replay --timeout 120 $(ARGS))

.PHONY: terraform-test
terraform-test: setup ## terraform test with a mocked provider, in every module that has such tests
	@$(USE_TERRAFORM); \
	for folder in $$(git ls-files -co --exclude-standard '*.tftest.hcl' | xargs -r -n1 dirname | sort -u); do \
	  module="$$(dirname "$$folder")"; echo "== $$module"; \
	  export TF_DATA_DIR="$(CURDIR)/$(BUILD)/terraform/$$module"; \
	  (cd "$$module"; "$$TERRAFORM" init -backend=false -input=false -no-color > /dev/null; \
	    "$(CURDIR)/$(BIN)/python" "$(CURDIR)/tools/tf_provider.py" "$$TERRAFORM" test -no-color); \
	done

.PHONY: check
check: setup ## Everything but Terraform apply (two minutes on 2 cores)
	@$(LANES) $(TOGETHER) --jobs=4 terraform-test lab unit lint recorded

.PHONY: checkov
checkov: $(CHECKOV)/.synced ## Scan the Terraform code (own environment)
	LOG_LEVEL=ERROR $(CHECKOV)/bin/checkov --config-file .checkov.yaml

.PHONY: apply
apply: setup ## pytest that applies Terraform to the lab (minutes; ARGS="-k one_arm" chooses)
	$(USE_TERRAFORM); $(BIN)/pytest tests -m apply -n $(APPLY_WORKERS) --dist loadfile --no-loadscope-reorder \
	  --timeout 600 --durations 15 $(WITHOUT_RECORDED) $(ARGS)

.PHONY: properties
properties: setup ## Property tests with ten thousand examples each (ARGS="-k word" chooses)
	$(BIN)/pytest tests/unit tests/functional -m properties --hypothesis-profile thorough \
	  --hypothesis-show-statistics $(ARGS)

.PHONY: permissions
permissions: setup ## Prove that the functions may do what they do and nothing else (WRITE=1: write docs/security.md)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios least-privilege $(if $(WRITE),--write)

.PHONY: crash-matrix
crash-matrix: setup ## Each call of the functions with each thing that can go wrong at it (15 minutes on 2 cores)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:lambda/src:tools $(BIN)/python -m vmseries_scenarios crash-matrix $(ARGS)

.PHONY: burst
burst: setup ## 200 launches, then 200 terminations at once, at EC2's request rates (NUMBER=50: fewer)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios mass-launch $(if $(NUMBER),--number $(NUMBER))

.PHONY: storm
storm: setup ## 100 terminations at once while a commit takes 30 s (NUMBER=20: fewer; PLANT=1: leave a license and fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios mass-terminate $(if $(NUMBER),--number $(NUMBER)) $(if $(PLANT),--negative-control)

.PHONY: test
test: check ## Everything (eleven minutes on 2 cores)
	@$(LANES) --jobs=2 checkov apply # Not kept together: minutes without a word look like a hang.

##### The demonstration

.PHONY: demo
demo: setup ## Watch firewalls scale out and in, in the lab (PLANT=1: leave something behind and fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios demo $(if $(PLANT),--negative-control)

.PHONY: preflight
preflight: setup ## Ask the functions of an example in the lab what is wrong (BROKEN=1: break eight things first)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios preflight $(if $(BROKEN),--broken)

##### Tidying up

.PHONY: clean
clean: ## Remove everything that make made
	rm -rf $(BUILD) $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .terraform -type d -prune -exec rm -rf {} +
	find . -name .terraform.lock.hcl -delete
