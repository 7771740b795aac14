SHELL := /bin/sh
GO ?= go
CACHE := $(CURDIR)/.cache
LINT_VERSION := v2.15.0
OPENAPI_VERSION := 23.0.2
EXAMPLES_VERSION := 7.6.1
FUZZTIME ?= 10s

.DEFAULT_GOAL := help

.PHONY: help
help: ## show what there is
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/kargo
	$(GO) build -o bin/kargo ./app/cmd/kargo

.PHONY: demo
demo: build ## see a promotion happen, without a GitHub account
	./bin/kargo demo

.PHONY: test
test: ## run the tests; needs Go and git
	$(GO) test ./...

# What only computes starts no goroutine that could race.
PURE := /e2e|/cli$$|/manifest/|/pipeline/(expr|report|simulate)$$|/handlers/command$$

.PHONY: race
race: ## run the tests shuffled, with the race detector, the longest ones sampled; needs a C compiler
	$(GO) test -race -short -shuffle=on -timeout 20m $$($(GO) list ./... | grep -vE '$(PURE)')

.PHONY: lint
lint: $(CACHE)/bin/golangci-lint ## run golangci-lint
	$(CACHE)/bin/golangci-lint run ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME, except those below the directories in FUZZSKIP
	@set -e; mkdir -p $(CACHE)/fuzz; \
	for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' app handlers manifest pipeline store | xargs -n1 dirname | sort -u); do \
	  case " $(FUZZSKIP) " in *" $$dir "*) continue;; esac; \
	  $(GO) test -c -fuzz . -o $(CACHE)/fuzz/fuzz.test ./$$dir; \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$dir/*_test.go); do \
	    echo "== $$dir $$target"; \
	    (cd $$dir && $(CACHE)/fuzz/fuzz.test -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir $(CACHE)/fuzz/corpus); \
	  done; \
	done

.PHONY: conformance
conformance: $(CACHE)/openapi $(CACHE)/webhooks-examples ## check against GitHub's own API description and webhook examples; needs npm
	KARGO_OPENAPI=$(CACHE)/openapi/generated/api.github.com.json \
	KARGO_WEBHOOK_EXAMPLES=$(CACHE)/webhooks-examples/api.github.com/index.json \
	$(GO) test -tags conformance -run Conformance ./app/e2e ./app/forge ./handlers

.PHONY: browser
browser: ## drive the demo's page in Chromium
	$(GO) test -tags browser -run Browser ./app/demo/...

.PHONY: e2e
e2e: ## run the end-to-end scenarios only
	$(GO) test -count=1 ./app/e2e/...

.PHONY: bench
bench: ## run the benchmarks and write BENCHMARKS.md
	@mkdir -p $(CACHE)
	@$(GO) build -o $(CACHE)/benchtable ./app/cmd/benchtable
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m \
	  $$(grep -rl --include='*_test.go' '^func Benchmark' app handlers manifest pipeline store | xargs -n1 dirname | sort -u | sed 's,^,./,') \
	  | $(CACHE)/benchtable BENCHMARKS.md

.PHONY: golden
golden: ## rewrite golden files and generated documents
	$(GO) test ./handlers/command ./manifest/kargocrd ./manifest/kargofile ./manifest/scaffold ./pipeline/report ./pipeline/step -update

.PHONY: image
image: ## build the container image
	docker build -f deploy/Dockerfile -t kargo .

.PHONY: check
check: ## what CI runs
	.ci/run

$(CACHE)/bin/golangci-lint:
	GOBIN=$(CACHE)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

$(CACHE)/openapi:
	mkdir -p $(CACHE) && cd $(CACHE) && npm pack --silent @octokit/openapi@$(OPENAPI_VERSION) && tar xzf octokit-openapi-$(OPENAPI_VERSION).tgz && mv package openapi

$(CACHE)/webhooks-examples:
	mkdir -p $(CACHE) && cd $(CACHE) && npm pack --silent @octokit/webhooks-examples@$(EXAMPLES_VERSION) && tar xzf octokit-webhooks-examples-$(EXAMPLES_VERSION).tgz && mv package webhooks-examples
