#!/bin/sh
# sweep.sh QFORGE LEDGER -- measures every kernel of some twenty shapes at three widths: what
# `qforge tune --simulate LEDGER` replays strategies on.  Goes on where it was left; takes the
# better part of an hour.
set -eu
qforge=$1 ledger=$2

# sweep CLASS SHAPE...
sweep()
{
    class=$1
    shift
    for shape in "$@"; do
        "$qforge" tune --strategy exhaustive --threads 1 --recipe "$class" --shape "$shape" \
            --bits 4,3,2 --db "$ledger"
    done
}

sweep fast 1x4096x4096 1x1024x2048 1x288x288 2x2048x2048 3x1024x4096 4x4096x1024 \
    6x2048x2048 8x1024x1024 16x2048x2048 16x768x288 24x1024x2048 32x1024x1024 \
    48x512x2048 64x1024x1024 128x1024x1024 128x2048x512
sweep fine 4x1024x1024 64x1024x512
sweep exact 4x512x512 16x512x1024 64x768x512 128x512x512
