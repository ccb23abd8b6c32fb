package cli

import (
	"os"
	"strings"
	"testing"
)

// A database made by a release with layout 1 says so in its plan, and migrate brings it to the current layout.
func TestOlderLayout(t *testing.T) {
	model, err := os.ReadFile("../migrate/testdata/layout1/ashlar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../migrate/testdata/layout1/ashlar.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("app/.ashlar", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("app/ashlar.yaml", model, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("app/.ashlar/ashlar.db", data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ command, want string }{
		{"migrate app --plan", "First, Ashlar's own tables are brought from layout 1 to layout 3: earlier releases refuse the database then."}, {"migrate app --plan", "steps:\n\n  1. table added: ashlar_accounts"},
		{"serve app --listen 127.0.0.1:0 --migrate=off", "layout 1 of Ashlar's own tables, this release needs layout 3, and --migrate=off forbids to change them: run `ashlar migrate`"},
		{"migrate app --history", "ada@machine"},
		{"migrate app", "Ashlar's own tables were brought from layout 1 to layout 3: earlier releases refuse the database now."},
		{"migrate app --plan", "Nothing to do"},
		{"migrate app --verify", "ok: the tables match"},
		{"migrate app --history", "ada@machine"},
	} {
		said, _ := command(t, strings.Fields(tt.command)...)
		if !strings.Contains(said, tt.want) {
			t.Errorf("%s said %q, want %q", tt.command, said, tt.want)
		}
	}
	if said, _ := command(t, "migrate", "app", "--plan"); strings.Contains(said, "First,") {
		t.Errorf("the second plan still says %q", said)
	}
}
