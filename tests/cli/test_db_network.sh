#!/bin/sh
# test_db_network.sh -- the whole program on what it takes for a network file system: a library
# loaded before the C library's says that every directory is on NFS.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
export QFORGE_CACHE="$dir/cache"

cat >nfs.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/vfs.h>
int statfs(const char *path, struct statfs *system)
{
    int (*real)(const char *, struct statfs *);
    *(void **)&real = dlsym(RTLD_NEXT, "statfs");
    const int code = real(path, system);
    if (code == 0) system->f_type = 0x6969;
    return code;
}
END
cc -shared -fPIC -o nfs.so nfs.c -ldl 2>log || { cat log; exit 77; }
# Neither a static program nor one with a sanitiser can be told so.
LD_PRELOAD="$dir/nfs.so" "$qforge" version >log 2>&1 || { cat log; exit 77; }
ldd "$qforge" 2>/dev/null | grep -q 'libc\.' || exit 77
host=$(uname -n | tr -c 'A-Za-z0-9.\n-' '_')

on_nfs() {
    LD_PRELOAD="$dir/nfs.so" "$qforge" "$@"
}
tune() {
    on_nfs tune --shape "1x${1}x64" --bits 4 --threads 1 --trials 1 --db t.db >out 2>err ||
        { cat err; exit 1; }
}

tune 64
[ -f "t.$host.db" ] && [ ! -e t.db ] && [ ! -e "t.$host.db-wal" ] || { ls; exit 1; }
[ "$(grep -c "^qforge: t.db lies on NFS: this host uses t.$host.db beside it" err)" -eq 1 ] ||
    { cat err; exit 1; }
on_nfs db list --db t.db 2>err | grep -q '1x64x64' # its own, as nothing was gathered
on_nfs db merge --db t.db >out
grep -q "^t.$host.db: 1 sessions and [1-9][0-9]* trials were new" out || { cat out; exit 1; }
[ -f t.db ] && [ ! -e t.db-wal ] || { ls; exit 1; }
# What comes later is seen when it is gathered.
tune 96
cp "t.$host.db" t.other.db # as if another host had been here
on_nfs db list --db t.db >out
if grep -q 1x96x64 out; then echo "seen before it was gathered"; exit 1; fi
on_nfs db merge --db t.db >out
[ "$(wc -l <out)" -eq 2 ] || { cat out; exit 1; }
on_nfs db list --db t.db | grep -q 1x96x64
on_nfs db doctor --db t.db >out
grep -q 'it lies on a network file system: NFS' out || { cat out; exit 1; }
grep -q '2 shards of hosts lie beside it' out || { cat out; exit 1; }
on_nfs db export --db t.db >t.json
on_nfs db import t.json --db new.db >out
on_nfs db export --db new.db | cmp - t.json
got=0
on_nfs db gc --yes --db t.db >out 2>err || got=$?
[ $got -eq 1 ] && grep -q "where this host only changes t.$host.db" err || { cat err; exit 1; }
on_nfs db gc --yes --days 0 --db "t.$host.db" >out
# On a local disk the same files are ledgers as any other.
"$qforge" db check --db t.db >/dev/null
"$qforge" db check --db "t.$host.db" >/dev/null
# Nothing half done is left behind.
for left in *.part *.import* *-journal; do
    [ ! -e "$left" ] || { echo "$left is left behind"; exit 1; }
done
