#!/bin/sh
# A soak at the caps: 100,000 strangers a minute, over and over, through a veth pair of its own. Prints each minute the series
# of a scrape, resident memory, the database's size, packets, losses. Fails when series or memory grow after the first five
# minutes, or a packet is lost.
#
# usage: tests/soak/soak.sh [MINUTES]     (CORSTAP: the binary; needs root, tcpreplay, curl, python3)
set -eu
minutes=${1:-30}
here=$(cd "$(dirname "$0")" && pwd)
corstap=${CORSTAP:-$here/../../target/release/corstap}
work=$(mktemp -d)
left=soak-l-$$
right=soak-r-$$
pids=""
end() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    wait
    ip netns del "$left" 2>/dev/null || true
    ip netns del "$right" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM
for ns in "$left" "$right"; do
    ip netns add "$ns"
    ip -n "$ns" link set lo up
done
ip link add soak0 netns "$left" type veth peer name soak1 netns "$right"
ip -n "$left" link set soak0 up
ip -n "$right" link set soak1 up
python3 "$here/strangers.py" "$work/strangers.pcap"
ip netns exec "$right" "$corstap" run -i soak1 --db "$work/soak.db" --keep-mib 128 2>"$work/said" &
corstap_id=$!
pids="$corstap_id"
for n in $(seq 100); do
    ip netns exec "$right" curl -sf http://127.0.0.1:2677/readyz >/dev/null && break
    sleep 0.1
done
ip netns exec "$left" tcpreplay -q -i soak0 --loop 0 --pps 5000 "$work/strangers.pcap" >/dev/null 2>&1 &
pids="$pids $!"
sum() { awk -v name="$1" 'index($1, name) == 1 { total += $2 } END { printf "%d", total }' "$work/scrape"; }
echo "minute series rss_kib db_kib packets lost rejections transactions overflow deleted"
settled=""
for minute in $(seq "$minutes"); do
    sleep 60
    ip netns exec "$right" curl -sf http://127.0.0.1:2677/metrics >"$work/scrape"
    series=$(grep -vc '^#' "$work/scrape")
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$corstap_id/status")
    db=$(du -sk "$work/soak.db" | cut -f1)
    lost=$(($(sum corstap_packets_lost_total) + $(sum corstap_store_records_lost_total)))
    echo "$minute $series $rss $db $(sum corstap_packets_total) $lost $(sum corstap_rejections_total)" \
        "$(sum corstap_transactions_total) $(sum corstap_label_overflow_total) $(sum corstap_store_records_deleted_total)"
    [ "$series" -lt 2000 ] || { echo "FAIL: $series series"; exit 1; }
    [ "$minute" -ne 5 ] || settled=$rss
    if [ -n "$settled" ] && [ "$rss" -gt $((settled * 11 / 10 + 4096)) ]; then
        echo "FAIL: memory grew from $settled KiB to $rss KiB"
        exit 1
    fi
done
kill "$corstap_id"
wait "$corstap_id" || { echo "FAIL: it did not end well"; exit 1; }
tail -1 "$work/said"
