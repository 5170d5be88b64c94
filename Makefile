# `make help` lists what there is. Each target installs first what this machine lacks for it
# (.ci/prepare), and is quick about it when nothing is missing.

SHELL := bash
# Where .ci/prepare writes what it could not install as a package; bash reads it if it is there.
export BASH_ENV := $(CURDIR)/target/tools/env

# The TLS library: boringssl (built from source with the crate) or openssl (the system's).
BACKEND ?= boringssl

boringssl :=
# A folder of its own, so that changing the backend does not build BoringSSL anew.
openssl := --no-default-features --features openssl --target-dir target/openssl

ifeq ($(filter boringssl openssl,$(BACKEND)),)
$(error BACKEND is "$(BACKEND)", and can be boringssl or openssl)
endif

# What the benchmark is made of shares the program's folder, so that BoringSSL is built once.
bench := --locked --release --manifest-path tests/bench/Cargo.toml --target-dir target

.PHONY: help demo build test bench growth lint deny
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo "  demo and build take BACKEND=openssl to use the system's OpenSSL instead of BoringSSL"

demo: build ## two mTLS ends and a certificate that changes under traffic, in one process
	@cargo run --locked --release --quiet $($(BACKEND)) -- demo

build: ## the release binary
	@.ci/prepare build $(BACKEND)
	cargo build --locked --release $($(BACKEND))

test: ## every test, with BoringSSL and then with OpenSSL
	@.ci/prepare test
	cargo test --locked $(boringssl)
	cargo test --locked $(openssl)

bench: ## what it costs beside its peers; QUICK=1 for a short look, SAVE=folder for table and chart
	@.ci/prepare bench
	cargo build --locked --release
	cargo test $(bench) --quiet
	cargo run $(bench) -- compare $(if $(QUICK),--quick) $(if $(SAVE),--save $(SAVE))

growth: ## how its cost grows with the number of connections
	@.ci/prepare bench
	cargo build --locked --release
	cargo run $(bench) -- growth

lint: deny ## formatting, clippy for both backends, and `make deny`
	@.ci/prepare build
	cargo fmt --check
	cargo clippy --locked --all-targets $(boringssl) -- -D warnings
	cargo clippy --locked --all-targets $(openssl) -- -D warnings
	cargo fmt --check --manifest-path tests/bench/Cargo.toml
	cargo clippy $(bench) --all-targets -- -D warnings

deny: ## licences, sources, banned crates and advisories of the dependencies
	@.ci/deny
