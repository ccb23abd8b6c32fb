package cli

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// placeLayout1 makes an app in the folder notes of a folder, with a database of layout 1.
func placeLayout1(t *testing.T, dir string) {
	t.Helper()
	const kept = "../migrate/testdata/layout1/"
	for from, to := range map[string]string{"ashlar.yaml": "notes/ashlar.yaml", "ashlar.db": "notes/.ashlar/ashlar.db"} {
		data, err := os.ReadFile(kept + from)
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(dir, filepath.FromSlash(to))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// The commands of docs/upgrades.md, one after another, and what they print.
func TestUpgradesGuide(t *testing.T) {
	effort.SkipRaced(t)
	page, err := os.ReadFile("../../docs/upgrades.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	placeLayout1(t, dir)
	t.Chdir(dir)
	said, compared := "", 0
	for _, block := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		switch kind, text := block[1], block[2]; kind {
		case "sh":
			for line := range strings.Lines(text) {
				said = upgradeCommand(t, strings.TrimSpace(line))
			}
		case "":
			compared++
			if !guidePattern(text).MatchString(said) {
				t.Fatalf("the page says\n%s\nand the command\n%s", text, said)
			}
		}
	}
	if compared < 3 {
		t.Errorf("%d answers were compared", compared)
	}
}

// upgradeCommand runs a line of the page. A name with … is the one that is there.
func upgradeCommand(t *testing.T, line string) string {
	t.Helper()
	if args := strings.Fields(line); args[0] == "ashlar" {
		stdout, stderr, err := toEnd(t, 0, args[1:]...)
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != exitDue) {
			t.Fatalf("%s: %v\n%s", line, err, stderr)
		}
		return stdout
	}
	if out, err := exec.Command("sh", "-c", strings.ReplaceAll(line, "before-migration-….db", "before-migration-*.db")).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return ""
}

const upgraded = `
-- ashlar.yaml --
ashlar: 1
name: upgraded
tables:
  posts:
    key: int
    fields: {title: {type: text}}
    access: {read: true}
-- seed/posts.json --
[{"id": 1, "title": "a"}, {"id": 2, "title": "a"}]
`

// version --check tells scripts by its exit code what an upgrade would do.
func TestVersionCheck(t *testing.T) {
	effort.SkipRaced(t)
	dir := writeApp(t, upgraded)
	check := func(code int, want string, args ...string) {
		t.Helper()
		stdout, stderr, err := toEnd(t, 0, append([]string{"version"}, args...)...)
		got := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			got = exit.ExitCode()
		}
		if got != code || !strings.Contains(stdout+stderr, want) {
			t.Errorf("version %v = %d %s%s, want %d and %q", args, got, stdout, stderr, code, want)
		}
	}
	model := filepath.Join(dir, "ashlar.yaml")
	title := func(kind string) {
		t.Helper()
		text := "ashlar: 1\nname: upgraded\ntables:\n  posts:\n    key: int\n    fields: {" + kind + "}\n    access: {read: true}\n"
		if err := os.WriteFile(model, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check(3, "A server makes the database when it starts.", "--check", dir)
	p := startProcess(t, dir)
	check(0, "Nothing to do.", "--check", dir)
	title("title: {type: text}, stars: {type: int, optional: true}")
	check(3, "server:   has the database open", "--check", dir)
	check(3, "change:   field added: posts.stars", "--check", dir)
	check(3, "copy:     none, since nothing is rewritten or lost", "--check", dir)
	if _, err := p.stop(); err != nil {
		t.Fatal(err)
	}
	title("heading: {type: text, optional: true}")
	check(3, "copy:     taken first", "--check", dir)
	check(3, "migrate "+dir+" --allow drop:posts.title", "--check", dir)
	title("title: {type: text, unique: true}")
	check(1, "The upgrade is refused. Nothing was changed.", "--check", dir)
	check(1, "ashlar.yaml:6:", "--check", dir)
	title("title: {type: text}")
	onFile(t, filepath.Join(dir, ".ashlar", "ashlar.db"), func(db store.DB) error {
		return db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec("PRAGMA user_version = 7", nil)
			return err
		})
	})
	check(1, "written by a later release of Ashlar (layout 7, last changed by ", "--check", dir)
	check(1, "run that release or a later one, or go back to a copy", "--check", dir)
	check(2, "version needs the folder of an app", "--check")
	check(2, "--data goes with --check DIR", "--data", dir)
}

