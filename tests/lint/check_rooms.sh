#!/bin/sh
# check_rooms.sh ROOT -- prints every #include that breaks the layering of
# ROOT/tests/lint/rooms.txt and fails if there is one.
set -eu
cd "$1"

find . -path './build*' -prune -o -path './.*/*' -prune -o \
    \( -name '*.c' -o -name '*.h' -o -name '*.def' \) -print | sort |
awk '
function complain(text) { print text; bad = 1 }

# The room of a path "./room/...", or the one that owns the header.
function room_of(path,   part) {
    if (path in owner) return owner[path]
    split(path, part, "/")
    return part[2]
}

function exists(path,   line, found) {
    if (path in known) return known[path]
    found = (getline line < path) >= 0
    close(path)
    return known[path] = found
}

# Where a quoted include leads: beside the file, or from a directory of the search path.
function resolve(path, name,   beside) {
    beside = path
    sub(/[^\/]*$/, "", beside)
    if (exists(beside name)) return beside name
    if (exists("./" name)) return "./" name
    if (exists("./" room_of(path) "/" name)) return "./" room_of(path) "/" name
    if (exists("./include/" name)) return "./include/" name
    if (exists("./tests/check/" name)) return "./tests/check/" name
    return ""
}

function allowed(from, to) { return from == to || (from, to) in stands_on }

function check_quoted(path, line, name,   target, room) {
    target = resolve(path, name)
    if (target == "") return complain(path ":" line ": no file \"" name "\"")
    while (target ~ /\/[^\/.]+\/\.\.\//) sub(/\/[^\/.]+\/\.\.\//, "/", target)
    room = room_of(target)
    if (!allowed(room_of(path), room))
        complain(path ":" line ": " room_of(path) " may not include \"" name "\" of " room)
}

function check_system(path, line, name,   prefix) {
    for (prefix in only)
        if (index(name, prefix) == 1 && !((prefix, room_of(path)) in lives_in))
            complain(path ":" line ": <" name "> may appear in " only[prefix] " only")
}

function read_rules(file,   line, word, n, i) {
    while ((getline line < file) > 0) {
        n = split(line, word, " ")
        if (word[1] == "room") {
            for (i = 3; i <= n; i++) {
                if (!(word[i] in rooms))
                    complain(file ": " word[2] " names " word[i] ", which is not above it")
                stands_on[word[2], word[i]] = 1
            }
            rooms[word[2]] = 1
        } else if (word[1] == "owns") {
            for (i = 3; i <= n; i++) owner["./include/qforge/" word[i]] = word[2]
        } else if (word[1] == "only") {
            for (i = 3; i <= n; i++) {
                lives_in[word[2], word[i]] = 1
                only[word[2]] = only[word[2]] (i > 3 ? ", " : "") word[i]
            }
        } else if (n && word[1] !~ /^#/)
            complain(file ": \"" line "\" is no rule")
    }
}

BEGIN { read_rules("tests/lint/rooms.txt") }

{
    path = $0
    files++
    if (!(room_of(path) in rooms)) complain(path ": in no room of rooms.txt")
    line = 0
    while ((getline text < path) > 0) {
        line++
        if (text !~ /^[ \t]*#[ \t]*include/) continue
        split(text, part, /[<>"]/)
        if (text ~ /"/) check_quoted(path, line, part[2])
        else check_system(path, line, part[2])
    }
    close(path)
}

END {
    if (!files) complain("no source files here")
    exit bad
}'
