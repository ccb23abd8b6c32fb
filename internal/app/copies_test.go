package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/disk"
)

// copiedApp is an app with a type of the field stars. Another type rewrites the table.
func copiedApp(kind string) string {
	return "-- ashlar.yaml --\nashlar: 1\nname: copied\ntables:\n  posts:\n    key: int\n    fields: {stars: {type: " + kind + "}}\n    access: {read: true, create: true}\n"
}

const copiedSeed = "-- seed/posts.json --\n[{\"id\": 1, \"stars\": 3}]\n"

// migrateTo brings the database to another type of stars, and returns the copy from before.
func migrateTo(t *testing.T, dir, kind string, cfg Config) (copied string, err error) {
	t.Helper()
	write(t, dir, copiedApp(kind))
	db, err := OpenDatabase(t.Context(), loaded(t, dir), cfg)
	if err != nil {
		t.Fatal(err)
	}
	result, err := db.Migrate(t.Context(), nil, nil)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	return result.Copy, err
}

// The newest copies stay. A copy with a name of the operator stays too.
func TestOldCopiesAreRemoved(t *testing.T) {
	dir := app(t, copiedApp("int")+copiedSeed)
	rows(t, dir, "/api/posts")
	var made []string
	for n := range keptCopies + 2 {
		copied, err := migrateTo(t, dir, []string{"text", "int"}[n%2], Config{})
		if err != nil || copied == "" {
			t.Fatal(copied, err)
		}
		if n == 0 {
			copyFile(t, copied, filepath.Join(filepath.Dir(copied), "mine.db"))
		}
		made = append(made, copied)
	}
	left, err := filepath.Glob(filepath.Join(DefaultData(dir), copiesFolder, "*"))
	want := append(made[2:], filepath.Join(DefaultData(dir), copiesFolder, "mine.db"))
	if err != nil || strings.Join(left, "\n") != strings.Join(want, "\n") {
		t.Errorf("left are %v, %v, want %v", left, err, want)
	}
}

// Without room for the copy nothing changes, unless the operator wants no copy.
func TestNoRoomForACopy(t *testing.T) {
	dir := app(t, copiedApp("int")+copiedSeed)
	rows(t, dir, "/api/posts")
	full := Config{spaceOf: func(string) (disk.Space, error) { return disk.Space{Free: 1 << 20, Total: 1 << 30}, nil }}
	_, err := migrateTo(t, dir, "text", full)
	if noRoom, ok := errors.AsType[*NoRoomError](err); !ok || !strings.Contains(err.Error(), "1 MiB left: make room until") || noRoom.Need < copySpare {
		t.Fatalf("Migrate = %v, want that there is no room", err)
	}
	upgrade, err := CheckUpgrade(t.Context(), loaded(t, dir), full)
	if err != nil || upgrade.Copy == nil || upgrade.Copy.Fits() || upgrade.Refused() == nil {
		t.Errorf("CheckUpgrade = %+v, %v, want a refusal", upgrade, err)
	}
	write(t, dir, copiedApp("int"))
	if got := rows(t, dir, "/api/posts"); !strings.Contains(got, `"stars":3`) {
		t.Errorf("after the refusal the rows are %s", got)
	}
	full.NoCopy = true
	copied, err := migrateTo(t, dir, "text", full)
	if err != nil || copied != "" {
		t.Errorf("Migrate without a copy = %q, %v", copied, err)
	}
	if left, err := filepath.Glob(filepath.Join(DefaultData(dir), copiesFolder, "*")); err != nil || len(left) > 0 {
		t.Errorf("copies: %v, %v", left, err)
	}
}

// The commands that a migration prints lead back, in a folder whose name a shell would take apart too.
func TestGoBack(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("SKIPPED: there is no sh")
	}
	dir := app(t, copiedApp("int")+copiedSeed)
	cfg := Config{Data: filepath.Join(dir, "Ada's data")}
	former := opened(t, dir, cfg)
	if err := former.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := migrateTo(t, dir, "text", cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range GoBack(copied) {
		if out, err := exec.Command(shell, "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	write(t, dir, copiedApp("int"))
	run := start(t, opened(t, dir, cfg))
	if got := get(t, run.base+"/api/posts").body; !strings.Contains(got, `"stars":3`) {
		t.Errorf("after going back the rows are %s", got)
	}
	if aside, err := filepath.Glob(filepath.Join(cfg.Data, "aside-*", databaseFile)); err != nil || len(aside) != 1 {
		t.Errorf("aside is %v, %v, want the newer database", aside, err)
	}
	if _, err := os.Stat(copied); err != nil {
		t.Error(err)
	}
}
