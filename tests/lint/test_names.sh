#!/bin/sh
# test_names.sh -- names, sizes and words, and that the check can tell.
set -eu
lint=$QFORGE_SOURCE/tests/lint
sh "$lint/check_names.sh" "$QFORGE_SOURCE"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/a" "$tree/b"

# broken TEXT FILE: the check must fail and say TEXT.
broken()
{
    if said=$(sh "$lint/check_names.sh" "$tree"); then
        echo "not noticed: $2"
        exit 1
    fi
    case $said in
    *"$1"*) ;;
    *)
        echo "said '$said' of $2"
        exit 1
        ;;
    esac
    rm "$tree/$2"
}

echo 'int x;' >"$tree/a/fine.c"
sh "$lint/check_names.sh" "$tree"
echo 'int y;' >"$tree/b/fine.c" && broken 'more than one file' b/fine.c
echo 'int y;' >"$tree/b/utils.c" && broken 'says nothing' b/utils.c
echo 'int y;' >"$tree/b/string_helpers.h" && broken 'says nothing' b/string_helpers.h
yes 'int y;' | head -601 >"$tree/b/long.c" && broken '600 are the limit' b/long.c
{
    printf 'void f(void)\n{\n'
    yes '    g();' | head -71
    echo '}'
} >"$tree/b/body.c" && broken '70 are the limit' b/body.c
echo "/* TO""DO later */" >"$tree/b/later.c" && broken 'forbidden word' b/later.c
echo "see /ro""ot/x" >"$tree/b/page.md" && broken 'forbidden word' b/page.md
