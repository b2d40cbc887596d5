# The commands of the package. `make help` lists them.
#
# One profile, cargo's own `dev`, serves demo, test and lint, so that no dependency is compiled twice.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help demo build test torture faults planted eval bench interop lint fmt generate release package clean-data prerequisites

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18

demo: build ## Build and start the whole product on sample data; ARGS="--data DIR" and others go to it.
	$(TARGET)/debug/tingchao demo $(ARGS)

build: prerequisites
	$(CARGO) build --locked

test: prerequisites ## Run all tests; ARGS="-- name" picks some.
	@scripts/kafka check || echo 'make test: the tests against a real Kafka broker are LEFT OUT' >&2
	$(CARGO) test --locked $(ARGS)

# Long runs before a change of the write path is done: bounded, with a printed seed.
torture: prerequisites ## Kill the product 200 times, cut its power 60 times, restart it behind a million events; compare every row.
	@grep -q '^mod crash' tests/it/main.rs || { echo 'make torture: tests/it/crash.rs is not there' >&2; exit 1; }
	TINGCHAO_TEST_KILLS=$(or $(KILLS),200) timeout 3h $(CARGO) test --locked --test it crash -- --nocapture --test-threads=1
	TINGCHAO_TEST_CUTS=$(or $(CUTS),60) timeout 1h $(CARGO) test --locked --test it power -- --nocapture --test-threads=1
	timeout 1h $(CARGO) test --locked --test it after_a_kill -- --ignored --nocapture --test-threads=1

planted: prerequisites ## Plant personal values into DIALOGUES=file.jsonl.gz, import it through a kill, count what is found.
	TINGCHAO_EVAL_DATA='$(abspath $(DIALOGUES))' timeout 1h $(CARGO) test --locked --test it planted -- --ignored --nocapture

# Three brokers on this machine, by scripts/kafka. Seeds are printed and kept in faults.log below the target folder.
faults: prerequisites ## Break a cluster in seven ways, six times each, and compare every event.
	@scripts/kafka fetch
	@mkdir -p $(TARGET)
	TINGCHAO_TEST_KAFKA=1 TINGCHAO_TEST_FAULTS=$(or $(ROUNDS),6) timeout 3h $(CARGO) test --locked --test it faults -- \
		--nocapture --test-threads=1 2>&1 | tee -a $(TARGET)/faults.log; \
	tail -n 5 $(TARGET)/faults.log | grep -q '^test result: ok'

eval: release ## Score the product on the corpora in TINGCHAO_EVAL_DATA and write docs/EVALUATION.md.
	@test -d "$$TINGCHAO_EVAL_DATA" || { echo 'make eval: TINGCHAO_EVAL_DATA names no folder with the corpora' >&2; exit 1; }
	timeout 2h $(TARGET)/release/tingchao eval suite --root "$$TINGCHAO_EVAL_DATA" --out docs/EVALUATION.md \
		--commit "$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" $(ARGS)

interop: build ## Let DuckDB, Polars, chDB and Spark read a lake that has seen everything, and compare.
	timeout 30m scripts/interop

bench: release ## Measure speed and memory against other tools, as ratios in one run.
	timeout 1h benches/run $(ARGS)

# The wrapper makes clippy see our own crate alone: dependencies stay those of the plain build, and the plain
# build of our crate stays where it is.
lint: prerequisites-lint ## Check the format and the lints; a warning fails.
	$(CARGO) fmt --check
	scripts/lint

fmt: prerequisites-lint ## Format the sources.
	$(CARGO) fmt

generate: prerequisites ## Write the generated files again: schemas, openapi.yaml, parts of docs and samples.
	UPDATE_GENERATED=1 $(CARGO) test --locked

release: prerequisites ## Build the optimised binary: target/release/tingchao.
	LZMA_API_STATIC=1 $(CARGO) build --locked --release

package: release ## Make dist/tingchao-<version>-<target>.tar.gz.
	packaging/package $(TARGET)/release/tingchao

clean-data: ## Delete the data of the demo and the default data folder, with their keys; asks first.
	@printf 'Delete ./tingchao-demo and ./tingchao-data with their keys? [y/N] '; read -r answer; \
	if [ "$$answer" = y ]; then rm -rf ./tingchao-demo ./tingchao-data ./tingchao-demo.token-key ./tingchao-data.token-key; \
	else echo 'nothing deleted'; fi

prerequisites:
	@scripts/prerequisites

.PHONY: prerequisites-lint
prerequisites-lint:
	@scripts/prerequisites lint
