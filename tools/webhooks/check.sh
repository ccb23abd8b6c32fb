#!/usr/bin/env bash
# Outside check of webhook signatures: the Standard Webhooks libraries for Go, JavaScript and Python verify what package
# webhook signs, it verifies what they sign, and all refuse the same forgeries.
# Node.js and Python are used here and in tools/openapi; what is not installed is said and left out.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
out="$here/out"
rm -rf "$out"
mkdir -p "$out"
printf "module out\n" > "$out/go.mod" # so that the tools do not count what is made here as theirs
cd "$here"

(cd go && "${GO:-go}" build -buildvcs=false -o "$out/peer" .)
peers="$out/peer"
if command -v node >/dev/null && command -v npm >/dev/null; then
	npm ci --silent --no-progress
	peers+=$'\n'"node $here/peer.mjs"
else
	echo "SKIPPED: the library for JavaScript needs Node.js 20 or later with npm, which is not installed" >&2
fi
if python3 -c 'import venv, ensurepip' 2>/dev/null; then
	python3 -m venv "$out/venv"
	"$out/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
	peers+=$'\n'"$out/venv/bin/python $here/peer.py"
else
	echo "SKIPPED: the library for Python needs Python 3 with venv, which is not installed" >&2
fi

cd "$root"
ASHLAR_WEBHOOK_PEERS="$peers" "${GO:-go}" test -count=1 -vet=off -v -run '^TestPeersAgree$' ./internal/webhook >"$out/log" 2>&1 || { cat "$out/log"; exit 1; }
# Without this line a test of another name would be no test at all.
grep -q '^--- PASS: TestPeersAgree' "$out/log" || { cat "$out/log"; echo "the test did not run" >&2; exit 1; }
grep -E '^ +--- PASS' "$out/log"
printf 'the libraries of Standard Webhooks agree\n'
