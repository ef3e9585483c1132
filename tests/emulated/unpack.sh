#!/bin/sh
# unpack.sh -- Debian packages of another release or architecture, and all they need, unpacked
# beside everything else.  Nothing is installed.
#
#     unpack.sh DIRECTORY SUITE ARCHITECTURE PACKAGE...
#
# apt downloads as if for an empty machine; the files end in DIRECTORY/root.  77 when they
# cannot be had.
set -eu
at=$1 suite=$2 architecture=$3
shift 3
wanted="$suite $architecture $*"
[ "$(cat "$at/holds" 2>/dev/null)" != "$wanted" ] || exit 0
rm -rf "$at"
mkdir -p "$at/lists/partial" "$at/cache/archives/partial"
at=$(cd "$at" && pwd)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
if ! command -v apt-get >/dev/null || [ ! -e "$keys" ]; then
    echo "no apt of Debian's here" >&2
    exit 77
fi
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -n -E 's/^deb (\[[^]]*\] )?(https?:[^ ]*debian)\/? .*/\2/p; s/^URIs: *(https?:[^ ]*debian)\/? *$/\1/p' | head -1)
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" >"$at/sources.list"
: >"$at/status"

apt()
{
    LC_ALL=C apt-get -q -o Dpkg::Use-Pty=0 -o Dir::Etc::sourcelist="$at/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$at/lists" \
        -o Dir::Cache="$at/cache" -o Dir::State::status="$at/status" \
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Acquire::Retries=2 "$@"
}

if ! { apt update && apt -y --no-install-recommends --download-only install "$@"; } >"$at/log" 2>&1; then
    tail -2 "$at/log" >&2
    echo "$* cannot be had from ${mirror:-deb.debian.org}" >&2
    exit 77
fi
for package in "$at"/cache/archives/*.deb; do dpkg -x "$package" "$at/root"; done
rm -rf "$at/cache" "$at/lists"
echo "$wanted" >"$at/holds"
