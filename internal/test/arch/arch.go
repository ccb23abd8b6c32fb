// Package arch tests the source of the module for its rules of structure: about imports, the place of SQL, globals and
// goroutines.
package arch

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/ashlar-dev/ashlar"

// rows is the order of the packages under internal. TestArchitectureTable makes the table in docs/architecture.md from it.
// A package imports only from rows above its own. Some of the packages do not exist yet.
var rows = [...][]string{
	{"errs", "suggest", "apilimit", "background", "disk", "cgroup", "systemd", "takeover", "pieces", "rest", "telemetry/lookback"},
	{"caller", "telemetry/jsonline", "job/cron"},
	{"telemetry", "cache", "admit"},
	{"outbound", "webhook"},
	{"model", "backup/target", "telemetry/trace", "telemetry/profile"},
	{"value", "indexing", "model/load", "model/diff", "model/snapshot", "telemetry/objective", "telemetry/refusal", "limit"},
	{"rule", "portable", "record/cursor", "record/render"},
	{"sqlgen"},
	{"store"},
	{"system", "record/budget", "record/gate", "record/input", "store/engine", "telemetry/archive", "telemetry/metric"},
	{"store/sqlite", "store/postgres"},
	{"migrate/plan", "view", "record/statement", "telemetry/monitor", "telemetry/deploy", "telemetry/cost", "telemetry/incident", "telemetry/watch"},
	{"migrate/sqlite", "migrate/postgres", "record/shape"},
	{"migrate"},
	{"record", "move"},
	{"backup", "job", "feed", "advise", "mail", "alert", "audit", "telemetry/fleet", "limit/pgledger", "limit/redisledger", "backup/schedule", "identity/token", "identity/password", "identity/session", "identity/apikey", "identity/totp", "identity/passkey", "identity/oidc"},
	{"identity/account", "mail/outbox", "job/action", "job/change", "job/clock", "job/request", "job/start", "webhook/delivery", "web/netconn", "web/proxyproto", "web/tlscert"},
	{"web", "web/passkey"},
	{"web/api", "web/account", "web/mailbox", "web/live", "web/work", "web/webhooks", "web/console", "web/openapi", "web/health", "web/operate", "web/home"},
	{"web/account/pages", "web/console/backups", "web/console/certificates", "web/console/operation", "web/console/work"},
	{"app/seed", "doctor"},
	{"app"},
	{"cli"},
}

// rowOf returns the index of a package's row, or -1. The name is relative to internal.
func rowOf(name string) int {
	return slices.IndexFunc(rows[:], func(row []string) bool { return slices.Contains(row, name) })
}

// isHelper returns true for packages that only tests use, such as test/oracle and store/storetest.
func isHelper(name string) bool {
	return strings.HasPrefix(name, "test/") || strings.HasSuffix(name, "test")
}

// homes lists modules of others that only a few packages may import. So each can be replaced in one place. Tests may
// import anything.
var homes = [...]struct {
	path string   // an import path, or a prefix with a final slash
	in   []string // packages under internal
	why  string   // for the message
}{
	{"cel.dev/cel-go/", []string{"rule"}, "everything else works on rule's conditions"},
	{"code.dny.dev/ssrf", []string{"outbound"}, "only outbound decides which addresses are public"},
	{"database/sql", nil, "engines use their driver's own interface, which is faster and says more (measured in docs/decisions/0001)"},
	{"filippo.io/age", []string{"backup"}, "only backup locks files"},
	{"github.com/coreos/go-oidc/v3", []string{"identity/oidc"}, "only oidc knows providers"},
	{"github.com/go-jose/go-jose/v4", []string{"identity/token", "identity/oidc", "web/netconn"}, "credentials are read in one place"},
	{"github.com/go-webauthn/webauthn", []string{"identity/passkey"}, "only passkey knows WebAuthn's library"},
	{"github.com/gomodule/redigo", []string{"limit/redisledger"}, "only redisledger knows Redis"},
	{"github.com/google/pprof", []string{"telemetry/profile"}, "only profile reads profiles"},
	{"github.com/jackc/pgx/v5", []string{"store/postgres"}, "only the engine knows its driver"},
	{"github.com/maypok86/otter/v2", []string{"cache"}, "only cache knows how entries are dropped"},
	{"github.com/minio/minio-go/v7", []string{"backup/target"}, "only backup/target knows buckets"},
	{"github.com/prometheus/", []string{"telemetry/metric"}, "only metric knows the library of Prometheus"},
	{"github.com/schollz/progressbar/v3", []string{"cli"}, "only the command line has a terminal"},
	{"github.com/spf13/cobra", []string{"cli"}, "only the command line knows its library"},
	{"github.com/santhosh-tekuri/jsonschema/v6", []string{"model/load", "value"}, "model/load compiles the schemas of fields, value checks against them"},
	{"github.com/wneessen/go-mail", []string{"mail"}, "only mail knows how a mail is encoded and sent"},
	{"go.opentelemetry.io/", []string{"telemetry/trace"}, "only trace knows OpenTelemetry's libraries"},
	{"go.yaml.in/yaml/v4", []string{"model/load"}, "only model/load reads model files"},
	{"golang.org/x/crypto", []string{"identity/password", "identity/token", "web/tlscert"}, "secrets are handled in few places"},
	{"golang.org/x/oauth2", []string{"identity/oidc"}, "only oidc knows providers"},
	{"modernc.org/libc", []string{"store/sqlite"}, "only the engine knows its driver"},
	{"modernc.org/sqlite", []string{"store/sqlite"}, "only the engine knows its driver"},
	{"rsc.io/qr", []string{"identity/totp"}, "only totp makes QR codes"},
	{"zombiezen.com/go/sqlite", []string{"store/sqlite", "telemetry/archive"}, "only the engine and the telemetry database know the driver"},
}

// checkImport returns a complaint about the import of path in the package from, or "". from is relative to internal.
func checkImport(from, path string) string {
	if to, ok := strings.CutPrefix(path, module+"/internal/"); ok {
		return checkInternal(from, to)
	}
	if strings.HasPrefix(path, module+"/") {
		return fmt.Sprintf("%s imports %s, which is not under internal", from, path)
	}
	for _, home := range homes {
		if covers(home.path, path) && !slices.Contains(home.in, from) && !isHelper(from) {
			return fmt.Sprintf("%s imports %s: %s", from, path, home.why)
		}
	}
	return ""
}

func covers(home, path string) bool {
	home = strings.TrimSuffix(home, "/")
	return path == home || strings.HasPrefix(path, home+"/")
}

func checkInternal(from, to string) string {
	if isHelper(to) && !isHelper(from) {
		return fmt.Sprintf("%s imports %s, which is for tests alone", from, to)
	}
	if isHelper(from) {
		return ""
	}
	above, own := rowOf(to), rowOf(from)
	switch {
	case own < 0 || above < 0:
		return "" // TestImportOrder reports packages without a row
	case above == own:
		return fmt.Sprintf("%s imports its neighbour %s: move what both need into a row above, or pass it as a value", from, to)
	case above > own:
		return fmt.Sprintf("%s imports %s, which stands below it: declare a small interface in %s and let a package below pass the thing in", from, to, from)
	case rows[above][0] == "store/sqlite" && from != "app" && from != "app/seed" && from != "doctor" && from != "cli":
		return fmt.Sprintf("%s imports the engine %s: use the interface of store, and let app open the engine", from, to)
	}
	return ""
}
