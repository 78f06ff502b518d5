#!/bin/sh
# What ran often in a training run tells the compiler what to lay out for speed: a seventh less CPU where a million connections are followed.
#
#   scripts/profile.sh flags          RUSTFLAGS that use packaging/profile, or none where the compiler is another one
#   scripts/profile.sh renew CAPTURE… trains anew on captures and those of the tests, and on the first one live (root, iproute2,
#                                     tcpreplay), and replaces packaging/profile
#
# A profile that is older than the sources serves fewer functions than those that did not change: what is private to a part of the
# crate is known by the part's number (`corstap.…-cgu.2;…`), and any change may number the parts anew. A function without its counts
# is laid out as if it never ran. Two small changes after the training cost a tenth more instructions on small messages; so train on
# the very sources, last of all.
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
        for tool in ip tcpreplay; do
            command -v "$tool" >/dev/null || { echo "profile: $tool is missing" >&2; exit 2; }
        done
        [ "$(id -u)" = 0 ] || { echo "profile: the live run needs root" >&2; exit 2; }
        [ $# -gt 0 ] || { echo "profile: no capture to train on" >&2; exit 2; }
        raw=$PWD/target/profile/raw
        rm -rf "$raw"
        RUSTFLAGS="-Cprofile-generate=$raw" cargo build --release --locked --target-dir target/profile/build
        rm -rf "$raw" # build scripts and macros wrote there, too
        for capture in "$@" captures/*.pcap* tests/data/*/*.pcap*; do
            rm -f target/profile/training.db*
            target/profile/build/release/corstap replay "$capture" --db target/profile/training.db --format jsonl >/dev/null 2>&1 || true
        done
        # What only the daemon does. It may write nowhere but beside its database.
        net=corstap-training-$$
        ip netns add "$net"
        trap 'ip netns del "$net"' EXIT
        ip -n "$net" link set lo up
        ip -n "$net" link add t0 type veth peer name t1
        ip -n "$net" link set t0 up
        ip -n "$net" link set t1 up
        ip netns exec "$net" target/profile/build/release/corstap run -i t1 --db "$raw/training.db" 2>/dev/null &
        sleep 3
        ip netns exec "$net" tcpreplay -q -i t0 --mbps 100 --loop 1000 --duration 15 "$1" >/dev/null
        kill "$!"
        wait "$!"
        rm -f "$raw"/training.db*
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
