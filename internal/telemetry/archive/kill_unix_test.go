//go:build unix

package archive

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// childVariable makes the test binary write records to the file that it names, until it is killed.
const childVariable = "ASHLAR_TEST_ARCHIVE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

func writeForEver(path string) {
	a := Open(path, Config{})
	for id := 0; ; id++ {
		for range 50 {
			a.Take(&telemetry.Record{ID: fmt.Sprint(id), Status: 500, Start: time.Now()})
		}
		a.Flush()
		fmt.Println(a.Stats().Written)
	}
}

// TestKilledProcessLeavesAFileThatOpens: what was written before a kill is there afterwards, and the lock is free.
func TestKilledProcessLeavesAFileThatOpens(t *testing.T) {
	effort.SkipRaced(t)
	path := filepath.Join(t.TempDir(), FileName)
	var written int
	for round := range 4 {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(self)
		child.Env = append(os.Environ(), childVariable+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		n := 0
		for range 3 + 5*round {
			if !lines.Scan() {
				t.Fatal("the child ended early")
			}
			if _, err := fmt.Sscan(lines.Text(), &n); err != nil {
				t.Fatal(err)
			}
		}
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
		written += n
		r := openAt(t, path, Config{Now: time.Now})
		if got := len(r.all(t, Filter{})); got < written || r.log.String() != "" {
			t.Errorf("round %d: %d records are there, want %d at least\n%s", round, got, written, r.log)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
