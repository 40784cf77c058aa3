# Everything that people and CI do with this repository. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
LINT := $(GO) tool -modfile=tools.mod golangci-lint
SERVICES := bin/couponctl services --
CLIENT := $(GO) run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config client/api/generate.yaml
# The race detector needs a C compiler, which a bare machine lacks.
RACE = $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race || echo "no C compiler here: testing without the race detector" >&2)
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/e2e -prune -o -type f -print)

.PHONY: help run build test test-go test-web e2e generate check check-long lint lint-web fmt tidy-check bench bench-quick bench-distribution compose-env clean tools

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

run: build ## Run everything here, with a flash sale first (DEMO=0 leaves it out)
	@bin/couponctl dev $(ARGS)

build: tools web/dist/index.html ## Build the web app and the programs into bin/
	@echo "building the programs"
	@$(GO) build -trimpath -o bin/ ./cmd/...

tools:
	@command -v node >/dev/null && command -v npm >/dev/null || { \
	  echo "Node.js 20 or newer with npm is needed to build the web app: install it (Debian: nodejs and npm) and try again." >&2; exit 1; }
	@node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || { \
	  echo "Node.js 20 or newer is needed, this one is $$(node --version)." >&2; exit 1; }

web/node_modules/.done: web/package-lock.json
	@echo "installing the web app's packages"
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.done $(WEB_SOURCES)
	@echo "building the web app"
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@

test: test-web test-go ## Run every test, Go and web, on services of their own

web/e2e/node_modules/.done: web/e2e/package-lock.json
	@echo "installing what the browser tests need"
	@cd web/e2e && npm ci --no-audit --no-fund --loglevel=error && npm run --silent unpack
	@touch $@

test-go: build web/e2e/node_modules/.done
	@$(SERVICES) $(GO) test $(RACE) -shuffle=on -timeout 60m ./...

e2e: build web/e2e/node_modules/.done ## Run the browser tests: real programs, a headless Chromium
	@$(SERVICES) $(GO) test -count=1 -v -run Browser ./e2e

.PHONY: screenshots
screenshots: build web/e2e/node_modules/.done ## Take a picture of every page, in both themes, on a phone and a desk, and of the dashboard
	@COUPONBOOK_SCREENSHOTS=$(CURDIR)/docs/screenshots $(SERVICES) $(GO) test -count=1 -tags screenshots -run Screenshot ./e2e

generate: build ## Write docs/openapi.json, docs/errors.md, the web app's types and the Go client anew
	@$(SERVICES) $(GO) test -count=1 ./internal/httpapi -run 'Contract|Catalogue' -fix
	@cd web && npm run --silent types
	@$(CLIENT) -o client/api/api.gen.go docs/openapi.json

test-web: tools web/node_modules/.done
	@cd web && npm run --silent test

check-long: build web/e2e/node_modules/.done ## Run the long tests too: real processes killed in the middle
	@$(SERVICES) $(GO) test $(RACE) -shuffle=on -tags long -timeout 60m ./...

FUZZTIME ?= 30s
FUZZ = auth:FuzzTokens coupon:FuzzNormalise coupon:FuzzPatterns codefile:FuzzCSV webhook:FuzzGuard \
  httpapi:FuzzCursors httpapi:FuzzPrefer httpapi:FuzzIdempotencyKey

.PHONY: fuzz
fuzz: ## Look for input that breaks what reads it, half a minute each (FUZZTIME=30s)
	@for target in $(FUZZ); do echo "$$target"; \
	  $(GO) test ./internal/$${target%:*} -run '^$$' -fuzz "^$${target#*:}$$" -fuzztime $(FUZZTIME); done

.PHONY: torture
torture: build ## Break everything in an installation of its own for two minutes, and check every promise
	@bin/couponctl torture $(ARGS)

check: fmt-check tidy-check lint lint-web check-client check-rules check-kubernetes test ## Exactly what CI runs

