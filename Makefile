# Every command that a person or CI runs. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
BUILD := .build
CHECKOV := $(BUILD)/checkov
PIP_AUDIT := $(BUILD)/pip-audit
# The package of trivy is for Linux on x86-64. Elsewhere: make scan TRIVY=/path/to/trivy
TRIVY ?= $(BUILD)/trivy/bin/trivy

# PYTHON=/path/to/python3 chooses the Python of the environments. By default it is that of the Lambda
# functions, where this machine has it (tools/python_environment.py).

# Further arguments for pytest, such as ARGS="-k launch".
ARGS ?=
# A test that applies Terraform waits most of the time: run more of them at once than there are cores.
APPLY_WORKERS ?= 6

# Short tests spend most of their time on imports, so compiled modules are kept in any case.
unexport PYTHONDONTWRITEBYTECODE

# Lanes run side by side. All of them run to the end, and the output of each is kept together.
LANES := $(MAKE) --keep-going
GROUPED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Terraform and the provider read a schema of many megabytes at each start. Less garbage collection
# saves a third of their CPU time, in exchange for memory.
export GOGC ?= 400

# Puts the Terraform that tools/tf_setup.py found on PATH, with its provider: 5.100.0, or TF_PROVIDER_VERSION.
USE_TERRAFORM = source $(BUILD)/terraform.env; export PATH="$$(dirname "$$TERRAFORM"):$$PATH"

# Tests of recorded resources run alone, in one process (tools/recorded_tests.py). In all other runs
# the plugin pytest-terraform is off: it would flush a log to the disk after each test.
RECORDED = $$($(BIN)/python tools/recorded_tests.py)
WITHOUT_RECORDED = -p no:terraform $$($(BIN)/python tools/recorded_tests.py --ignore)

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Work

.PHONY: setup
setup: $(VENV) $(BUILD)/terraform.env ## Create .venv and find Terraform (the first time one to three minutes)

# These are checked each time: the scripts do nothing if nothing has changed.
.PHONY: $(VENV) $(CHECKOV) $(PIP_AUDIT) $(BUILD)/trivy/bin/trivy $(BUILD)/terraform.env
$(VENV):
	@python3 tools/python_environment.py $(VENV) dev.txt

$(CHECKOV): | $(VENV)
	@python3 tools/python_environment.py $(CHECKOV) checkov.txt

$(PIP_AUDIT): | $(VENV)
	@python3 tools/python_environment.py $(PIP_AUDIT) pip-audit.txt

$(BUILD)/trivy/bin/trivy: | $(VENV)
	@python3 tools/python_environment.py $(BUILD)/trivy trivy.txt

$(BUILD)/terraform.env: | $(VENV)
	@mkdir -p $(BUILD)
	@$(BIN)/python tools/tf_setup.py > $@

.PHONY: fmt
fmt: setup ## Format Python and Terraform, generate the tables of the documentation
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .
	$(USE_TERRAFORM); "$$TERRAFORM" fmt -recursive
	$(BIN)/python tools/tf_docs.py --write
	$(BIN)/python tools/lambda_docs.py --write
	$(BIN)/python tools/layer_packages.py --write
	$(BIN)/python tools/situations.py --write
	PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios changes --write

.PHONY: package
package: setup ## Build functions.zip, SBOM and layer; fails if the layer is not the locked one
	$(BIN)/python lambda/build.py functions
	$(BIN)/python tools/sbom.py
	$(BIN)/python lambda/build.py layer \
	  --output $(BUILD)/$$($(BIN)/python -c 'import json; print(json.load(open("lambda/layer/layer.json"))["file"])')

.PHONY: sbom
sbom: setup ## Write lambda/sbom.cdx.json, the bill of materials of functions.zip and the layer
	$(BIN)/python tools/sbom.py

COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header \
  --no-emit-index-url --emit-build-options --no-annotate $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: setup ## Lock all requirements and the digest of the layer (UPGRADE=1: newest versions)
	for name in dev checkov installer pip-audit trivy; do \
	  $(COMPILE) --python-version 3.11 requirements/$$name.in -o requirements/$$name.txt; \
	done
	$(COMPILE) --python-version 3.13 lambda/layer/requirements.in -o lambda/layer/requirements.txt
	$(BIN)/python lambda/build.py layer --update-lock
	$(BIN)/python tools/sbom.py

