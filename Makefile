# Work with this project goes through these targets, and CI runs the same ones. They need Go and make; race and
# test-xla need a C compiler too, bench-peers and test-python Python, bench-compare and verify-generate git.

# drey is pure Go: everything builds and passes without a C compiler.
export CGO_ENABLED ?= 0

TIMEOUT  = -timeout 30m
FUZZTIME = 10s
SOAK     = 2m
BENCH    = .
GOBENCH  = go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: help run build test test-short test-python race lint generate verify-generate golden fuzz sbc accuracy integration
.PHONY: soak bench bench-peers bench-cluster bench-compare metrics pooling cover examples test-xla

help: ## what the targets do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' Makefile

run: ## sample eight schools: progress, a summary, files under runs/
	go run ./cmd/drey run eight-schools

build: ## bin/drey
	go build -o bin/ ./cmd/drey

test: ## everything that must hold for a change to land, at most 15 minutes on 2 cores
	go run ./internal/gotest $(TIMEOUT) ./...

test-short: ## the inner loop: less than a minute once compiled
	go run ./internal/gotest $(TIMEOUT) -short ./...

test-xla: ## XLA's tests, which make test skips: with a C compiler, and the plugin for CPUs, which it fetches
	go run ./cmd/drey xla install cpu --yes
	CGO_ENABLED=1 DREY_REQUIRE=xla go run ./internal/gotest $(TIMEOUT) ./pkg/engine/xla/... ./integration/xla
	CGO_ENABLED=1 DREY_REQUIRE=xla go run ./internal/gotest $(TIMEOUT) -run XLA ./internal/runner

test-python: ## the tests of python/, in a Python that has JAX, NumPyro and pytest
	sh python/test.sh

race: ## the short tests under the race detector
	CGO_ENABLED=1 go run ./internal/gotest $(TIMEOUT) -short -race ./...

lint: ## gofmt, go vet, staticcheck; imports, comments and sizes are tests in internal/lint
	@! gofmt -l . | grep .
	go vet ./...
	go tool staticcheck ./...

generate: ## write generated code anew
	go generate ./...

verify-generate: generate ## fail where generated code is not what is committed
	git diff --exit-code -- $$(git grep -lE '^// Code generated .* DO NOT EDIT\.$$')

golden: ## rewrite golden files; commit a difference only if you can explain it
	go test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n 1 dirname | sort -u) -update

fuzz: ## each fuzz test for FUZZTIME
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed 's/:func / /' | while read -r file name; do \
		go test "$$(dirname "$$file")" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) || exit 1; done

sbc: ## simulation-based calibration and its planted bugs
	go run ./internal/gotest $(TIMEOUT) ./integration/sbc/... -simulations 1000
	go run ./internal/gotest $(TIMEOUT) -run Calibration ./pkg/kernels

accuracy: ## posteriors against reference values
	go run ./internal/gotest $(TIMEOUT) ./integration/posteriors/... ./integration/exact/...

integration: ## everything under integration/
	go run ./internal/gotest $(TIMEOUT) ./integration/...

soak: ## a cluster of processes whose workers are killed every 20 s, for SOAK
	go test -count=1 -v -timeout 2h -run '^TestSoak$$' ./integration/cluster -soak $(SOAK)

bench: ## Go benchmarks; BENCH=Schools for some of them
	$(GOBENCH)

bench-peers: ## drey beside NumPyro and nutpie, about 75 minutes
	sh bench/peers/setup.sh
	go run ./bench/cmd/peers

bench-cluster: ## what a coordinator takes from 1,000 workers, also for long, and what a second worker adds: half an hour, 25 GB of disk
	go test -count=1 -v -run '^TestSnapshotOfAMillionBlocks$$' ./internal/coordinator
	go run ./bench/cmd/cluster -commit 2m
	go run ./bench/cmd/cluster -pace 2s -scaling 0

bench-compare: ## Go benchmarks at the commit REF and here, in turn, compared: make bench-compare REF=main
	mkdir -p bench/out && rm -rf bench/out/ref bench/out/*.txt && git worktree prune && git worktree add --detach bench/out/ref $(REF)
	for i in 1 2 3 4 5 6; do (cd bench/out/ref && $(GOBENCH)) >>bench/out/ref.txt && $(GOBENCH) >>bench/out/here.txt || exit 1; done
	go tool benchstat bench/out/ref.txt bench/out/here.txt

metrics: ## the diagonal metrics compared on posteriors, as docs/metric.md has them: half an hour
	go run ./integration/metrics

pooling: ## pooled warmup beside that of single chains, as docs/warmup.md has it: half an hour
	go run ./integration/pooling

cover: ## how much of the code the short tests reach
	go test -short $(TIMEOUT) -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

examples: ## run every example's own main
	for main in examples/*/cmd; do go run ./$$main run --quiet || exit 1; done
