# `make run` serves the example, `make test` runs every test; `make check` runs all that must hold before a change goes in.
# Works with GNU make 3.81 (macOS) and later. Go fetches what each target needs.

GO      ?= go
LISTEN  ?= 127.0.0.1:8080
FUZZ    ?= 20s
# Tests wait more than they compute: one package more than there are cores keeps the cores busy.
PACKAGES ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Databases of tests stand in memory if 4 GB of it are free: writers wait for a disk. TMPDIR=… puts them elsewhere.
MEMORY  := $(if $(TMPDIR),,$(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4194304 { print "TMPDIR=/dev/shm" }'))
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X github.com/ashlar-dev/ashlar/internal/cli.version=$(VERSION))

.DEFAULT_GOAL := help
.PHONY: help run build release release-check test vet format lint measure race fuzz nightly openapi-check webhooks-check deploy-check bench bench-scale bench-move bench-online bench-rules bench-soak check

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

run: build ## build, and serve the careers example on 127.0.0.1:8080 (LISTEN=… for another address)
	./bin/ashlar serve examples/careers --listen $(LISTEN)

build: ## build bin/ashlar
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ashlar ./cmd/ashlar

release: ## build the archives of the checked-out commit for Linux and macOS, with SBOMs and checksums, into dist/
	$(GO) run -C tools ./release -go $(GO) -out $(CURDIR)/dist

release-check: ## build a release twice, in two folders and with an empty cache, and compare all bytes
	$(GO) run -C tools ./release -go $(GO) -out $(CURDIR)/bin/release -fresh -compare $$($(GO) env GOOS)/$$($(GO) env GOARCH)

test: ## run every test
	$(MEMORY) $(GO) test -vet=off -p $(PACKAGES) ./...
	$(GO) test -C tools ./...
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || test -n "$$ASHLAR_TEST_DATABASE_URL" || \
		echo "*** NOT TESTED ON POSTGRESQL: install it, or name a server in ASHLAR_TEST_DATABASE_URL"
	@command -v pgbouncer >/dev/null || test -x /usr/sbin/pgbouncer || echo "*** NOT TESTED BEHIND PGBOUNCER: install it"
	@command -v buildah >/dev/null && command -v podman >/dev/null && command -v runc >/dev/null || \
		echo "*** THE IMAGE IS NOT TESTED: install buildah, podman and runc, and run this as root"
	@command -v systemd-analyze >/dev/null || echo "*** THE UNIT OF SYSTEMD IS NOT TESTED: install systemd"
	@command -v pebble >/dev/null || echo "*** NOT TESTED WITH AN ACME SERVER: install it (apt-get install pebble)"
	@command -v caddy >/dev/null || test -n "$$ASHLAR_CADDY" || echo "*** NOT TESTED BEHIND CADDY: make deploy-check does it"
	@command -v promtool >/dev/null || echo "*** NOT TESTED WITH PROMETHEUS: install it"

vet:
	$(GO) vet ./...
	$(GO) vet -C tools ./...

format:
	@files=$$(gofmt -l .); \
	if [ -n "$$files" ]; then echo "not gofmt-ed:"; echo "$$files"; exit 1; fi; echo "every file is gofmt-ed"

lint: ## staticcheck and more (settings in staticcheck.conf), and checks of the language of comments and Markdown
	$(GO) build -C tools -buildvcs=false -o ../bin/ ./lint ./mdlint ./measure
	./bin/lint ./...
	./bin/mdlint
	./bin/measure -lint

measure: ## count how the code reads (clauses in comments, one-letter names, uses between files), beside bars
	$(GO) build -C tools -buildvcs=false -o ../bin/ ./measure
	./bin/measure $(MEASURE)

# By default each process of a test waits a second at its end.
race: ## run every test under the race detector (needs a C compiler)
	$(MEMORY) GORACE=atexit_sleep_ms=50 CGO_ENABLED=1 $(GO) test -race -vet=off -p $(PACKAGES) ./...

fuzz: ## run each fuzz target for FUZZ (20s)
	@$(GO) list -f '{{.Dir}}' ./... | while read -r dir; do \
		grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go 2>/dev/null | while read -r _ target; do \
			echo "$$dir $$target"; \
			(cd "$$dir" && $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) . </dev/null) || exit 1; \
		done || exit 1; \
	done

nightly: ## run every test in its long form, one package after the other (hours), then all generators of clients and two builds of a release
	ASHLAR_NIGHTLY=1 $(GO) test -p 1 -timeout 4h ./...
	ALL_GENERATORS=1 GO=$(GO) ./tools/openapi/check.sh
	$(MAKE) release-check

openapi-check: ## lint /openapi.json; generate, compile and use clients in TypeScript, Go and Python (needs Node.js and Python; fetches packages)
	GO=$(GO) ./tools/openapi/check.sh

deploy-check: ## lint and render the Helm chart, judge it by the schemas of Kubernetes, lint the Dockerfile, run Caddy in front, compare two builds of a release (needs Python; fetches packages, builds Helm once)
	GO=$(GO) ./tools/deploy/check.sh

webhooks-check: ## compare webhook signatures with the Standard Webhooks libraries for Go, JavaScript and Python (needs Node.js and Python; fetches packages)
	GO=$(GO) ./tools/webhooks/check.sh

bench: ## measure beside a hand-written service and PocketBase, and kept answers beside uncached ones (wrk; about twenty minutes)
	cd bench && $(GO) run . -out RESULTS.md && $(GO) run . -postgres -out POSTGRES.md && $(GO) run . -overload -out OVERLOAD.md && $(GO) run . -accounts -out ACCOUNTS.md && $(GO) run . -cache -out CACHE.md && $(GO) run . -jobs -out JOBS.md && $(GO) run . -watch -out WATCH.md

bench-scale: ## measure 10,000 to 1,000,000 rows, and pages 1 to 10,000
	cd bench && $(GO) run . -scale -out SCALE.md

bench-online: ## measure changes of a model of 1,000,000 rows while 32 clients read and write
	cd bench && $(GO) run . -online -rows 1000000 -out ONLINE.md

bench-move: ## measure moves of 1,000,000 rows between the engines, beside hand-written loaders
	cd bench && $(GO) run . -move -rows 1000000 -out MOVE.md

bench-rules: ## measure six usual rules on 1,000,000 rows on both engines, beside statements written by hand
	cd bench && $(GO) run . -rules -rows 1000000 -out RULES.md

bench-soak: ## measure memory over ten minutes of every kind of request
	cd bench && $(GO) run . -soak -out SOAK.md

check: ## everything that must hold before a change goes in
	./.ci/run