.PHONY: demo
demo: setup ## Watch a group scale out and in, in the lab (PLANT=1: leave an orphan and fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios demo $(if $(PLANT),--negative-control)

# In the folder of your own root module: eval "$(…/lab/bin/vmseries-lab environment)". docs/playground.md
.PHONY: serve
serve: setup ## Serve a lab for your own configuration (PACE=60: a lab minute per second; AWS_REGION)
	@lab/bin/vmseries-lab serve --pace $(or $(PACE),0)

.PHONY: playground
playground: setup ## Execute docs/playground.md block by block, and compare what it prints (five minutes)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios playground

.PHONY: preflight
preflight: setup ## Run the pre-flight check of an example in the lab (BROKEN=1: break eight things first)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios preflight $(if $(BROKEN),--broken)

.PHONY: walk
walk: setup ## Walk every flow of the examples through AWS and PAN-OS (PLANT=no-return-route: must fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios walk $(if $(PLANT),--plant $(PLANT)) $(ARGS)

# EXAMPLE=one-arm or two-arm, VARS=file.tfvars, and for AWS: AWS=1 ACCOUNT=id [YES=1]. docs/acceptance.md
.PHONY: acceptance
acceptance: setup ## Apply an example, watch it, record AWS's answers, destroy (AWS=1: real account)
	@$(USE_TERRAFORM); PYTHONPATH=tests:tools:lab/src:lambda/src EXAMPLE="$(EXAMPLE)" VARS="$(VARS)" \
	  AWS="$(AWS)" ACCOUNT="$(ACCOUNT)" YES="$(YES)" ASSUME="$(ASSUME)" PLANT="$(PLANT)" \
	  $(BIN)/python -m acceptance

.PHONY: clean
clean: ## Remove everything that make created
	rm -rf $(BUILD) $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .terraform -type d -prune -exec rm -rf {} +
	find . -name .terraform.lock.hcl -delete

##@ Test

.PHONY: check
check: setup ## Everything except Terraform apply (five minutes on two cores)
	@$(LANES) $(GROUPED) --jobs=4 test-terraform test-lab test-unit lint test-recorded

.PHONY: test
test: check ## Everything (25 minutes on two cores)
	@$(LANES) --jobs=2 scan test-apply # Not grouped: minutes without output look like a hang.

.PHONY: lint
lint: setup ## Formats, types, generated tables, workflows, functions.zip: what pre-commit checks
	$(USE_TERRAFORM); $(BIN)/pre-commit run --all-files

.PHONY: test-unit
test-unit: setup ## Tests of the product without Terraform apply (ARGS="-k word" selects)
	$(USE_TERRAFORM); $(BIN)/pytest tests -m "not apply" -n 2 --dist loadfile --timeout 120 $(WITHOUT_RECORDED) $(ARGS)

# Apart from the tests of the product: the lab changes moto for its whole process.
.PHONY: test-lab
test-lab: setup ## Tests of the lab itself (ARGS="-k word" selects)
	$(BIN)/pytest lab/tests -n 2 --dist loadfile --timeout 120 -p no:terraform $(ARGS)

.PHONY: test-recorded
test-recorded: setup ## Tests that replay recorded Terraform resources
	@$(USE_TERRAFORM); $(BIN)/pytest $(RECORDED) --tf-replay --timeout 120 $(ARGS)

.PHONY: test-terraform
test-terraform: setup ## terraform test with a mocked provider, in every module that has such tests
	@$(USE_TERRAFORM); \
	for folder in $$(git ls-files -co --exclude-standard '*.tftest.hcl' | xargs -r -n1 dirname | sort -u); do \
	  module="$$(dirname "$$folder")"; echo "== $$module"; \
	  export TF_DATA_DIR="$(CURDIR)/$(BUILD)/terraform/$$module"; \
	  (cd "$$module"; "$$TERRAFORM" init -upgrade -backend=false -input=false -no-color > /dev/null; \
	    "$(CURDIR)/$(BIN)/python" "$(CURDIR)/tools/tf_provider.py" "$$TERRAFORM" test -no-color); \
	done

.PHONY: test-apply
test-apply: setup ## Tests that apply Terraform to the lab (minutes; ARGS="-k one_arm" selects)
	$(USE_TERRAFORM); $(BIN)/pytest tests -m apply -n $(APPLY_WORKERS) --dist loadfile --no-loadscope-reorder \
	  --timeout 1800 --durations 15 $(WITHOUT_RECORDED) $(ARGS)

