#!/bin/sh
# Runs every test. The live ones need the right to make network namespaces: root, or sudo.
set -eu
cd "$(dirname "$0")/.."
if cargo nextest --version >/dev/null 2>&1; then
    runner="cargo nextest run --locked --no-fail-fast"
else
    runner="cargo test --locked --no-fail-fast"
fi
if [ "$(id -u)" = 0 ]; then
    $runner
else
    # build as oneself, run as root: the target folder stays ours
    cargo test --locked --no-run
    CARGO_TARGET_DIR=$PWD/target sudo -E env "PATH=$PATH" $runner
fi
