package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// kept returns the folders of the kept databases.
func kept(t *testing.T) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(keptFolder, "layout*"))
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	return folders
}

// place makes an app with a kept database, and returns its configuration. engine is sqlite or postgres.
func place(t *testing.T, folder, engine string) (dir string, cfg Config) {
	t.Helper()
	dir = t.TempDir()
	cfg = Config{Data: filepath.Join(dir, ".ashlar"), Version: "v9.9.9"}
	copyFile(t, filepath.Join(folder, "ashlar.yaml"), filepath.Join(dir, "ashlar.yaml"))
	if err := os.Mkdir(cfg.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if engine == "sqlite" {
		copyFile(t, filepath.Join(folder, databaseFile), filepath.Join(cfg.Data, databaseFile))
		return dir, cfg
	}
	cfg.Database = pgtest.URL(t)
	dump, err := os.ReadFile(filepath.Join(folder, "postgres.sql"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgconn.Connect(t.Context(), cfg.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), string(dump)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return dir, cfg
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// countRows counts the rows of all tables that no server writes by itself.
func countRows(t *testing.T, db store.DB) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	err := db.Read(t.Context(), func(r store.Reader) error {
		names, err := system.TableNames(r)
		if err != nil {
			return err
		}
		for _, name := range names {
			if name == "ashlar_meta" || name == "ashlar_migrations" || name == "ashlar_generations" || name == "ashlar_counters" {
				continue
			}
			err := r.Query("SELECT count(*) FROM "+sqlgen.Quote(name), nil, func(row value.Row) error {
				counts[name] = row.Int(0)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// A database of each release that is kept is migrated without a loss, and served: its rows are read through the door, its
// user signs in, and its key works.
func TestKeptDatabases(t *testing.T) {
	effort.SkipRaced(t)
	for _, folder := range kept(t) {
		for _, engine := range []string{"sqlite", "postgres"} {
			t.Run(filepath.Base(folder)+"/"+engine, func(t *testing.T) {
				if engine == "postgres" && !pgtest.Available() {
					t.Skip("SKIPPED: PostgreSQL is not installed")
				}
				dir, cfg := place(t, folder, engine)
				changed := migrateKept(t, dir, cfg)
				upgrade, err := CheckUpgrade(t.Context(), loaded(t, dir), cfg)
				if err != nil || !upgrade.Nothing() || (changed && !strings.Contains(upgrade.By, "ashlar v9.9.9")) {
					t.Errorf("CheckUpgrade after = %+v, %v", upgrade, err)
				}
				serveKept(t, folder, engine, dir, cfg)
			})
		}
	}
}

// migrateKept migrates a kept database and reports whether that changed anything.
func migrateKept(t *testing.T, dir string, cfg Config) (changed bool) {
	t.Helper()
	own := loaded(t, dir)
	untouched := fingerprint(t, cfg)
	upgrade, err := CheckUpgrade(t.Context(), own, cfg)
	if now := fingerprint(t, cfg); now != untouched {
		t.Errorf("CheckUpgrade changed the database from %s to %s", untouched, now)
	}
	if err != nil || upgrade.Refused() != nil || upgrade.IsNew {
		t.Fatalf("CheckUpgrade = %+v, %v", upgrade, err)
	}
	if hazards := upgrade.Hazards(own.Rules.Model); hazards != nil {
		t.Errorf("a server does not upgrade by itself: %v", hazards)
	}
	db, err := OpenDatabase(t.Context(), own, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	before := countRows(t, db.app.Store)
	if before["notes"] < 3 {
		t.Errorf("the database has %d notes", before["notes"])
	}
	result, err := db.Migrate(t.Context(), nil, nil)
	if err != nil || result.Layout != upgrade.Plan.Layout || len(result.Applied) != len(upgrade.Plan.Changes) {
		t.Fatalf("Migrate = %+v, %v, want what CheckUpgrade said: %+v", result, err, upgrade.Plan)
	}
	if copied := result.Copy != ""; copied != (upgrade.Copy != nil) {
		t.Errorf("a copy: %v, want %v", result.Copy, upgrade.Copy)
	}
	after := countRows(t, db.app.Store)
	for name := range after {
		if _, old := before[name]; !old {
			delete(after, name)
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	if drift, err := db.Verify(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("Verify = %v, %v", drift, err)
	}
	return !upgrade.Nothing()
}

// fingerprint returns a text that tells whether a database was changed: the hash of the file, or the objects of PostgreSQL with
// the newest transaction that made a row of its catalogue.
func fingerprint(t *testing.T, cfg Config) string {
	t.Helper()
	if cfg.Database == "" {
		data, err := os.ReadFile(filepath.Join(cfg.Data, databaseFile))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	conn, err := pgconn.Connect(t.Context(), cfg.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	result := conn.ExecParams(t.Context(), `SELECT (SELECT string_agg(relname || ' ' || relfilenode || ' ' || xmin, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace)
|| (SELECT string_agg(proname || ' ' || xmin, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
|| (SELECT layout || ' ' || xmin FROM public.ashlar_engine) || (SELECT string_agg(value || ' ' || xmin, ' ') FROM public.ashlar_meta)`, nil, nil, nil, nil).Read()
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(result.Rows[0][0]))
}

func serveKept(t *testing.T, folder, engine, dir string, cfg Config) {
	t.Helper()
	run := start(t, opened(t, dir, cfg))
	if got := get(t, run.base+"/api/notes?fields=title"); got.status != http.StatusOK || strings.Count(got.body, `"title"`) < 3 {
		t.Errorf("GET notes = %d %s", got.status, got.body)
	}
	var facts map[string]keptFacts
	if text, err := os.ReadFile(filepath.Join(folder, "kept.json")); err == nil {
		if err := json.Unmarshal(text, &facts); err != nil {
			t.Fatal(err)
		}
	}
	key := facts[engine].Key
	if key == "" {
		return
	}
	send := func(method, path, token, body string) int {
		t.Helper()
		req, err := http.NewRequest(method, run.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if status := send("POST", "/auth/sign-in", "", fmt.Sprintf(`{"email": %q, "password": %q}`, keptEmail, keptPassword)); status != http.StatusOK {
		t.Errorf("the sign-in = %d", status)
	}
	if status := send("GET", "/api/notes/1", key, ""); status != http.StatusOK {
		t.Errorf("GET with the key = %d", status)
	}
}

// Each layout that this release knows has a kept database. If this fails because store.Layout was raised, keep a database as
// docs/upgrades.md says under "Adding a layout".
func TestEachLayoutIsKept(t *testing.T) {
	kinds := map[string]map[int]bool{"sqlite": {}}
	if pgtest.Available() {
		kinds["postgres"] = map[int]bool{}
	}
	for _, folder := range kept(t) {
		for engine, layouts := range kinds {
			dir, cfg := place(t, folder, engine)
			upgrade, err := CheckUpgrade(t.Context(), loaded(t, dir), cfg)
			if err != nil {
				t.Errorf("%s: %v", folder, err)
				continue
			}
			if !strings.HasPrefix(filepath.Base(folder), fmt.Sprintf("layout%d", upgrade.Layout)) {
				t.Errorf("%s on %s has layout %d", folder, engine, upgrade.Layout)
			}
			layouts[upgrade.Layout] = true
		}
	}
	for engine, layouts := range kinds {
		for layout := store.OldestLayout; layout <= store.Layout; layout++ {
			if !layouts[layout] {
				t.Errorf("no database of layout %d on %s is kept in %s", layout, engine, keptFolder)
			}
		}
	}
}
