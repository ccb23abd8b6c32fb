package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
)

func revisions(t *testing.T, f *fixture) {
	seen := map[int64]bool{}
	note := func(revision int64) {
		if seen[revision] || revision == 0 {
			t.Errorf("Revision() = %d, a second time or zero", revision)
		}
		seen[revision] = true
	}
	draw := func(then error) (drawn [2]int64) {
		err := f.db.Write(t.Context(), func(tx store.Tx) (err error) {
			for i := range drawn {
				if drawn[i], err = tx.Revision(); err != nil {
					return err
				}
			}
			return then
		})
		if !errors.Is(err, then) {
			t.Fatalf("Write() = %v, want %v", err, then)
		}
		return drawn
	}
	for round := range 6 {
		for _, revision := range draw(nil) {
			note(revision)
		}
		draw(errRefused) // numbers of an undone transaction may be drawn again
		if round == 2 {
			f.reopen()
		}
	}
	drawn := make([]int64, 32)
	f.together(len(drawn), func(i int, tx store.Tx) (err error) {
		drawn[i], err = tx.Revision()
		return err
	})
	for _, revision := range drawn {
		note(revision)
	}
}

const (
	longCounter  = "id:a_table_with_a_name_of_sixty_characters_which_is_the_most_there_is"
	longCounter2 = longCounter + "2"
)

func counters(t *testing.T, f *fixture) {
	next := func(counter string, then error) (n int64) {
		err := f.db.Write(t.Context(), func(tx store.Tx) (err error) {
			n, err = tx.NextID(counter)
			return errors.Join(err, then)
		})
		if !errors.Is(err, then) {
			t.Fatalf("Write() = %v, want %v", err, then)
		}
		return n
	}
	for i, tt := range []struct {
		counter string
		then    error
		want    int64
		orWant  int64
	}{
		{"posts", nil, 1, 1},
		{"posts", nil, 2, 2},
		{"comments", nil, 1, 1},
		{"posts", errRefused, 3, 3},
		{"posts", nil, 3, 4},          // numbers of an undone transaction may come again or not
		{"revision", nil, 1, 1},       // a table of this name has nothing to do with revisions
		{longCounter, nil, 1, 1},      // longer than the names in a database
		{longCounter2, nil, 1, 1},     // has the same beginning
		{`a"b'c\d`, nil, 1, 1},        //
		{`a"b'c\d`, errRefused, 2, 2}, //
	} {
		if got := next(tt.counter, tt.then); got != tt.want && got != tt.orWant {
			t.Errorf("step %d: Next(%s) = %d, want %d or %d", i, tt.counter, got, tt.want, tt.orWant)
		}
	}
	f.reopen()
	if got := next("posts", nil); got != 4 && got != 5 {
		t.Errorf("Next(posts) after opening again = %d, want 4 or 5", got)
	}
}

// skips: a counter skips a few numbers or many, and never goes back.
func skips(t *testing.T, f *fixture) {
	draw := func(past int64) (first, next int64) {
		f.write(func(tx store.Tx) (err error) {
			if first, err = tx.NextID("posts"); err != nil {
				return err
			}
			if past > 0 {
				if err = tx.Skip("posts", first, past); err != nil {
					return err
				}
			}
			next, err = tx.NextID("posts")
			return err
		})
		return first, next
	}
	for _, tt := range []struct{ past, wantFirst, wantNext int64 }{
		{0, 1, 2},
		{3, 3, 4},                  // the counter is there already
		{10, 5, 11},                // few
		{1_000_000, 12, 1_000_001}, // many
		{3_000_000_000_000, 1_000_002, 3_000_000_000_001},
		{0, 3_000_000_000_002, 3_000_000_000_003},
	} {
		if first, next := draw(tt.past); first != tt.wantFirst || next != tt.wantNext {
			t.Errorf("Skip(%d): Next() = %d before and %d after, want %d and %d", tt.past, first, next, tt.wantFirst, tt.wantNext)
		}
	}
	drawn := make([]int64, 16)
	f.together(len(drawn), func(i int, tx store.Tx) error {
		n, err := tx.NextID("posts")
		if err != nil {
			return err
		}
		if err := tx.Skip("posts", n, 4_000_000_000_000+int64(i)*5_000); err != nil {
			return err
		}
		drawn[i], err = tx.NextID("posts")
		return err
	})
	seen := map[int64]bool{}
	for i, n := range drawn {
		if n <= 4_000_000_000_000+int64(i)*5_000 || seen[n] {
			t.Errorf("transaction %d drew %d, which it was to skip, or a second time", i, n)
		}
		seen[n] = true
	}
}

