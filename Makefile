# make demo     what corstap says of the incident in captures/
# make test     every check
# make release  target/release/corstap

.PHONY: demo test release lint fmt

demo: release
	@rm -f target/demo.db target/demo.db-wal target/demo.db-shm
	@target/release/corstap replay captures/incident.pcapng --db target/demo.db

release:
	@scripts/setup.sh build
	@RUSTFLAGS="$$(scripts/profile.sh flags)" cargo build --release --locked

test: lint
	@scripts/setup.sh test
	@scripts/test.sh

lint:
	@scripts/setup.sh build
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

fmt:
	cargo fmt
