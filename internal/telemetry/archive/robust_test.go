package archive

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// The writer may be stuck for as long as it likes: nobody who has a record waits.
func TestTakeDropsWhatDoesNotFit(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{})
	const more = 500
	for range 3 { // a storm, with less than calm between its waves
		r.mu.Lock() // as the writer does
		for id := range maxItems + more {
			r.Take(r.failing(id, "no"))
		}
		r.mu.Unlock()
		r.Flush()
	}
	if got := r.Dropped(); got != 3*more {
		t.Errorf("%d records were dropped, want %d", got, 3*more)
	}
	if got := r.log.count("comes faster"); got != 1 {
		t.Errorf("the log says %d times that records are dropped, want once:\n%s", got, r.log)
	}
	r.clock.pass(calm)
	r.Flush()
	r.Flush()
	if got := r.log.count("as it comes again"); got != 1 {
		t.Errorf("the log says %d times that it is over, want once:\n%s", got, r.log)
	}
	if got := r.Stats().Written; got != 3*maxItems {
		t.Errorf("%d records are written, want %d", got, 3*maxItems)
	}
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{})
	r.mu.Lock()
	for id := range maxItems {
		record := r.failing(id, "no")
		record.Stack = strings.Repeat("x", maxStack)
		r.Take(record)
	}
	r.mu.Unlock()
	if got := len(r.queue.waiting.bodies); got > maxBytes || r.Dropped() == 0 {
		t.Errorf("%d bytes wait, and %d records were dropped", got, r.Dropped())
	}
}

// Traces may be large, so waiting ones are bounded in bytes too.
func TestWaitingTracesAreBoundedInBytes(t *testing.T) {
	r := openTest(t, Config{})
	for range maxJobs {
		r.PutTrace(Trace{Body: make([]byte, maxTrace)})
	}
	if got := r.queue.waiting.size; got > maxBytes || r.Dropped() != int64(maxJobs-maxBytes/maxTrace) {
		t.Errorf("%d bytes of traces wait, and %d were dropped", got, r.Dropped())
	}
	r.Flush()
	if list, err := r.Traces(t.Context(), time.Time{}, noon, 100); err != nil || len(list) != maxBytes/maxTrace {
		t.Errorf("%d traces are kept, %v", len(list), err)
	}
}

func TestRemovedFileIsBegunAgain(t *testing.T) {
	r := openTest(t, Config{})
	r.Take(r.failing(1, "no"))
	r.Flush()
	for _, suffix := range suffixes {
		if err := os.Remove(r.path + suffix); err != nil {
			t.Fatal(err)
		}
	}
	r.Take(r.failing(2, "no"))
	r.Flush()
	if got := ids(r.all(t, Filter{})); len(got) != 1 || got[0] != "R00000002" {
		t.Errorf("records %v, want the one of the new file", got)
	}
	if r.log.count("was removed") != 1 || r.Dropped() != 0 {
		t.Errorf("dropped %d, and the log says:\n%s", r.Dropped(), r.log)
	}
	if groups, err := r.Errors(t.Context(), time.Time{}); err != nil || len(groups) != 1 || groups[0].Count != 1 {
		t.Errorf("Errors = %+v, %v, want one group of the new file", groups, err)
	}
}

func TestUnusableFileIsMovedAside(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, path string)
	}{
		{"no database", func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("no database "), 1000)) }},
		{"damaged", damage},
		{"other layout", func(t *testing.T, path string) {
			conn, err := openConn(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := script(conn, "PRAGMA user_version = 99;"); err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), FileName)
			first := openAt(t, path, Config{})
			first.Take(first.failing(1, "no"))
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, path)
			r := openAt(t, path, Config{})
			r.Take(r.failing(2, "no"))
			r.Flush()
			if got := ids(r.all(t, Filter{})); len(got) != 1 || got[0] != "R00000002" {
				t.Errorf("records %v, want the one of the new file\n%s", got, r.log)
			}
			if r.log.count("moved aside") != 1 || sizeOf(path+".aside") == 0 {
				t.Errorf("the old file has %d bytes, and the log says:\n%s", sizeOf(path+".aside"), r.log)
			}
		})
	}
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// damage overwrites the tree of tables in the file.
func damage(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < pageSize; i++ {
		text[i] = 0x5a
	}
	write(t, path, text)
}