.PHONY: check-client
check-client: ## See that the Go client is what docs/openapi.json makes
	@draft=$$(mktemp); trap 'rm -f "$$draft"' EXIT; \
	  $(CLIENT) -o "$$draft" docs/openapi.json; \
	  cmp -s "$$draft" client/api/api.gen.go || { echo "client/api/api.gen.go is not what docs/openapi.json makes: make generate" >&2; exit 1; }

.PHONY: check-rules
check-rules: ## Check the alerts, and when each rings; promtool is fetched once
	@deploy/with-prometheus promtool check rules --lint=all --lint-fatal deploy/prometheus/alerts.yml
	@deploy/with-prometheus promtool check config --syntax-only deploy/prometheus/prometheus.yml
	@deploy/with-prometheus promtool test rules deploy/prometheus/alerts_test.yml

.PHONY: check-kubernetes
check-kubernetes: ## Build the Kubernetes files and decode them strictly, offline
	@cd deploy/kubernetes/check && $(GO) vet ./... && $(GO) test -count=1 ./...

.PHONY: fmt-check
fmt-check: web/node_modules/.done
	@$(LINT) fmt --diff
	@cd web && npm run --silent format:check

fmt: web/node_modules/.done ## Format Go and web code
	@$(LINT) fmt
	@cd web && npm run --silent format

tidy-check:
	@$(GO) mod tidy -diff

lint: ## Lint the Go code; the linter is built once, through the Go proxy
	@$(LINT) run ./...

lint-web: tools web/node_modules/.done web/e2e/node_modules/.done
	@cd web && npm run --silent lint

bench: build ## Measure everything beside the usual designs (about 10 minutes); fails below a floor
	@bin/couponctl services --durable -- $(GO) run ./bench $(ARGS)

bench-quick: build ## Measure claims alone (some 90 seconds)
	@bin/couponctl services --durable -- $(GO) run ./bench -quick $(ARGS)

bench-distribution: build ## Measure a distribution to 1,000,000 people beside bare SQL (some minutes)
	@bin/couponctl services --durable -- $(GO) run ./bench -only distribution -distribution 1000000

.PHONY: bench-curves
bench-curves: build ## Measure along rows, codes, books and processes, and what each weighs (some minutes)
	@bin/couponctl services --durable -- $(GO) run ./bench -curves

.PHONY: check-docs
check-docs: build ## Type every command of the README, the guide, the webhooks' page and of operations, as printed (some minutes); needs psql and pg_dump
	@$(GO) test -count=1 -v -tags docs -run TestCommandsOfThePages -timeout 30m ./docs

.PHONY: restore-drill
restore-drill: build ## Dump an installation under way, lose it, restore it elsewhere, and see it go on; needs pg_dump
	@$(SERVICES) $(GO) test -count=1 -v -tags drill -run TestRestoreDrill ./e2e

.PHONY: container-smoke
container-smoke: ## Build the image, run the compose file, hold a sale, replace every process (starts a Docker where none runs)
	@deploy/with-docker $(GO) test -count=1 -v -tags containers -run 'TestContainers|TestDeployment' -timeout 30m ./deploy

.PHONY: demo
demo: ## Build the slides of docs/demo
	@cd docs/demo && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@echo "docs/demo/deck.html is built: open it in a browser, and press P for the notes"

SOAK ?= 30m

.PHONY: soak
soak: build ## Work at half load and see that nothing grows (SOAK=30m)
	@bin/couponctl services --durable -- $(GO) run ./bench -soak $(SOAK)

compose-env: ## Write .env with random passwords for docker-compose.yml
	@deploy/make-env

clean: ## Remove what was built and all data of `make run`
	@if [ -f .data/running.json ] && ! flock -n .data/dev.lock true 2>/dev/null; then \
	  echo "a service runs from this directory: stop it first (Ctrl-C where it runs)" >&2; exit 1; fi
	@find .data -name elsewhere -type l -exec readlink {} + 2>/dev/null | xargs -r rm -rf -- || true
	@rm -rf .data bin web/dist/assets web/dist/*.html web/dist/*.svg
