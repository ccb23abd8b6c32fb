package backup

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestLarge prints how long a backup of 1 GB takes beside a writer, how long writes wait, and how long the restore takes.
func TestLarge(t *testing.T) {
	if !effort.Nightly() {
		t.Skip("only nightly")
	}
	w := newWorld(t, 1)
	random := rand.New(rand.NewPCG(1, 2))
	for batch := range 500 { // of 2 MB, half of it random
		err := w.db.Write(t.Context(), func(tx store.Tx) error {
			for i := range 1000 {
				text := fmt.Sprintf("%01000x%01000d", random.Uint64(), i)
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
	writeFor := func(done <-chan struct{}) (waits []time.Duration) {
		for {
			select {
			case <-done:
				slices.Sort(waits)
				return waits
			default:
			}
			began := time.Now()
			w.write(t, next, next)
			next++
			waits = append(waits, time.Since(began))
		}
	}
	describeWaits := func(what string, waits []time.Duration, took time.Duration) {
		t.Logf("%s: %.0f writes/s, p99 %v, longest %v", what, float64(len(waits))/took.Seconds(), waits[len(waits)*99/100], waits[len(waits)-1])
	}
	const alone = 10 * time.Second
	quiet := make(chan struct{})
	time.AfterFunc(alone, func() { close(quiet) })
	describeWaits("alone", writeFor(quiet), alone)
	to, _ := folderTarget(t)
	var m Manifest
	done := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(done)
		m = take(t, w, to, Options{Gentle: true})
	}()
	waits := writeFor(done)
	describeWaits("beside a backup", waits, time.Since(began))
	t.Logf("backup: %d MB in %v, packed %d MB", m.Database.Bytes>>20, time.Since(began), m.Bytes()>>20)
	began = time.Now()
	if _, err := Restore(t.Context(), to, "", into(filepath.Join(t.TempDir(), "new")), nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("restore: %v", time.Since(began))
}
