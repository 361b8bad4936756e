SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Node, the compiler and the linter come from node_modules; the machine's own Node only has to run npm.
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(SYSTEM_PATH)
MODULES := node_modules/.package-lock.json

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(MODULES) ## Bundle the operator into dist/sluice.mjs
	node tools/build.ts

# Nothing to be built before: the Dockerfile bundles by itself, from the lockfile.
IMAGE ?= sluice:dev
CONTAINER_TOOL ?= docker

.PHONY: image
image: ## Build the image (IMAGE=registry.example/sluice:0.1.0, CONTAINER_TOOL=podman; docs/image.md)
	$(CONTAINER_TOOL) build --tag $(IMAGE) .

.PHONY: test
test: $(MODULES) ## Lint, check types, run all tests (cold, the test cluster takes some minutes to compile)
	@node tools/test.ts

.PHONY: test-unit
test-unit: $(MODULES) ## Run the tests that need no cluster
	vitest run --project unit

.PHONY: test-named
test-named: $(MODULES) ## Run the tests of Sluice on a cluster where it may read Secrets by name alone (20 minutes)
	SLUICE_TEST_ACCESS=named vitest run --project integration test/e2e test/faults

.PHONY: lint
lint: $(MODULES) ## Lint, check formatting, types, the order of the rooms and unused exports
	eslint .
	prettier --check --log-level warn .
	tsc
	depcruise src --config .dependency-cruiser.js
	knip

.PHONY: format
format: $(MODULES) ## Put the formatting right
	prettier --write --log-level warn .

.PHONY: demo
demo: build ## Show a rotation on a cluster of this machine
	@node demo/demo.ts

.PHONY: demo-metrics
demo-metrics: build ## The demo with a Prometheus beside it, and a picture of it (it is compiled once: 2 minutes)
	@node demo/demo.ts --metrics

.PHONY: incident
incident: build ## Rotate the password of a real database under load, several ways, and write a report (20 minutes)
	@node incident/incident.ts $(INCIDENT)

.PHONY: rehearsal
rehearsal: build ## Start a shop with a database, to rehearse a rotation by hand
	@node incident/rehearsal.ts

.PHONY: chaos
chaos: $(MODULES) ## Rotate under faults and SIGKILLs for a long time (CHAOS='--kills 200 --faults 10000 --seed N --minutes 60')
	@node test/faults/chaos.ts $(CHAOS)

.PHONY: manifests
manifests: $(MODULES) ## Render manifests/install.yaml from manifests/base
	node tools/manifests.ts

.PHONY: generated
generated: $(MODULES) ## Make docs/metrics.md, the table of reasons, the picture of the rooms, the dashboard and the alert rules
	node tools/annotations-page.ts
	node tools/architecture-page.ts
	node tools/metrics-page.ts
	node tools/observability.ts

.PHONY: bench
bench: $(MODULES) ## Measure speed and memory
	node bench/bench.ts

.PHONY: clean
clean: ## Remove what build makes
	rm -rf dist

$(MODULES): package-lock.json
	@echo 'Installing node_modules from package-lock.json'
	@PATH='$(SYSTEM_PATH)' npm ci
	@touch $@
