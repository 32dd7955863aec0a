# twaudit: `make help` lists what there is.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -X main.version=$(VERSION)
FUZZTIME ?= 10s
DIST    ?= dist
TRIMPATH ?= -trimpath
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 freebsd/amd64 freebsd/arm64
MAINTAINER ?= twaudit <root@localhost>
# As packages want it: what follows a tag counts up, and what has none comes before all.
PKGVERSION = $(shell echo '$(VERSION)' | sed -E 's/^v([0-9])/\1/; s/-([0-9]+)-g([0-9a-f]+)/+\1.g\2/; s/-dirty$$/+dirty/; s/^([^.]*)$$/0.0.0+\1/; s/-/~/g')
NFPM     = $(GO) tool -modfile=internal/packaging/nfpm.mod nfpm
# The same sources give the same bytes, also on another day.
man dist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)

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
	@$(MAKE) --no-print-directory browser

browser: packages ## the HTML page in headless Chromium, or why not
	cd internal/browser && $(GO) vet ./... && $(GO) test -count=1 -timeout 15m ./...

pictures: packages ## the pictures of docs/img, from the same pages
	cd internal/browser && $(GO) test -count=1 -run Pictures . -args -pictures ../../docs/img

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
	$(GO) test ./report -run Redact_knows -update
	$(GO) test ./report ./internal/audit ./internal/probe -update
	$(GO) test ./internal/e2e -run Answers -update
	$(GO) test ./cmd/twaudit -run RulesDoc -update

man: ## manual pages and shell completions, in dist/man and dist/completions
	mkdir -p '$(DIST)/man' '$(DIST)/completions'
	$(GO) test -vet=off -count=1 -run '^TestManual$$' -ldflags '-X twaudit/cmd/twaudit.version=$(VERSION)' ./cmd/twaudit -args -generate '$(abspath $(DIST))'

# TRIMPATH= and PLATFORMS=linux/amd64 are for those who need one quickly.
dist: ## static binaries, deb and rpm with their SHA256SUMS, in dist
	rm -rf '$(DIST)'
	@$(MAKE) --no-print-directory man
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/}; out='$(DIST)'/twaudit_$(PKGVERSION)_$${os}_$$arch; \
		echo "$$out"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build $(TRIMPATH) -ldflags '$(LDFLAGS)' -o "$$out" ./cmd/twaudit; \
		[ $$os = linux ] || continue; \
		mkdir -p '$(DIST)/stage/man'; \
		cp "$$out" '$(DIST)/stage/twaudit'; \
		cp '$(DIST)'/man/*.1 '$(DIST)/stage/man'; gzip -9nf '$(DIST)'/stage/man/*.1; \
		for kind in deb rpm; do \
			DIST='$(DIST)' ARCH=$$arch PKGVERSION='$(PKGVERSION)' MAINTAINER='$(MAINTAINER)' \
				$(NFPM) package -f internal/packaging/nfpm.yaml -p $$kind -t '$(DIST)/'; \
		done; \
		rm -r '$(DIST)/stage'; \
	done
	tar --sort=name --mtime=@$$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner -czf '$(DIST)/twaudit_$(PKGVERSION)_extras.tar.gz' -C '$(abspath $(DIST))' man completions -C '$(CURDIR)' contrib docs
	cd '$(DIST)' && sha256sum twaudit[_-]* >SHA256SUMS

clean: ## what the other targets made
	rm -rf bin dist

.PHONY: help all build demo packages test browser pictures race e2e lint fuzz bench bench-probe update man dist clean
