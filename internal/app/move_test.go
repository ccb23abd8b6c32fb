package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
)

const movable = `
-- ashlar.yaml --
ashlar: 1
name: movable
tables:
  notes:
    fields: {text: {type: text}}
    access: {read: true}
`

// No server serves a database with an unfinished move.
func TestUnfinishedMoveIsNotServed(t *testing.T) {
	dir := app(t, movable)
	data := DefaultData(dir)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(data, databaseFile), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx store.Tx) error {
		for _, sql := range sqlgen.Define(sqlgen.SQLite, system.Model(&model.Model{}).Table(system.MetaTable)).WithTriggers() {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return system.MarkMoving(tx, "elsewhere", time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "a move from elsewhere into it was interrupted"
	if _, err := loadAndOpen(t.Context(), dir, Config{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Open() = %v, want %q", err, want)
	}
	if _, err := NewToken(t.Context(), loaded(t, dir), Config{}, TokenRequest{ID: "018f0000-0000-7000-8000-0000000000a1", TTL: token.MaxTTL}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("NewToken() = %v, want %q", err, want)
	}
	if _, err := Move(t.Context(), loaded(t, dir), MoveConfig{From: data, To: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "the source is not whole") {
		t.Errorf("Move() from it = %v, want a refusal", err)
	}
}

// A served folder is no source. A folder that another process fills is no target.
func TestMoveOfServedFolder(t *testing.T) {
	dir := app(t, movable)
	opened(t, dir, Config{})
	_, err := Move(t.Context(), loaded(t, dir), MoveConfig{From: DefaultData(dir), To: filepath.Join(dir, "to")})
	if err == nil || !strings.Contains(err.Error(), "is in use by process") {
		t.Errorf("Move() = %v, want that the folder is in use", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "to")); err == nil {
		t.Error("a refused move has made its target")
	}
}

func TestLocate(t *testing.T) {
	for _, tt := range []struct{ address, folder, name string }{
		{"data", "data", "the data folder data"},
		{"/var/lib/a=b", "/var/lib/a=b", "the data folder /var/lib/a=b"},
		{"postgres://u:secret@db.example.com/careers?sslmode=disable", "", "the PostgreSQL database careers on db.example.com:5432"},
		{"postgresql://u:secret@[::1]:6000/careers?sslmode=disable", "", "the PostgreSQL database careers on ::1:6000"},
		{"host=/tmp dbname=careers password=secret user=u", "", "the PostgreSQL database careers on /tmp"},
	} {
		got, err := Locate(tt.address)
		if err != nil || got != (Location{tt.folder, tt.name}) {
			t.Errorf("Locate(%q) = %+v, %v; want %q, %q", tt.address, got, err, tt.folder, tt.name)
		}
	}
	if _, err := Locate("postgres://u:secret@/%zz"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Locate() of a bad address = %v, want an error without the password", err)
	}
}
