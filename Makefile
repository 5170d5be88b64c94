# `make help` lists what there is. Each target installs first what this machine lacks for it
# (.ci/prepare), and is quick about it when nothing is missing.

SHELL := bash
# Where .ci/prepare writes what it could not install as a package; bash reads it if it is there.
export BASH_ENV := $(CURDIR)/target/tools/env

# The TLS library: boringssl (built from source with the crate) or openssl (the system's).
BACKEND ?= boringssl

boringssl :=
# A folder of its own, so that changing the backend does not build BoringSSL anew.
openssl := --no-default-features --features openssl,postgres --target-dir target/openssl

ifeq ($(filter boringssl openssl,$(BACKEND)),)
$(error BACKEND is "$(BACKEND)", and can be boringssl or openssl)
endif

# What the benchmark is made of shares the program's folder, so that BoringSSL is built once.
bench := --locked --release --manifest-path tests/bench/Cargo.toml --target-dir target

# BoringSSL's FIPS module is built once, before cargo, so that the tests run on the very module that
# the release has. It is as BoringSSL has it: the crate's patches are left out. The folder is named
# as it is now, see fips/build-boringssl.
fips_module = BORING_BSSL_FIPS_PATH="$$(readlink -e target/fips/boringssl)" BORING_BSSL_FIPS_ASSUME_PATCHED=1
fips_cargo := --locked --features fips --target-dir target/fips

# Which program the packages have.
packed = $(if $(FIPS),fips,boringssl)

.PHONY: help demo build test bench growth decisions soak fuzz lint deny fips fips-openssl fips-test image image-test \
	dist dist-test packages packages-test
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 21
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

decisions: ## what a connector's decisions cost, with PostgreSQL; QUICK and SAVE as for bench
	@.ci/prepare bench
	cargo build --locked --release
	cargo run $(bench) -- decisions $(if $(QUICK),--quick) $(if $(SAVE),--save $(SAVE))

soak: ## everything at once for MINUTES=10, and how it stands then; SEED=n for chance, table and plot go to SAVE=target/soak
	@.ci/prepare bench
	cargo build --locked --release
	cargo run $(bench) -- soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) --save $(or $(SAVE),target/soak)

fuzz: ## what strangers send, made up for SECONDS_EACH=60 a target; TARGET=name for one of tests/fuzz/targets
	@.ci/prepare fuzz
	@tests/fuzz/run

lint: deny ## formatting, clippy for both backends, and `make deny`
	@.ci/prepare build
	cargo fmt --check
	cargo clippy --locked --all-targets $(boringssl) -- -D warnings
	cargo clippy --locked --all-targets $(openssl) -- -D warnings
	cargo fmt --check --manifest-path tests/bench/Cargo.toml
	cargo clippy $(bench) --all-targets -- -D warnings
	cargo fmt --check --manifest-path tests/fuzz/Cargo.toml

deny: ## licences, sources, banned crates and advisories of the dependencies
	@.ci/deny

fips: ## the release binary with BoringSSL's FIPS module, see fips/README.md
	@.ci/prepare fips boringssl
	@fips/build-boringssl
	$(fips_module) cargo build --release $(fips_cargo)
	target/fips/release/mtls-persona --version
	@fips/same-module target/fips/release/mtls-persona $(MODULE_HASH)

fips-openssl: ## the release binary for the system's OpenSSL, and a configuration for its FIPS provider
	@.ci/prepare fips openssl
	@fips/build-openssl
	cargo build --locked --release $(openssl)
	@fips/with-openssl-fips target/openssl/release/mtls-persona --version
	@cat target/fips-openssl/facts
	@echo "run it by: fips/with-openssl-fips target/openssl/release/mtls-persona run --config FILE"

# Of all tests those that the library's own decisions show in.
fips_tests = $(if $(QUICK),--lib --test fips --test tls_pair --test openssl_peers --test refusals --test certs --test revocation)

# An ignored test of tests/fips needs a module, which is there now.
fips-test: ## every test on BoringSSL's FIPS module, and then on OpenSSL's FIPS provider; QUICK=1 those of TLS alone
	@.ci/prepare test
	@.ci/prepare fips
	@fips/build-boringssl
	@fips/build-openssl
	$(if $(QUICK),,$(fips_module) cargo clippy --all-targets $(fips_cargo) -- -D warnings)
	$(fips_module) cargo test $(fips_cargo) $(fips_tests)
	@fips/same-module target/fips/debug/mtls-persona
	fips/with-openssl-fips cargo test --locked $(openssl) $(fips_tests)
	fips/with-openssl-fips cargo test --locked $(openssl) --test fips -- --ignored

image: ## a container image with BoringSSL's FIPS module, by docker or podman
	fips/image $(if $(MODULE_HASH),--build-arg MODULE_HASH=$(MODULE_HASH)) $(IMAGE_ARGS)

image-test: ## a container image with BoringSSL's FIPS module: made, run, and told by itself; QUICK=1 makes no module
	@.ci/prepare image
	@.ci/prepare fips boringssl
	@fips/build-boringssl
	QUICK=$(QUICK) fips/image-test

dist: ## the source with every crate in it, for machines without a network, and what it is made of (SBOM)
	@.ci/prepare dist
	@config/packages/dist

dist-test: ## the archive is built without a network, twice to the same bytes; QUICK=1 only looks at it
	@.ci/prepare dist
	@.ci/prepare build
	@$(if $(QUICK),,.ci/prepare fips boringssl)
	QUICK=$(QUICK) config/packages/dist-test

packages: ## a .deb and an .rpm of the program as it is shipped, for Debian 12, RHEL 9 and newer ones; FIPS=1 with a FIPS module
	@.ci/prepare packages
	@$(if $(FIPS),.ci/prepare fips boringssl)
	config/packages/release $(packed)
	config/packages/symbols target/release-build/mtls-persona-$(packed)
	config/packages/pack target/release-build/mtls-persona-$(packed)

packages-test: ## packages installed, run, upgraded and removed on a throw-away machine; QUICK=1 takes a program that is there
	@.ci/prepare packages
	@.ci/prepare packages-test
	@$(if $(QUICK),,.ci/prepare fips boringssl)
	QUICK=$(QUICK) config/packages/packages-test