// The file is damaged while the server runs: the disk is failing.
func TestFileThatIsDamagedLaterIsMovedAside(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{})
	for id := range 3000 {
		r.Take(r.failing(id, "no"))
	}
	r.Flush()
	r.mu.Lock()
	if err := r.file.checkpoint(); err != nil {
		t.Fatal(err)
	}
	r.mu.Unlock()
	file, err := os.OpenFile(r.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := sizeOf(r.path)
	if _, err := file.WriteAt(bytes.Repeat([]byte{0x5a}, int(size)-pageSize), pageSize); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	for id := range 20 { // connections still have some pages in memory
		r.Take(r.failing(9000+id, "no"))
		r.Flush()
		r.mu.Lock()
		if r.file != nil {
			_ = query(r.file.writer, "PRAGMA shrink_memory", nil)
		}
		r.mu.Unlock()
		r.clock.pass(time.Minute)
	}
	if got := r.all(t, Filter{}); len(got) == 0 || r.Stats().Problem != nil {
		t.Errorf("%d records are there, problem %v\n%s", len(got), r.Stats().Problem, r.log)
	}
	if r.log.count("moved aside") != 1 {
		t.Errorf("the log says:\n%s", r.log)
	}
}

func TestSecondProcessGoesWithout(t *testing.T) {
	first := openTest(t, Config{})
	second := openAt(t, first.path, Config{})
	if second.log.count("another process") != 1 || second.Stats().Problem == nil {
		t.Errorf("the log of the second says:\n%s", second.log)
	}
	second.Take(second.failing(1, "no"))
	second.Flush()
	if second.Dropped() != 1 || second.log.count("another process") != 1 {
		t.Errorf("%d records were dropped, and the log says:\n%s", second.Dropped(), second.log)
	}
	if _, err := second.Records(t.Context(), Filter{}, 0, 1); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("Records of the second = %v, want that it is unavailable", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second.clock.pass(retryEvery)
	second.Take(second.failing(2, "no"))
	second.Flush()
	if got := ids(second.all(t, Filter{})); len(got) != 1 || second.log.count("kept again") != 1 {
		t.Errorf("records %v after the first ended, and the log says:\n%s", got, second.log)
	}
}

func TestFolderThatIsMissingStopsNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	r := openAt(t, filepath.Join(dir, FileName), Config{})
	r.Take(r.failing(1, "no"))
	r.Flush()
	if r.Stats().Problem == nil || r.Dropped() != 1 {
		t.Errorf("Stats = %+v", r.Stats())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.clock.pass(retryEvery)
	r.Take(r.failing(2, "no"))
	r.Flush()
	if got := r.all(t, Filter{}); len(got) != 1 || r.Stats().Problem != nil {
		t.Errorf("%d records, problem %v", len(got), r.Stats().Problem)
	}
}

func TestPanicOfAWriteIsSurvived(t *testing.T) {
	r := openTest(t, Config{})
	r.queue.addJob(job{size: 1, run: func(tx *transaction) error {
		if err := tx.run(insertEvent, 1, "x", "half done", "", ""); err != nil {
			return err
		}
		panic("of a write")
	}})
	r.Flush()
	if r.Dropped() != 1 || r.log.count("of a write") != 1 {
		t.Errorf("%d dropped, and the log says:\n%s", r.Dropped(), r.log)
	}
	r.clock.pass(calm)
	r.PutEvent(Event{Kind: "deploy", Text: "whole"})
	r.Flush()
	got, err := r.Events(t.Context(), time.Unix(0, 0), r.clock.Now().Add(time.Second), 10, EventDeploy)
	if err != nil || len(got) != 1 || got[0].Text != "whole" {
		t.Errorf("Events = %+v, %v, want the second alone", got, err)
	}
}

func TestPanicOfACallbackLosesNoRecord(t *testing.T) {
	r := openTest(t, Config{OnError: func(ErrorGroup) { panic("of a callback") }})
	r.Take(r.failing(1, "no"))
	r.Flush()
	r.clock.pass(calm)
	r.Take(r.failing(2, "no"))
	r.Flush()
	if got := r.all(t, Filter{}); len(got) != 2 {
		t.Errorf("%d records are there, want 2\n%s", len(got), r.log)
	}
}

func TestClosedArchiveTakesAndDrops(t *testing.T) {
	r := openTest(t, Config{})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Take(r.failing(1, "no"))
	r.PutEvent(Event{Kind: "late"})
	r.Flush()
	if r.Dropped() != 2 {
		t.Errorf("%d were dropped, want 2", r.Dropped())
	}
	if _, err := r.PutIncident(t.Context(), Incident{Opened: noon}); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("PutIncident = %v", err)
	}
}

func TestFileIsForThisUserAlone(t *testing.T) {
	r := openTest(t, Config{})
	r.Take(r.failing(1, "no"))
	r.Flush()
	for _, suffix := range suffixes {
		info, err := os.Stat(r.path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info.Mode(), err)
		}
	}
}

var _ telemetry.Sink = (*Archive)(nil)
