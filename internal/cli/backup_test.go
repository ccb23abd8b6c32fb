package cli

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/backup"
	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A backup that is killed at any moment is whole or absent. A restore that is killed leaves no database, and the next one
// succeeds. A server is at work.
func TestKilledBackup(t *testing.T) {
	effort.SkipRaced(t)
	dir := writeApp(t, ledger)
	p := startProcess(t, dir, "--log-level", "error")
	stop := make(chan struct{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				postEntry(p.url, n)
			}
		}
	}()
	place := filepath.Join(t.TempDir(), "backups")
	run := func(killAfter time.Duration, args ...string) (whole bool) {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = asCommand()
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(killAfter, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		err := cmd.Wait()
		if err != nil && cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("%v: %v\n%s", args, err, out.String())
		}
		return err == nil
	}
	const never = time.Hour
	began := time.Now()
	if !run(never, "backup", dir, place) {
		t.Fatal("the first backup failed")
	}
	took := time.Since(began)
	from, err := target.Open(place, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	done := 1
	for round := range effort.Cases(20, 300) {
		if run(rand.N(took+took/4), "backup", dir, place) {
			done++
		}
		all, err := backup.List(t.Context(), from)
		if err != nil || len(all) < done || len(all) > done+1 { // a killed one may have been complete
			t.Fatalf("round %d: %d backups are listed, %d commands succeeded: %v", round, len(all), done, err)
		}
		done = len(all)
		if _, err := backup.Verify(t.Context(), from, all[0].ID, nil, nil); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	close(stop)
	<-written
	killed := 0
	for round := range effort.Cases(10, 100) {
		data := filepath.Join(t.TempDir(), fmt.Sprint(round))
		if !run(rand.N(took), "restore", place, dir, "--data", data) {
			killed++
			if _, err := os.Stat(filepath.Join(data, "ashlar.db")); err == nil {
				continue // killed after the end
			}
			if !run(never, "restore", place, dir, "--data", data) {
				t.Fatal("the second restore failed")
			}
		}
		if _, err := os.Stat(filepath.Join(data, "restoring")); err == nil {
			t.Errorf("round %d: the folder of the restore is still there", round)
		}
	}
	t.Logf("%d backups of %d and %d restores ended before they were killed", done, effort.Cases(20, 300), effort.Cases(10, 100)-killed)
}

// postEntry adds an entry to the ledger. The server may be stopping.
func postEntry(base string, n int) {
	res, err := http.Post(base+"/api/entries", "application/json", strings.NewReader(fmt.Sprintf(`{"round": 1, "n": %d}`, n)))
	if err == nil {
		_ = res.Body.Close()
	}
}
