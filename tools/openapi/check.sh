#!/usr/bin/env bash
# Outside checks of /openapi.json: a linter (Redocly), a TypeScript client generated from it (@hey-api/openapi-ts) that must
# compile in strict mode, and a smoke test of that client against a server of the careers example.
# Node.js is used here and nowhere else; without it this says so and does nothing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
out="$here/out"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "SKIPPED: the outside checks of the OpenAPI document need Node.js 20 or later with npm, which is not installed" >&2
	exit 0
fi

step() {
	local start=$SECONDS
	printf '\n-- %s\n' "$1"
	shift
	"$@"
	printf -- '-- took %d s\n' $((SECONDS - start))
}

rm -rf "$out"
mkdir -p "$out"
cd "$here"
step "install what package-lock.json names" npm ci --silent --no-progress

# The page at /docs is Swagger UI as it is published.
vendored() {
	local file
	for file in swagger-ui-bundle.js swagger-ui.css; do
		gzip -dc "$root/internal/openapi/docs/$file.gz" | cmp - "node_modules/swagger-ui-dist/$file"
	done
}
step "compare the vendored page with the package" vendored

(cd "$root" && CGO_ENABLED=0 "${GO:-go}" build -trimpath -buildvcs=false -o "$out/ashlar" ./cmd/ashlar)
cp -R "$root/examples/careers" "$out/app"
rm -rf "$out/app/.ashlar"
token="$("$out/ashlar" token --id 018f0000-0000-7000-8000-000000000e0e --role editor "$out/app" | tail -n 1)"
port="$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')"
base="http://127.0.0.1:$port"
"$out/ashlar" serve "$out/app" --listen "127.0.0.1:$port" >"$out/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT

for _ in $(seq 50); do
	node -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$base/readyz" && ready=yes && break
	sleep 0.2
done
if [ -z "${ready:-}" ]; then
	cat "$out/server.log" >&2
	echo "the server did not start" >&2
	exit 1
fi
wc -c "$out/ashlar" | awk '{ printf "the binary has %.1f MB\n", $1 / 1e6; exit ($1 > 45e6) }'
node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => require("fs").writeFileSync(process.argv[2], t))' "$base/openapi.json" "$out/openapi.json"

export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
step "lint" npx --no-install redocly lint --config redocly.yaml "$out/openapi.json"
step "every pattern is a regular expression of ECMA-262" node patterns.mjs "$out/openapi.json"
step "generate a client" npx --no-install openapi-ts --input "$out/openapi.json" --output "$out/client" --client @hey-api/client-fetch
step "compile it in strict mode" npx --no-install tsc
step "use it" node "$out/js/smoke.js" "$base" "$token"
printf '\nthe outside checks hold\n'
