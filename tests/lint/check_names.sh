#!/bin/sh
# check_names.sh ROOT -- file names, sizes and words: prints what breaks the rules of the
# house and fails if anything does.
set -eu
cd "$1"
bad=0

# What the repository holds; without git, what lies here and was not built.
list_files()
{
    if git rev-parse --show-toplevel >/dev/null 2>&1 &&
        [ "$(git rev-parse --show-toplevel)" = "$(pwd -P)" ]; then
        git ls-files --cached --others --exclude-standard
    else
        find . -path './build*' -prune -o -path './.*/*' -prune -o -type f -print |
            sed 's|^\./||'
    fi | while read -r path; do
        if [ -f "$path" ]; then echo "$path"; fi
    done
}

complain()
{
    if [ -n "$1" ]; then
        echo "$1"
        bad=1
    fi
}

files=$(list_files)
sources=$(echo "$files" | grep -E '\.(c|h|def|sql|sh)$' || true)

# One name, one file: a name then says everything.
complain "$(echo "$files" | grep -v -E '(^|/)(CMakeLists\.txt|README\.md|\.[^/]*|run)$' |
    sed 's|.*/||' | sort | uniq -d | sed 's|$|: more than one file has this name|')"

complain "$(echo "$files" |
    grep -iE '(^|/)(utils?|common|misc|helpers?|managers?)(\.|/|_)|_(utils?|common|misc|helpers?|managers?)\.' |
    sed 's|$|: says nothing about what is inside|')"

# shellcheck disable=SC2086 # one word per file, by the rule above
complain "$(for path in $sources; do
    lines=$(wc -l <"$path")
    if [ "$lines" -gt 600 ]; then echo "$path: $lines lines, 600 are the limit"; fi
done)"

c_files=$(echo "$sources" | grep '\.c$' || true)
# With one brace style a body is what stands between lines of a lone brace.
# shellcheck disable=SC2086
complain "$(awk '
    FNR == 1 { start = 0 }
    /^\{/ { start = FNR }
    /^\}/ {
        if (start && FNR - start - 1 > 70)
            print FILENAME ":" start ": a function of " FNR - start - 1 " lines, 70 are the limit"
        start = 0
    }' $c_files </dev/null)"

# Spelt in halves so that this file does not hold them.
words="TO""DO|FIX""ME|XX""X:|not imple""mented|/wo""rk/|/ro""ot/"
# shellcheck disable=SC2086
complain "$(grep -nE "$words" $files /dev/null | cut -c -160 | sed 's|$|  <- forbidden word|')"

exit $bad
