#!/bin/sh
# test_shell.sh -- shellcheck has nothing to say about our scripts.
set -eu
command -v shellcheck >/dev/null || exit 77
cd "$QFORGE_SOURCE"
scripts=$(find . -path './build*' -prune -o -name '*.sh' -print)
# shellcheck disable=SC2086 # no spaces in our names
shellcheck -s sh -S warning run .ci/run $scripts
