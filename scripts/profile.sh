#!/bin/sh
# What ran often in a training run tells the compiler what to lay out for speed: a seventh less CPU where a million connections are followed.
#
#   scripts/profile.sh flags          RUSTFLAGS that use packaging/profile, or none where the compiler is another one
#   scripts/profile.sh renew CAPTURE… trains anew on captures and those of the tests, and replaces packaging/profile
#
# A profile that is older than the sources still serves every function that did not change.
set -eu
cd "$(dirname "$0")/.."

kept=packaging/profile/corstap.profdata.gz
compiler=packaging/profile/compiler
this_compiler() { rustc -vV | grep -E '^(release|host|LLVM version):'; }

case ${1-} in
    flags)
        if [ "${PWD#* }" != "$PWD" ]; then
            echo "profile: a blank in $PWD, not used" >&2 # flags are divided at blanks
            echo "${RUSTFLAGS-}"
        elif [ -f "$kept" ] && [ "$(this_compiler)" = "$(cat "$compiler")" ]; then
            # by its sum, so that another profile builds anew
            used=$PWD/target/profile/$(cksum <"$kept" | tr ' ' -).profdata
            if [ ! -f "$used" ]; then
                mkdir -p "${used%/*}"
                gzip -dc "$kept" >"$used.new"
                mv "$used.new" "$used"
            fi
            echo "${RUSTFLAGS-} -Cprofile-use=$used -Cllvm-args=-no-pgo-warn-mismatch"
        else
            echo "profile: made by another compiler, not used" >&2
            echo "${RUSTFLAGS-}"
        fi
        ;;
    renew)
        shift
        merge=$(rustc --print target-libdir)/../bin/llvm-profdata
        if [ ! -x "$merge" ]; then
            echo "profile: llvm-profdata is missing: rustup component add llvm-tools" >&2
            exit 2
        fi
        raw=$PWD/target/profile/raw
        rm -rf "$raw"
        RUSTFLAGS="-Cprofile-generate=$raw" cargo build --release --locked --target-dir target/profile/build
        rm -rf "$raw" # build scripts and macros wrote there, too
        for capture in "$@" captures/*.pcap* tests/data/*/*.pcap*; do
            rm -f target/profile/training.db*
            target/profile/build/release/corstap replay "$capture" --db target/profile/training.db --format jsonl >/dev/null 2>&1 || true
        done
        # with what never ran: it is laid out apart, and for size
        "$merge" merge -o target/profile/renewed.profdata "$raw"
        gzip -9nc target/profile/renewed.profdata >"$kept"
        this_compiler >"$compiler"
        rm -rf target/profile
        ;;
    *)
        echo "usage: scripts/profile.sh flags | renew CAPTURE…" >&2
        exit 2
        ;;
esac