.PHONY: scan
scan: $(CHECKOV) $(filter $(BUILD)/%,$(TRIVY)) ## Scan the Terraform code with checkov and with trivy
	LOG_LEVEL=ERROR $(CHECKOV)/bin/checkov --config-file .checkov.yaml
	$(TRIVY) config --config .trivy.yaml .

.PHONY: audit
audit: $(PIP_AUDIT) ## Check all locked packages for known vulnerabilities (needs the network)
	@$(BIN)/python tools/audit.py $(PIP_AUDIT)/bin/pip-audit

##@ Prove

.PHONY: prove-crashes
prove-crashes: setup ## Fail each call of the functions in each way; everything converges (13 minutes)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:lambda/src:tools $(BIN)/python -m vmseries_scenarios crash-matrix $(ARGS)

.PHONY: prove-boot-phases
prove-boot-phases: setup ## Firewalls leave in each phase of their boot: no license is lost (ARGS="-k plugin")
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:lambda/src:tools $(BIN)/python -m vmseries_scenarios boot-phases $(ARGS)

.PHONY: assumptions
assumptions: setup ## Launch to reconcile, once for each answer to an unsettled fact (ARGS="-k batch")
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:lambda/src:tools $(BIN)/python -m vmseries_scenarios assumptions $(ARGS)

.PHONY: prove-interrupts
prove-interrupts: setup ## Interrupt apply and destroy; repeated, each completes (POINTS=layer selects)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios interrupts $(if $(POINTS),-k $(POINTS)) $(ARGS)

# ROWS=word selects rows by name or topic, as ARGS="-k word" does.
.PHONY: changes
changes: setup ## Change each input of a deployment in service, and change it back (docs/changes.md; 40 minutes)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios changes $(if $(ROWS),--rows "$(ROWS)") $(ARGS)

.PHONY: prove-properties
prove-properties: setup ## Property tests with ten thousand examples each (ARGS="-k word" selects)
	$(BIN)/pytest tests/unit tests/component -m properties --hypothesis-profile thorough \
	  --hypothesis-show-statistics $(ARGS)

.PHONY: prove-permissions
prove-permissions: setup ## Every permission is needed, none is missing (WRITE=1: update docs/security.md)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios least-privilege $(if $(WRITE),--write)

.PHONY: attack
attack: setup ## Attack a deployment in each known way (PLANT=1: without a guard; must fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios attacks $(if $(PLANT),--negative-control) $(ARGS)

.PHONY: prove-secrets
prove-secrets: setup ## At DEBUG, no secret is in any log, queue, tag or state (PLANT=1: must fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios secret-search $(if $(PLANT),--negative-control)

.PHONY: prove-commits
prove-commits: setup ## 100 terminations at once share commits (NUMBER=20: fewer; PLANT=1: must fail)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios mass-terminate $(if $(NUMBER),--number $(NUMBER)) $(if $(PLANT),--negative-control)

.PHONY: prove-rates
prove-rates: setup ## 200 launches, then 200 terminations, at the request rates of EC2 (NUMBER=50: fewer)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios mass-launch $(if $(NUMBER),--number $(NUMBER))

.PHONY: estate
estate: setup ## Requests, memory and time with 2,500 devices and 10 deployments on one Panorama (ARGS="--devices 500")
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios estate $(ARGS)

.PHONY: refresh
refresh: setup ## An instance refresh in each readiness mode keeps all healthy targets (ARGS="--only healthy")
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios refresh $(ARGS)

.PHONY: fuzz
fuzz: setup ## 20,000 damaged inputs for each parser (NUMBER=300: fewer; SEED=x: again; PLANT=1: must fail)
	@PYTHONPATH=lambda/src:tests $(BIN)/python -m fuzz $(if $(NUMBER),--number $(NUMBER)) $(if $(SEED),--seed $(SEED)) $(if $(PLANT),--plant) $(ARGS)

.PHONY: bench
bench: setup ## AWS calls and times by kind of visit, and what depends on the machine's speed (4 minutes)
	@$(USE_TERRAFORM); PYTHONPATH=lab/src:tools $(BIN)/python -m vmseries_scenarios bench
