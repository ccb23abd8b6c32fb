//go:build linux || darwin

package sqlite

import (
	"path/filepath"
	"testing"
	"time"
)

// TestKillOfSweeps kills a process that sweeps, again and again on one database: of each chain all nodes are there or
// none.
func TestKillOfSweeps(t *testing.T) {
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createTestRows, createNodes, createUp)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	for round := range rounds {
		c := startChild(t, "sweeps", path)
		c.line(t)
		time.AfterFunc(time.Duration(3*round)*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
		c.rest(t)
		_ = c.cmd.Wait() // it was killed
		wantRows(t, path, nil)
		db := openTest(t, path, Config{})
		n := countNodes(t, db)
		if n%sweepMark != 0 {
			t.Errorf("round %d: %d nodes are there, no multiple of %d", round, n, sweepMark)
		}
		left = max(left, n)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("at most %d nodes were left", left)
}
