package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// smallDisk mounts a file system of so many bytes. It skips the test if this user may not mount one.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		t.Skipf("SKIPPED: this test of a full disk needs the right to mount a tmpfs (root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// crowd fills a disk to the last byte, as another program may.
func crowd(t *testing.T, dir string) (room func()) {
	t.Helper()
	name := filepath.Join(dir, "of-another-program")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestFullDiskDropsAndSaysSoOnce: on a full disk records are dropped and counted. The log says so once, and once when there
// is room again. What was written before stays readable.
func TestFullDiskDropsAndSaysSoOnce(t *testing.T) {
	effort.SkipRaced(t)
	dir := smallDisk(t, 12<<20)
	r := openAt(t, filepath.Join(dir, FileName), Config{})
	for id := range 100 {
		r.Take(r.failing(id, "no"))
	}
	r.Flush()
	room := crowd(t, dir)
	for round := range 20 { // the log of the database may have some room left
		for id := range 400 {
			record := r.failing(1000+400*round+id, "no")
			record.Stack = strings.Repeat("x", 3000)
			r.Take(record)
		}
		r.Flush()
		r.Sample()
		r.clock.pass(time.Second)
	}
	if got := r.Dropped(); got < 5000 || r.Stats().Problem == nil {
		t.Errorf("%d records were dropped, problem %v", got, r.Stats().Problem)
	}
	if got := r.log.count("is not kept"); got != 1 {
		t.Errorf("the log says %d times that telemetry is not kept:\n%s", got, r.log)
	}
	if got := r.all(t, Filter{To: noon.Add(time.Millisecond)}); len(got) < 100 {
		t.Errorf("%d of the first records are readable, want 100", len(got))
	}
	room()
	r.clock.pass(calm)
	dropped := r.Dropped()
	r.Take(r.failing(9999, "no"))
	r.Flush()
	if got := r.all(t, Filter{}); got[0].ID != "R00009999" || r.Dropped() != dropped || r.Stats().Problem != nil {
		t.Errorf("the newest record is %s, %d more were dropped, problem %v\n%s", got[0].ID, r.Dropped()-dropped, r.Stats().Problem, r.log)
	}
	if got := r.log.count("kept again"); got != 1 {
		t.Errorf("the log says %d times that telemetry is kept again:\n%s", got, r.log)
	}
}

func TestFullDiskAtStartStopsNothing(t *testing.T) {
	dir := smallDisk(t, 12<<20)
	room := crowd(t, dir)
	r := openAt(t, filepath.Join(dir, FileName), Config{})
	r.Take(r.failing(1, "no"))
	r.Flush()
	if r.Dropped() != 1 || r.log.count("is not kept") != 1 || r.Stats().Problem == nil {
		t.Errorf("%d dropped, problem %v, and the log says:\n%s", r.Dropped(), r.Stats().Problem, r.log)
	}
	room()
	r.clock.pass(retryEvery)
	r.Take(r.failing(2, "no"))
	r.Flush()
	if got := r.all(t, Filter{}); len(got) != 1 || r.Stats().Problem != nil {
		t.Errorf("%d records are there, problem %v\n%s", len(got), r.Stats().Problem, r.log)
	}
}
