# twaudit: `make help` lists what there is.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X main.version=$(VERSION)
FUZZTIME ?= 10s

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' Makefile

all: build lint test ## build, lint and test

build: ## the program, static, in bin/twaudit
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/twaudit ./cmd/twaudit

demo: build ## audit an embedded fleet over real SSH on loopback: needs nothing but Go
	bin/twaudit demo

packages:
	@.ci/packages test

test: packages lint ## everything: unit, race, scripts, the lab (as root on Linux)
	$(GO) test -race -timeout 20m ./...

race: ## the tests with the race detector, without the lab
	$(GO) test -race $$($(GO) list ./... | grep -v internal/e2e)

e2e: packages ## the lab alone: real sshd hosts in namespaces and chroots (root)
	$(GO) test -count=1 -v -timeout 20m ./internal/e2e

lint: ## gofmt, go vet, staticcheck
	@out=$$(gofmt -s -l cmd internal remote report); if [ -n "$$out" ]; then echo "gofmt -s wants to change: $$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

fuzz: ## every fuzz target for FUZZTIME each (default 10s)
	@set -e; for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

bench: build ## ratios against other tools and at scale, into docs/benchmarks.md (root)
	@.ci/packages bench
	$(GO) run ./internal/bench -twaudit bin/twaudit -o docs/benchmarks.md

bench-probe: ## what the probe costs a host, into docs/bench-probe.md (root, 12 GB of disk, 5 minutes)
	@.ci/packages test
	$(GO) run ./internal/bench -part probe -runs 5 -o docs/bench-probe.md

update: ## rewrite the golden files, saved answers and docs/rules.md (root)
	$(GO) test ./report ./internal/probe -update
	$(GO) test ./internal/e2e -run Answers -update
	$(GO) test ./cmd/twaudit -run RulesDoc -update

clean: ## what the other targets made
	rm -rf bin dist

.PHONY: help all build demo packages test race e2e lint fuzz bench bench-probe update clean
