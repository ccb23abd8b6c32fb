package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// withLog runs f on the audit log of a server that runs.
func withLog(t *testing.T, dir string, f func(*app.App)) {
	t.Helper()
	loaded, err := app.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.OpenOrAttach(t.Context(), loaded, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	f(a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAuditBesideARunningServer(t *testing.T) {
	dir := writeApp(t, `
-- ashlar.yaml --
ashlar: 1
name: app
tables:
  notes: {fields: {text: {type: text}}, access: {read: true}}
`)
	startProcess(t, dir)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	withLog(t, dir, func(a *app.App) {
		for i := range 5 {
			err := a.Rows.Transact(t.Context(), caller.System("test"), func(tx *record.Tx) error {
				return a.Audit.Append(tx, audit.Event{Action: "session.ended", Account: fmt.Sprint(i), At: start.AddDate(0, 0, i)})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})

	said, code := command(t, "audit", "verify", dir)
	if code != 0 || !strings.Contains(said, "ok: the audit log is whole, 5 rows") {
		t.Fatalf("verify said %d, %s", code, said)
	}
	_, head, _ := strings.Cut(strings.TrimSpace(said), "head: ")
	if said, code := command(t, "audit", "verify", dir, "--head", head); code != 0 {
		t.Errorf("verify --head said %d, %s", code, said)
	}
	said, _ = command(t, "audit", "export", dir, "--since", "2026-01-04")
	lines := strings.Split(strings.TrimSpace(said), "\n")
	var last audit.Entry
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 2 || last.Hash != head {
		t.Errorf("export said %v, %s", err, said)
	}

	if said, code := command(t, "audit", "trim", dir, "--before", "2026-01-03"); code != 0 || said != "removed 2 rows\n" {
		t.Errorf("trim said %d, %s", code, said)
	}
	if said, code := command(t, "audit", "verify", dir, "--head", head); code != 0 || !strings.Contains(said, "4 rows") {
		t.Errorf("verify after trim said %d, %s", code, said)
	}

	withLog(t, dir, func(a *app.App) {
		err := a.Store.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`UPDATE ashlar_audit SET account = 'eve' WHERE id = 3`, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if said, code := command(t, "audit", "verify", dir); code != 1 || !strings.Contains(said, "ashlar: row 3 of the audit log was changed") {
		t.Errorf("verify of a changed log said %d, %s", code, said)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-01-31":                time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00+02:00": time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC),
		"24h":                       now.Add(-24 * time.Hour),
	} {
		if got, err := parseTime("since", text, now); err != nil || !got.Equal(want) {
			t.Errorf("parseTime(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-1h", "2026-13-01", "0s"} {
		if got, err := parseTime("since", text, now); err == nil {
			t.Errorf("parseTime(%q) = %v, want an error", text, got)
		}
	}
}
