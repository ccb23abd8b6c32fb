#!/usr/bin/env bash
# Outside checks of /openapi.json: a linter (Redocly), and clients that generators make from it. Each must compile, and is
# then used against a server: hey-api, openapi-typescript with openapi-fetch, oapi-codegen and openapi-python-client; with
# ALL_GENERATORS=1 also ogen and openapi-generator (Java, Python).
# Node.js, Python and Java are used here and nowhere else; what is not installed is said and left out.
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
printf "module out\n" > "$out/go.mod" # so that the tools do not count what is made here as theirs
cd "$here"
step "install what package-lock.json names" npm ci --silent --no-progress

# The page at /docs is Swagger UI as it is published.
vendored() {
	local file
	for file in swagger-ui-bundle.js swagger-ui.css; do
		gzip -dc "$root/internal/web/openapi/docs/$file.gz" | cmp - "node_modules/swagger-ui-dist/$file"
	done
}
step "compare the vendored page with the package" vendored

# With the flags of make build: symbols and debug data are a third of the file, and nobody ships them. The bound grows with
# what the binary can do: 60 MB is the budget of a whole backend.
(cd "$root" && CGO_ENABLED=0 "${GO:-go}" build -trimpath -buildvcs=false -ldflags '-s -w' -o "$out/ashlar" ./cmd/ashlar)
wc -c "$out/ashlar" | awk '{ printf "the binary has %.1f MB\n", $1 / 1e6; exit ($1 > 55e6) }'

servers=()
trap 'for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done; true' EXIT

# serve NAME starts a server of $out/NAME/app. It sets base to its address, token to an editor's token, and writes
# $out/NAME.json, the document.
serve() {
	local app="$out/$1/app" port
	token="$("$out/ashlar" token --id 018f0000-0000-7000-8000-000000000e0e --role editor "$app" | tail -n 1)"
	port="$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')"
	base="http://127.0.0.1:$port"
	"$out/ashlar" serve "$app" --listen "127.0.0.1:$port" >"$out/$1/server.log" 2>&1 &
	servers+=("$!")
	for _ in $(seq 50); do
		if node -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$base/readyz"; then
			node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => require("fs").writeFileSync(process.argv[2], t))' "$base/openapi.json" "$out/$1.json"
			return
		fi
		sleep 0.2
	done
	cat "$out/$1/server.log" >&2
	echo "the server of $1 did not start" >&2
	exit 1
}

mkdir -p "$out/careers" "$out/every/app"
cp -R "$root/examples/careers" "$out/careers/app"
rm -rf "$out/careers/app/.ashlar"
cp "$root/internal/web/openapi/testdata/every.yaml" "$out/every/app/ashlar.yaml" # every type of field
serve careers
careers="$base" careers_token="$token"
serve every

export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
for name in careers every; do
	step "lint $name" npx --no-install redocly lint --config redocly.yaml "$out/$name.json"
	step "every pattern is a regular expression of ECMA-262" node patterns.mjs "$out/$name.json"
done
step "generate with hey-api" npx --no-install openapi-ts --input "$out/careers.json" --output "$out/client" --client @hey-api/client-fetch
step "generate with openapi-typescript" npx --no-install openapi-typescript "$out/every.json" -o "$out/every.ts" --default-non-nullable=false
step "compile both in strict mode" npx --no-install tsc
step "use the client of hey-api" node "$out/js/smoke.js" "$careers" "$careers_token"
step "use the client of openapi-fetch" node "$out/js/fetch.js" "$base" "$token"

# go_client NAME GENERATE… makes a client in Go within a copy of clients/NAME, and uses it.
go_client() {
	local dir="$out/$1"
	shift
	(cd "$dir" && "${GO:-go}" tool "$@" && "${GO:-go}" build -o smoke . && ./smoke "$base" "$token")
}
cp -R clients/go clients/ogen "$out"
mkdir -p "$out/go/client"
step "oapi-codegen" go_client go oapi-codegen -config config.yaml ../every.json

python="$out/venv/bin"
python_client() {
	"$python/openapi-python-client" generate --path "$out/every.json" --output-path "$out/python" --meta poetry
	"$python/pip" install --quiet "$out/python" # its version must be one that Python knows
	"$python/python" clients/python/openapi_python_client.py "$base" "$token"
}
if python3 -c 'import venv, ensurepip' 2>/dev/null; then
	step "install what requirements.txt names" bash -c 'python3 -m venv "$1" && "$1/bin/pip" install --quiet -r clients/python/requirements.txt' - "$out/venv"
	step "openapi-python-client" python_client
else
	echo "SKIPPED: the client in Python needs Python 3 with venv, which is not installed" >&2
fi

# The slower generators: make nightly.
generator() { "$python/openapi-generator-cli" generate -i "$out/every.json" -o "$out/$1" -g "${@:2}" >"$out/$1.log" 2>&1 || { cat "$out/$1.log"; return 1; }; }
generator_python() {
	generator generator-python python
	"$python/pip" install --quiet "$out/generator-python"
	"$python/python" clients/python/openapi_generator.py "$base" "$token"
}
generator_java() {
	generator java java --library native
	(cd "$out/java" && mvn -q -B -DskipTests -Dmaven.javadoc.skip=true -Dmaven.source.skip=true package)
	javac -cp "$out/java/target/classes:$out/java/target/lib/*" -d "$out/java" clients/java/Smoke.java
	java -cp "$out/java:$out/java/target/classes:$out/java/target/lib/*" Smoke "$base" "$token"
}
if [ -n "${ALL_GENERATORS:-}" ]; then
	mkdir -p "$out/ogen/client"
	step "ogen" go_client ogen ogen --target client --package client --clean ../every.json
	if [ -x "$python/python" ] && command -v java >/dev/null; then
		step "openapi-generator for Python" generator_python
	else
		echo "SKIPPED: openapi-generator needs Python 3 with venv, and Java" >&2
	fi
	if [ -x "$python/python" ] && command -v mvn >/dev/null && command -v javac >/dev/null; then
		step "openapi-generator for Java" generator_java
	else
		echo "SKIPPED: the client in Java needs a JDK and Maven" >&2
	fi
fi
printf '\nthe outside checks hold\n'
