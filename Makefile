.DEFAULT_GOAL := help
.PHONY: help run test test-compose chaos storm check bench clean

help:
	@echo 'make run     build Slipway and run it here, with an example image built on the way'
	@echo 'make test    all tests, on a database, engines and registries of their own'
	@echo 'make check   the quick part: format, clippy, rustdoc, licences, shellcheck'
	@echo 'make test-compose   compose.yaml for real: up, builds, a kill, down (minutes)'
	@echo 'make chaos   300 builds while everything is killed and cut off; SLIPWAY_CHAOS_SEED repeats'
	@echo 'make storm   200 followers of one build, cut off every second: each ends with the same'
	@echo 'make bench   builds through Slipway and straight through the engine, side by side'
	@echo 'make clean   remove what was compiled (./slipway-data stays)'
	@echo
	@echo 'What is missing gets installed on Debian and Ubuntu; elsewhere you are told what.'
	@echo 'DOCKER_HOST, DATABASE_URL and SLIPWAY_REGISTRY name what is to be used instead of'
	@echo 'private instances; SLIPWAY__HTTP__LISTEN=127.0.0.1:9000 make run chooses the address.'

run:
	@dev/run.sh

test:
	@dev/install.sh compiler shellcheck
	@dev/with-stack dev/test.sh

test-compose:
	@dev/test-compose.sh

chaos:
	@dev/install.sh compiler
	@SLIPWAY_CHAOS_BUILDS=$${SLIPWAY_CHAOS_BUILDS:-300} dev/with-stack \
		cargo test --locked --workspace --test chaos -- --nocapture

storm:
	@dev/install.sh compiler
	@SLIPWAY_STORM_FOLLOWERS=200 SLIPWAY_STORM_LINES=100000 SLIPWAY_STORM_SECONDS=60 \
		cargo test --release --locked -p slipway-api --test api -- --nocapture storm

check:
	@dev/check.sh

bench:
	@dev/install.sh compiler
	@SLIPWAY_STACK_DURABLE=yes dev/with-stack cargo run --release --locked -p slipway-bench

clean:
	cargo clean
