#!/bin/sh
# Makes the Debian package: packaging/deb.sh [BINARY [FOLDER]], by default of target/release/corstap into target/debian.
# Needs dpkg-dev and gzip. VERSION=… overrides Cargo.toml's; XZ_LEVEL=1 packs faster.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
binary=$(realpath "${1:-$top/target/release/corstap}")
out=${2:-$top/target/debian}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$top/Cargo.toml" | head -1)}
arch=$(dpkg --print-architecture)
name=corstap_${version}_$arch
mkdir -p "$out"
out=$(realpath "$out")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/$name

install -D -m 755 "$binary" "$root/usr/bin/corstap"
strip --remove-section=.comment --remove-section=.note "$root/usr/bin/corstap"
install -D -m 644 "$here/corstap.service" "$root/lib/systemd/system/corstap.service"
# A file that everybody edits has to stay as it is from version to version, or each upgrade would ask what to do with it.
install -D -m 644 "$here/corstap.toml" "$root/etc/corstap/corstap.toml"

# Pages and completions, made of the program's own flags.
"$binary" manual "$work/manual"
mkdir -p "$root/usr/share/man/man1"
for page in "$work"/manual/*.1; do
    gzip -9n <"$page" >"$root/usr/share/man/man1/$(basename "$page").gz"
done
install -D -m 644 "$work/manual/corstap.bash" "$root/usr/share/bash-completion/completions/corstap"
install -D -m 644 "$work/manual/_corstap" "$root/usr/share/zsh/vendor-completions/_corstap"
install -D -m 644 "$work/manual/corstap.fish" "$root/usr/share/fish/vendor_completions.d/corstap.fish"

doc=$root/usr/share/doc/corstap
mkdir -p "$doc/examples" "$root/usr/share/corstap"
"$binary" config print >"$doc/examples/corstap.toml"
cp -r "$top/dashboards" "$root/usr/share/corstap/"
rm -rf "$root/usr/share/corstap/dashboards/tests"
for page in README.md ARCHITECTURE.md docs/runbook.md docs/metrics.md docs/reasons.md docs/events.schema.json; do
    [ ! -e "$top/$page" ] || install -m 644 "$top/$page" "$doc/"
done
find "$root/usr/share" -type d -exec chmod 755 {} +
find "$root/usr/share" -type f -exec chmod 644 {} +
{
    echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
    echo 'Upstream-Name: corstap'
    echo
    echo 'Files: *'
    echo "Copyright: $(sed -n 's/^Copyright (c) //p' "$top/LICENSE" | head -1)"
    echo 'License: Expat'
    sed -n '/^Permission is hereby/,$p' "$top/LICENSE" | sed 's/^$/./; s/^/ /'
} >"$doc/copyright"
{
    printf 'corstap (%s) unstable; urgency=medium\n\n' "$version"
    printf '  * See CHANGELOG.md of the source.\n\n'
    printf ' -- corstap maintainers <maintainers@corstap.invalid>  %s\n' "$(date -R -d @"${SOURCE_DATE_EPOCH:-$(date +%s)}")"
} | gzip -9n >"$doc/changelog.gz"

mkdir -p "$root/DEBIAN"
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"
echo /etc/corstap/corstap.toml >"$root/DEBIAN/conffiles"
mkdir -p "$work/debian"
printf 'Source: corstap\n\nPackage: corstap\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/corstap" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<CONTROL
Package: corstap
Version: $version
Architecture: $arch
Maintainer: corstap maintainers <maintainers@corstap.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Suggests: prometheus, sqlite3
Section: net
Priority: optional
Homepage: https://fetch.spec.whatwg.org/#http-cors-protocol
Description: network tap for CORS
 corstap listens to HTTP traffic beside browsers and servers and says, for
 each cross-origin attempt, what the browser decided, where, why, and what
 to change. It never sends a packet.
 .
 It captures live or reads capture files, records to SQLite, and serves
 metrics for Prometheus with alert rules and dashboards.
CONTROL
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group -Zxz "-z${XZ_LEVEL:-6}" --build "$root" "$out/$name.deb" >/dev/null
echo "$out/$name.deb"
