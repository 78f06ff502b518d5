#!/bin/sh
# Installs what building (`setup.sh build`) or testing (`setup.sh test`) needs and this machine lacks. Says what and why;
# does nothing where nothing is missing. Uses apt, dnf, apk or brew, as root or with sudo.
set -eu

need=${1:-build}
missing=""
lacks() { ! command -v "$1" >/dev/null 2>&1; }
# want TEST-RESULT DEBIAN FEDORA ALPINE HOMEBREW REASON
want() {
    case $manager in
        apt-get) package=$1 ;;
        dnf) package=$2 ;;
        apk) package=$3 ;;
        brew) package=$4 ;;
    esac
    [ "$package" = - ] && return 0
    missing="$missing $package"
    echo "setup: $package is missing: $5" >&2
}

manager=""
for m in apt-get dnf apk brew; do
    if ! lacks $m; then manager=$m; break; fi
done

has_header() { echo "#include <$1>" | ${CC:-cc} -E - >/dev/null 2>&1; }

if lacks cargo; then
    echo "setup: cargo is missing: install Rust (rustup.rs, or your distribution's rustup) and run this again" >&2
    exit 2
fi
if [ -z "$manager" ]; then
    if lacks cc || ! has_header pcap.h; then
        echo "setup: no apt-get, dnf, apk or brew here: install a C compiler and libpcap's headers yourself" >&2
        exit 2
    fi
    exit 0
fi

lacks cc && want build-essential gcc build-base gcc "a C compiler and linker (SQLite and jemalloc are built in)"
lacks make && want make make make make "builds jemalloc"
if lacks cc || ! has_header pcap.h; then
    want libpcap-dev libpcap-devel libpcap-dev libpcap "libpcap's headers (live capture)"
fi
if [ "$need" = test ]; then
    lacks python3 && want python3 python3 python3 python "drives the comparison with other tools"
    lacks ip && want iproute2 iproute iproute2 - "network namespaces for the live tests"
    lacks curl && want curl curl curl curl "asks the daemon's pages"
    lacks nginx && [ ! -x /usr/sbin/nginx ] && want nginx-light nginx nginx nginx "a real web server to judge"
    lacks chromium && [ ! -x /usr/bin/chromium ] && want chromium chromium chromium chromium "a real browser that decides"
    lacks firefox-esr && lacks firefox && want firefox-esr firefox firefox-esr - "a second browser for the report's page"
    lacks promtool && want prometheus golang-github-prometheus prometheus prometheus "judges the metrics"
    lacks amtool && want prometheus-alertmanager alertmanager alertmanager - "brings an alert to a webhook"
    lacks tshark && want tshark wireshark-cli tshark wireshark "judges what is read from the wire"
    lacks sqlite3 && want sqlite3 sqlite sqlite sqlite "reads the database as other people do"
    lacks tcpreplay && want tcpreplay tcpreplay tcpreplay tcpreplay "sends captures through an interface"
    lacks systemd-analyze && want systemd systemd - - "judges the service's unit"
    lacks strace && want strace strace strace - "lists the system calls that the unit has to allow"
    lacks lintian && want lintian - - - "judges the Debian package"
    lacks zstd && want zstd zstd zstd zstd "packs captures"
fi
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ] && [ "$manager" != brew ]; then
    if lacks sudo; then
        echo "setup: run as root, or install:$missing" >&2
        exit 2
    fi
    as_root=sudo
fi
case $manager in
    apt-get)
        $as_root apt-get update -q
        # shellcheck disable=SC2086 # a list of packages
        DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing
        ;;
    # shellcheck disable=SC2086
    dnf) $as_root dnf install -y $missing ;;
    # shellcheck disable=SC2086
    apk) $as_root apk add $missing ;;
    # shellcheck disable=SC2086
    brew) brew install $missing ;;
esac