// A kill at any moment of an upgrade leaves a database that opens, with all rows. A copy that has its name is whole. The next
// run makes the upgrade.
func TestUpgradeKilled(t *testing.T) {
	effort.SkipRaced(t)
	pristine := t.TempDir()
	placeLayout1(t, pristine)
	model := filepath.Join(pristine, "notes", "ashlar.yaml")
	text, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	rewriting := strings.Replace(string(text), "{type: int, default: 3, index: true}", "{type: text, default: \"'3'\", index: true}", 1)
	if err := os.WriteFile(model, []byte(rewriting), 0o600); err != nil {
		t.Fatal(err)
	}
	notes := growNotes(t, filepath.Join(pristine, "notes", ".ashlar", "ashlar.db"))
	clone := func() (app string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(pristine)); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, "notes")
	}
	began := time.Now()
	mustRun(t, "migrate", clone())
	whole := time.Since(began)

	interrupted, copies := 0, 0
	for round := range effort.Cases(6, 200) {
		app := clone()
		after := time.Millisecond + rand.N(whole)
		if _, _, err := toEnd(t, after, "migrate", app); err != nil {
			interrupted++
		}
		for _, copied := range copiesOf(t, app) {
			copies++
			if got := countNotes(t, copied); got != notes {
				t.Errorf("round %d: the copy has %d notes, want %d", round, got, notes)
			}
		}
		if got := countNotes(t, filepath.Join(app, ".ashlar", "ashlar.db")); got != notes {
			t.Errorf("round %d, killed after %v: %d notes, want %d", round, after, got, notes)
		}
		mustRun(t, "migrate", app, "--verify")
		mustRun(t, "migrate", app)
		if got := countNotes(t, filepath.Join(app, ".ashlar", "ashlar.db")); got != notes {
			t.Errorf("round %d: %d notes after the upgrade, want %d", round, got, notes)
		}
		mustRun(t, "version", "--check", app)
		if left, err := filepath.Glob(filepath.Join(app, ".ashlar", "copies", "*unfinished*")); err != nil || len(left) > 0 {
			t.Errorf("round %d: %v, %v is left", round, left, err)
		}
	}
	t.Logf("%d runs were interrupted, %d copies were whole; a whole run takes %v", interrupted, copies, whole)
	if interrupted == 0 {
		t.Error("no run was interrupted")
	}
}

func copiesOf(t *testing.T, app string) []string {
	t.Helper()
	copies, err := filepath.Glob(filepath.Join(app, ".ashlar", "copies", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	return copies
}

// growNotes adds notes to a database and returns how many it has.
func growNotes(t *testing.T, path string) (notes int64) {
	t.Helper()
	onFile(t, path, func(db store.DB) error {
		return db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT INTO notes (title, stars, author_id, created_at, updated_at, _rev)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
SELECT 'a note of some length, number ' || i, 3, author_id, created_at, updated_at, _rev FROM n, (SELECT * FROM notes LIMIT 1)`, nil)
			return err
		})
	})
	return countNotes(t, path)
}

func countNotes(t *testing.T, path string) (notes int64) {
	t.Helper()
	onFile(t, path, func(db store.DB) error {
		return db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(`SELECT count(*) FROM notes`, nil, func(row value.Row) error {
				notes = row.Int(0)
				return nil
			})
		})
	})
	return notes
}

// onFile opens the database in a file for a moment.
func onFile(t *testing.T, path string, f func(store.DB) error) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Config{Readers: 1, WriteTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}
