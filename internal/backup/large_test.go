package backup

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestLarge prints how long writes wait in each step of a backup of 1 GB, and how long the restore takes. The client that writes
// creates rows, and changes others all over the table. It then goes on for as long without a backup: a disk stands still by
// itself now and then, and only the difference is due to the backup.
func TestLarge(t *testing.T) {
	if !effort.Nightly() {
		t.Skip("only nightly")
	}
	w := newWorld(t, 1)
	random := rand.New(rand.NewPCG(1, 2))
	for batch := range 500 { // of 2 MB, half of it random
		err := w.db.Write(t.Context(), func(tx store.Tx) error {
			for i := range 1000 {
				text := fmt.Sprintf("%01000d", i) + noise(random)
				args := []value.Value{value.OfInt(int64(10 + 1000*batch + i)), value.OfText(text)}
				if _, err := tx.Exec(`INSERT INTO credits (id, amount, note, created_at, updated_at, _rev) VALUES ($1, $1, $2, 0, 0, $1)`, args); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	next := 1_000_000
	steps := &stepClock{}
	writeFor := func(done <-chan struct{}) {
		for {
			select {
			case <-done:
				return
			default:
			}
			began := time.Now()
			w.write(t, next, next)
			steps.wrote(time.Since(began))
			next++
			began = time.Now()
			w.change(t, 10+random.Int64N(500_000))
			steps.wrote(time.Since(began))
		}
	}
	quiet := make(chan struct{})
	steps.Step("alone, before", 0)
	time.AfterFunc(10*time.Second, func() { close(quiet) })
	writeFor(quiet)
	to, _ := folderTarget(t)
	var m Manifest
	done := make(chan struct{})
	began := time.Now()
	steps.Step("copying pages", 0)
	go func() {
		defer close(done)
		m = take(t, w, to, Options{Gentle: true, Progress: steps})
	}()
	writeFor(done)
	took := time.Since(began)
	quiet = make(chan struct{})
	steps.Step("alone, after", 0)
	time.AfterFunc(max(10*time.Second, took), func() { close(quiet) })
	writeFor(quiet)
	steps.report(t)
	t.Logf("backup: %d MB in %v, packed %d MB", m.Database.Bytes>>20, took, m.Bytes()>>20)
	began = time.Now()
	if _, err := Restore(t.Context(), to, "", into(filepath.Join(t.TempDir(), "new")), nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("restore: %v", time.Since(began))
}

// change changes a row.
func (w *world) change(t *testing.T, id int64) {
	t.Helper()
	err := w.db.Write(t.Context(), func(tx store.Tx) error {
		tx.MarkChanged("credits")
		_, err := tx.Exec(`UPDATE credits SET _rev = _rev + 1 WHERE id = $1`, []value.Value{value.OfInt(id)})
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// noise returns 1,000 characters that do not compress.
func noise(random *rand.Rand) string {
	var text strings.Builder
	for text.Len() < 1000 {
		fmt.Fprintf(&text, "%016x", random.Uint64())
	}
	return text.String()[:1000]
}

const longWait = 50 * time.Millisecond

// stepClock notes how long each write took, and in which step of a backup.
type stepClock struct {
	mu    sync.Mutex
	steps []*timedStep
}

type timedStep struct {
	name  string
	began time.Time
	waits []time.Duration
}

func (c *stepClock) Step(name string, _ int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, &timedStep{name: name, began: time.Now()})
}

func (*stepClock) Add(int64) {}

func (c *stepClock) wrote(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.steps[len(c.steps)-1]
	last.waits = append(last.waits, took)
}

func (c *stepClock) report(t *testing.T) {
	for i, s := range c.steps {
		end := time.Now()
		if i+1 < len(c.steps) {
			end = c.steps[i+1].began
		}
		if len(s.waits) == 0 {
			continue
		}
		slices.Sort(s.waits)
		n, took := len(s.waits), end.Sub(s.began).Seconds()
		long, _ := slices.BinarySearch(s.waits, longWait)
		t.Logf("%-24s %6.1f s, %5.0f writes/s, p50 %v, p99 %v, longest %v, %d of %d longer than %v",
			s.name, took, float64(n)/took, s.waits[n/2], s.waits[n*99/100], s.waits[n-1], n-long, n, longWait)
	}
}
