#!/bin/sh
# test_db_doctor.sh -- db doctor in words and in JSON: exit 0 when sound, 15 when not; what it
# repairs, what it salvages, what it refuses.
set -eu
qforge=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"
export QFORGE_CACHE="$dir/cache"

# fails CODE PATTERN ARGUMENT...: exits with CODE and says PATTERN; stdout is kept in `out`.
fails() {
    code=$1 pattern=$2
    shift 2
    got=0
    "$qforge" "$@" >out 2>err || got=$?
    if [ $got -ne "$code" ] || ! grep -q -e "$pattern" err; then
        echo "qforge $*: exit $got"
        cat out err
        exit 1
    fi
}

refused 1 'no ledger there yet' db doctor --db none.db
refused 2 'not both' db doctor --db none.db --repair --salvage out.db
"$qforge" tune --shape 1x64x96 --bits 4 --threads 1 --trials 2 --db t.db >/dev/null 2>&1
"$qforge" db doctor --db t.db >out
grep -q '^t.db: schema [0-9]*, [0-9]* pages' out || { cat out; exit 1; }
tail -n 1 out | grep -q '^t.db: sound$' || { cat out; exit 1; }
"$qforge" db doctor --db t.db --json | grep -q '"sound":true' || exit 1
"$qforge" db doctor --db t.db --repair >out
[ ! -e t.db.repair.bak ] || { echo "a backup, and nothing was repaired"; exit 1; }

# An unfinished session of no process.
before=$("$qforge" db count --db t.db --json)
if command -v python3 >/dev/null && python3 -c 'import sqlite3' 2>/dev/null; then
    python3 -c "import sqlite3
c = sqlite3.connect('t.db')
c.execute(\"update session set state = 'running', ended_us = null, born = born - 1\")
c.commit()"
    fails 15 't.db: 1 finding needs attention' db doctor --db t.db
    grep -q 'warning  1 sessions are open though' out || { cat out; exit 1; }
    fails 15 't.db: 1 finding needs attention' db doctor --db t.db --json
    grep -q '"name":"dead_sessions","severity":"warning","count":1' out || { cat out; exit 1; }
    "$qforge" db doctor --db t.db --repair >out
    grep -q 't.db: repaired; what it was is t.db.repair.bak' out || { cat out; exit 1; }
    "$qforge" db doctor --db t.db.repair.bak >/dev/null 2>&1 && { echo "the backup is mended"; exit 1; }
    [ "$before" = "$("$qforge" db count --db t.db --json)" ] || exit 1
fi

# Cut: one line that names it and says how to salvage.
size=$(wc -c <t.db)
head -c $((size - 8192)) t.db >cut.db
cp cut.db cut.before
refused 15 'cut.db: is damaged; .qforge db doctor --salvage OUT' db doctor --db cut.db
refused 15 'cut.db: is damaged' db doctor --db cut.db --repair
"$qforge" db doctor --db cut.db --salvage new.db >out
grep -q '^new.db: [1-9][0-9]* rows kept' out || { cat out; exit 1; }
cmp cut.db cut.before || { echo "salvaging changed its source"; exit 1; }
"$qforge" db check --db new.db >/dev/null
refused 2 'new.db: is there already' db doctor --db cut.db --salvage new.db
"$qforge" db doctor --db t.db --salvage json.db --json | grep -q '"refused":0,"unreadable":0' || exit 1
[ "$before" = "$("$qforge" db count --db json.db --json)" ] || exit 1
echo 'a letter' >letter.db
refused 15 'letter.db' db doctor --db letter.db
refused 15 'letter.db' db doctor --db letter.db --salvage other.db
[ ! -e other.db ] || { echo "salvaging nothing made a ledger"; exit 1; }
