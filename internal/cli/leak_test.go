package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLeak_PasswordInAnyCommand: no command shows the password of a mistyped address, given in any place.
func TestLeak_PasswordInAnyCommand(t *testing.T) {
	const secret = "S3cr3tPw"
	for _, v := range []string{"ASHLAR_DATABASE_URL", "ASHLAR_DATABASE_DIRECT", "ASHLAR_FROM", "ASHLAR_TO", "ASHLAR_DATA"} {
		t.Setenv(v, "")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte("ashlar: 1\nname: t\ntables:\n  notes: {fields: {body: {type: text}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const good, user = "postgres://user@127.0.0.1:1/db", "018f0000-0000-7000-8000-0000000000a1"
	t.Chdir(t.TempDir()) // a mistyped address may become a folder here
	for _, address := range []string{
		"postgres://user:p@" + secret + "@127.0.0.1:1/db",
		"postgres://user:" + secret + "@127.0.0.1:1/db",
		"postgres://user:12/" + secret + "@127.0.0.1:1/db",
		"postgres://user:" + secret + "@127.0.0.1:port/db",
		"postgres://127.0.0.1:1/db?password=" + secret + "&port=x",
		"postgres:user:" + secret + "@127.0.0.1/db",
		"user:" + secret + "@127.0.0.1/db",
		"host=127.0.0.1 port=1 password = " + secret,
		"host=127.0.0.1 port=1 Password=" + secret,
		`host=127.0.0.1 port=x password='a\' ` + secret + `'`,
		"db.example.com password=" + secret,
		"host=127.0.0.1 port=x sslpassword=" + secret,
	} {
		for _, way := range []struct {
			variable string
			args     []string
		}{
			{"", []string{"serve", dir, "--listen", "127.0.0.1:0", "--database", address}},
			{"", []string{"serve", dir, "--listen", "127.0.0.1:0", "--database", good, "--database-direct", address}},
			{"ASHLAR_DATABASE_URL", []string{"serve", dir, "--listen", "127.0.0.1:0"}},
			{"", []string{"serve", dir, "--listen", "127.0.0.1:0", "--data", address}},
			{"", []string{"serve", dir, address}},
			{"", []string{"serve", address}},
			{"", []string{address}},
			{"", []string{"version", address}},
			{"", []string{"check", address}},
			{"", []string{"serve", dir, "--databse=" + address}},
			{"", []string{"token", "--id", user, dir, "--database", address}},
			{"ASHLAR_DATABASE_URL", []string{"token", "--id", user, dir}},
			{"", []string{"token", "--id", user, dir, "--database", good, "--database-direct", address}},
			{"", []string{"migrate", dir, "--database", address}},
			{"", []string{"migrate", dir, "--verify", "--database", address}},
			{"ASHLAR_DATABASE_URL", []string{"migrate", dir, "--plan"}},
			{"ASHLAR_DATABASE_DIRECT", []string{"migrate", dir, "--database", good}},
			{"", []string{"move", dir, "--to", address}},
			{"", []string{"move", dir, "--from", address, "--to", filepath.Join(dir, "there")}},
			{"ASHLAR_TO", []string{"move", dir}},
			{"ASHLAR_DATABASE_URL", []string{"move", dir, "--to", filepath.Join(dir, "there")}},
		} {
			if way.variable != "" {
				t.Setenv(way.variable, address)
			}
			var out, stderr bytes.Buffer
			code := Run(way.args, &out, &stderr)
			if said := out.String() + stderr.String(); code == 0 || strings.Contains(said, secret) {
				t.Errorf("%s, with %q in %q, ended with %d and said %s", way.args[0], address, way.variable, code, said)
			}
			if way.variable != "" {
				t.Setenv(way.variable, "")
			}
		}
	}
}
