package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const damagedModel = `ashlar: 1
name: notes
tables:
  notes:
    fields: {text: {type: text}}
    access: {read: true}
`

// TestDamage checks the message of every command about a database that it cannot use.
func TestDamage(t *testing.T) {
	effort.SkipRaced(t)
	for _, tt := range []struct {
		name    string
		damage  func(t *testing.T, file string)
		command string
		want    string
	}{
		{"half a file", half, "migrate app --verify", "ashlar.db is damaged: restore it from a backup"},
		{"half a file", half, "serve app --listen 127.0.0.1:0", "ashlar.db is damaged: restore it from a backup"},
		{"the model", sql(`UPDATE "ashlar_meta" SET "value" = '{' WHERE "id" = 'model'`), "migrate app --plan",
			"the stored model cannot be read: unexpected end of JSON input; restore the database from a backup"},
		{"the model", sql(`UPDATE "ashlar_meta" SET "value" = '{' WHERE "id" = 'model'`), "move app --to elsewhere",
			"the stored model cannot be read: unexpected end of JSON input; restore the database from a backup"},
		{"a later model", sql(`UPDATE "ashlar_meta" SET "value" = '{"ashlar":99}' WHERE "id" = 'model'`), "migrate app",
			"the stored model has format 99, but this server reads formats 1 to 3: use the server version that wrote it, or a later one"},
		{"the history", sql(`UPDATE "ashlar_migrations" SET "steps" = '['`), "migrate app --history",
			"ashlar: 1 change of the history cannot be read completely: only --undo may need it"},
		{"the history", sql(`UPDATE "ashlar_migrations" SET "state" = 'dome'`), "serve app --listen 127.0.0.1:0",
			`entry 1 of the history of the database cannot be read: state: there is no "dome"; restore the database from a backup`},
		{"a table that is gone", sql(`DROP TABLE "users"`), "token app --id 018f0000-0000-7000-8000-0000000000a1",
			"the tables are not as they were made: `ashlar migrate --verify` says what differs: "},
		{"a table of ours that is gone", sql(`DROP TABLE "ashlar_counters"`), "move app --to elsewhere",
			"the database is damaged: restore it from a backup: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.Mkdir("app", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile("app/ashlar.yaml", []byte(damagedModel), 0o600); err != nil {
				t.Fatal(err)
			}
			if said, code := command(t, "migrate", "app"); code != exitOK {
				t.Fatal(said)
			}
			tt.damage(t, filepath.Join("app", ".ashlar", "ashlar.db"))
			said, code := command(t, strings.Fields(tt.command)...)
			if code != exitFault || !strings.Contains(said, tt.want) {
				t.Errorf("exit code %d and %q, want %d and %q", code, said, exitFault, tt.want)
			}
			if ours := regexp.MustCompile(`\b(migrate|record|move|server|web)\.[A-Za-z]+|internal:`).FindString(said); ours != "" {
				t.Errorf("what it says, %q, has our own word %q", said, ours)
			}
		})
	}
}

func half(t *testing.T, file string) {
	t.Helper()
	if err := os.Truncate(file, 9000); err != nil {
		t.Fatal(err)
	}
}

// sql returns a function that runs a statement on the database.
func sql(statement string) func(t *testing.T, file string) {
	return func(t *testing.T, file string) {
		t.Helper()
		db, err := sqlite.Open(t.Context(), file, sqlite.Config{})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(statement, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
