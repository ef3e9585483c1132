#!/bin/sh
# `qforge report tuning`: a page of what a ledger holds; in a browser, where there is one,
# everything is where it can be read.
set -eu
qforge=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export QFORGE_CACHE="$dir/cache" HOME="$dir"
. "$QFORGE_SOURCE/tests/check/refusal.sh"

fail() { echo "FAIL: $*" >&2; exit 1; }

refused 1 'no ledger there yet' report tuning --db none.db
"$qforge" tune --shape 4x64x64 --bits 4,2 --recipe fast --threads 1 --trials 5 --db t.db >/dev/null 2>&1 ||
    { echo "skipped: no kernels for this CPU"; exit 77; }
"$qforge" tune --shape 16x128x64 --bits 3 --recipe exact --threads 1 --trials 6 --db t.db \
    >/dev/null 2>&1
"$qforge" report tuning --db t.db --threads 1 -o page.html >out
grep -q '^page.html$' out || fail "$(cat out)"
for text in 'of 3 products on 1 kind of machine' Convergence Coverage Champions Verdicts \
    fast_q4g64_4x64x64_t1 fast_q2g64_4x64x64_t1 exact_q3g64_16x128x64_t1 'fp32 roof' 'byte roof'; do
    grep -q "$text" page.html || fail "no '$text' in the page"
done
grep -qi 'NaN\|-inf\|http' page.html && fail "$(grep -io 'NaN\|-inf\|http[^"]*' page.html | head -3)"
"$qforge" report tuning --db t.db --no-roofs -o plain.html >out
grep -q 'fp32 roof' plain.html && fail "--no-roofs is ignored"
refused 1 '/nowhere/page.html' report tuning --db t.db --no-roofs -o /nowhere/page.html
echo noise >noise.db
refused 15 'noise.db' report tuning --db noise.db

command -v chromium >/dev/null || { echo "no chromium: the page was not looked at"; exit 0; }
# A page that measures the other, at the width of a telephone and of a screen.
cat >measure.html <<'END'
<!DOCTYPE html><title>waiting</title><iframe id="f" src="page.html"></iframe><script>
const frame = document.getElementById('f');
frame.onload = () => {
  const wrong = [], page = frame.contentDocument;
  for (const width of [400, 1200]) {
    frame.style.width = width + 'px';
    const over = page.documentElement.scrollWidth - frame.contentWindow.innerWidth;
    if (over > 0) wrong.push(`at ${width} px wide the page is ${over} px too wide`);
    const charts = page.querySelectorAll('svg');
    if (charts.length !== 8) wrong.push(`${charts.length} charts, not 8`);
    for (const svg of charts) {
      const outer = svg.getBoundingClientRect();
      if (outer.width < 200 || outer.height < 100) wrong.push('a chart has no size');
      for (const part of svg.querySelectorAll('text, circle, path')) {
        const box = part.getBoundingClientRect();
        if (box.left < outer.left - 2 || box.right > outer.right + 2 ||
            box.top < outer.top - 2 || box.bottom > outer.bottom + 2)
          wrong.push(`${part.tagName} '${part.textContent}' leaves its chart`);
      }
    }
  }
  if (page.querySelectorAll('tbody tr').length < 4) wrong.push('rows are missing');
  if (frame.contentWindow.performance.getEntriesByType('resource').length)
    wrong.push('the page loads something');
  document.title = wrong.length ? 'wrong: ' + wrong.join('; ') : 'all is well';
};
</script>
END
timeout 120 chromium --headless --no-sandbox --disable-gpu --allow-file-access-from-files \
    --virtual-time-budget=10000 --dump-dom "file://$dir/measure.html" >dom 2>log || true
grep -q '<title>all is well</title>' dom ||
    fail "in a browser: $(sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' dom)$(tail -2 log)"