func (f *fixture) generation(table string) (generation int64) {
	f.t.Helper()
	f.read(func(r store.Reader) (err error) {
		generation, err = r.Generation(table)
		return err
	})
	return generation
}

func generations(t *testing.T, f *fixture) {
	touch := func(tables ...string) func(store.Tx) error {
		return func(tx store.Tx) error { tx.MarkChanged(tables...); return nil }
	}
	notes, others := f.generation("notes"), f.generation("others")
	moved := func(what string, wantNotes, wantOthers bool) {
		t.Helper()
		n, o := f.generation("notes"), f.generation("others")
		if (n != notes) != wantNotes || (o != others) != wantOthers {
			t.Errorf("%s: notes moved: %t, others moved: %t; want %t, %t", what, n != notes, o != others, wantNotes, wantOthers)
		}
		notes, others = n, o
	}
	moved("nothing written", false, false)
	f.write(touch("notes"))
	moved("one touched", true, false)
	f.write(touch("notes", "others", "notes"))
	moved("both touched", true, true)
	f.write(func(tx store.Tx) error { return addNote(tx, 1, "a") })
	moved("none touched", false, false)
	_ = f.db.Write(t.Context(), func(tx store.Tx) error { tx.MarkChanged("notes"); return errRefused })
	moved("undone", false, false)
	f.together(8, func(i int, tx store.Tx) error {
		tx.MarkChanged("others")
		if i%2 == 0 {
			return fmt.Errorf("function %d: %w", i, errRefused)
		}
		return nil
	})
	moved("a group", false, true)
	f.reopen()
	moved("opened again", false, false)
}

// versions: the version of any number of tables moves with each of them, and with no other.
func versions(t *testing.T, f *fixture) {
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("table_%d", i)
	}
	version := func(tables []string) (version []int64) {
		known := false
		for deadline := time.Now().Add(20 * time.Second); !known && time.Now().Before(deadline); {
			f.read(func(r store.Reader) (err error) { // an engine that was busy may not know what other programs did
				version, known, err = r.Version([]int64{7}, tables)
				return err
			})
		}
		if !known || len(version) < 2 || version[0] != 7 {
			t.Fatalf("Version(%q) = %v, %t: want a version behind the given 7", tables, version, known)
		}
		return version
	}
	for _, n := range []int{0, 1, 2, 3, 15, 16, 17, len(names)} {
		before := version(names[:n])
		if again := version(names[:n]); !slices.Equal(before, again) {
			t.Errorf("%d tables: %v, then %v, with no write between them", n, before, again)
		}
		for _, written := range []int{0, n - 1, n, len(names) - 1} {
			if written < 0 || written >= len(names) {
				continue
			}
			f.write(func(tx store.Tx) error { tx.MarkChanged(names[written]); return nil })
			after := version(names[:n])
			if moved := !slices.Equal(before, after); moved != (written < n) {
				t.Errorf("%d tables: table %d was written, and the version moved: %t", n, written, moved)
			}
			before = after
		}
	}
}

// generationInside: a function sees its own changes to a table under a generation that nobody else ever gets.
func generationInside(t *testing.T, f *fixture) {
	before := f.generation("notes")
	inside := make([]int64, 8)
	f.together(len(inside), func(i int, tx store.Tx) (err error) {
		tx.MarkChanged("notes")
		if err := addNote(tx, int64(i), fmt.Sprint(i)); err != nil {
			return err
		}
		inside[i], err = tx.Generation("notes")
		return err
	})
	seen := map[int64]bool{before: true, f.generation("notes"): true}
	for _, generation := range inside {
		if seen[generation] {
			t.Errorf("Generation() = %d inside a transaction, which another saw too", generation)
		}
		seen[generation] = true
	}
}
