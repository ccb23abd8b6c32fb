package sqlite

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSyncBeforeAnswer watches the system calls of a process. Before it acknowledges a row, it writes the row to the log,
// and a sync of the log returns.
func TestSyncBeforeAnswer(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("NOT PROVED HERE: that no answer precedes its fsync. Install strace (Debian: apt-get install strace) and run again.")
	}
	dir := t.TempDir()
	trace, path := filepath.Join(dir, "trace"), filepath.Join(dir, "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, "rounds", path, strace, "-f", "-y", "-s", "10000", "-e", "trace=pwrite64,write,fdatasync,fsync", "-o", trace)
	c.rest(t)
	if err := c.cmd.Wait(); err != nil {
		t.Skipf("NOT PROVED HERE: that no answer precedes its fsync. strace cannot watch a process on this machine: %v", err)
	}
	log := readTrace(t, trace)
	if log.acknowledged != 30+8*20 {
		t.Errorf("%d acknowledgements in the trace, want %d", log.acknowledged, 30+8*20)
	}
	if log.syncs < 40 {
		t.Errorf("%d syncs in the trace, want at least one for each row written alone and each group", log.syncs)
	}
	for _, mark := range log.early {
		t.Errorf("%s was acknowledged before it was synced", mark)
	}
}

// syncLog follows a trace of system calls.
type syncLog struct {
	written map[string]bool            // in the log, not yet synced
	synced  map[string]bool            // durable
	syncing map[string]map[string]bool // by thread: what was written when its sync began

	acknowledged, syncs int
	early               []string
}

var (
	callPattern = regexp.MustCompile(`^(\d+) +(pwrite64|write|fdatasync|fsync)\((\d+)<([^>]*)>(.*)$`)
	backPattern = regexp.MustCompile(`^(\d+) +<\.\.\. (?:fdatasync|fsync) resumed>.*= 0`)
	markPattern = regexp.MustCompile(`row-\d{9}\.`)
)

func readTrace(t *testing.T, path string) *syncLog {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log := &syncLog{written: map[string]bool{}, synced: map[string]bool{}, syncing: map[string]map[string]bool{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		log.line(lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return log
}

func (l *syncLog) line(line string) {
	if back := backPattern.FindStringSubmatch(line); back != nil {
		l.syncEnds(back[1])
		return
	}
	call := callPattern.FindStringSubmatch(line)
	if call == nil {
		return
	}
	thread, name, file, rest := call[1], call[2], call[4], call[5]
	switch isLog := strings.HasSuffix(file, "-wal"); {
	case name == "pwrite64" && isLog:
		for _, mark := range markPattern.FindAllString(rest, -1) {
			if !l.synced[mark] {
				l.written[mark] = true
			}
		}
	case strings.HasSuffix(name, "sync") && isLog:
		l.syncBegins(thread)
		if strings.Contains(rest, "= 0") {
			l.syncEnds(thread)
		}
	case name == "write" && strings.Contains(rest, "ack-row-"):
		l.acknowledge(markPattern.FindString(rest))
	}
}

func (l *syncLog) syncBegins(thread string) {
	l.syncing[thread] = l.written
	l.written = map[string]bool{}
}

func (l *syncLog) syncEnds(thread string) {
	if l.syncing[thread] == nil {
		return
	}
	l.syncs++
	for mark := range l.syncing[thread] {
		l.synced[mark] = true
	}
	delete(l.syncing, thread)
}

func (l *syncLog) acknowledge(mark string) {
	l.acknowledged++
	if !l.synced[mark] {
		l.early = append(l.early, mark)
	}
}

// TestSyncLog: the test above would notice.
func TestSyncLog(t *testing.T) {
	const (
		logged = `7 pwrite64(5</d/data.db-wal>, "..row-000000001.row-000000002.", 4096, 32) = 4096`
		begins = `7 fdatasync(5</d/data.db-wal> <unfinished ...>`
		ends   = `7 <... fdatasync resumed>) = 0`
		whole  = `7 fdatasync(5</d/data.db-wal>) = 0`
		other  = `7 fdatasync(5</d/data.db>) = 0`
		ack    = `8 write(1<pipe:[1]>, "ack-row-000000002.\n", 19) = 19`
	)
	for _, tt := range []struct {
		lines []string
		early int
	}{
		{[]string{logged, whole, ack}, 0},
		{[]string{logged, begins, ends, ack}, 0},
		{[]string{logged, begins, ack, ends}, 1},
		{[]string{begins, logged, ends, ack}, 1},
		{[]string{logged, other, ack}, 1},
		{[]string{whole, logged, ack}, 1},
	} {
		log := &syncLog{written: map[string]bool{}, synced: map[string]bool{}, syncing: map[string]map[string]bool{}}
		for _, line := range tt.lines {
			log.line(line)
		}
		if log.acknowledged != 1 || len(log.early) != tt.early {
			t.Errorf("%s: %d early, want %d", fmt.Sprint(tt.lines), len(log.early), tt.early)
		}
	}
}
