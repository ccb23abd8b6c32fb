package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// evaluate returns the text of an expression about arguments $1, $2; "" for NULL.
func evaluate(ctx context.Context, db *DB, expr string, args ...string) (text string, err error) {
	var values []value.Value
	for _, a := range args {
		values = append(values, value.OfText(a))
	}
	err = db.Read(ctx, func(r store.Reader) error {
		return r.Query("SELECT ("+expr+")::text", values, func(row value.Row) error {
			text = string(row.Bytes(0))
			return nil
		})
	})
	return text, err
}

func TestTextFunctions(t *testing.T) {
	db := openNew(t, Config{})
	for _, tt := range []struct {
		expr string
		args []string
		want string
	}{
		{"char_length(ashlar_concat($1, $2))", []string{strings.Repeat("x", value.MaxConcat-2), "é"}, strconv.Itoa(value.MaxConcat - 1)},
		{"ashlar_concat($1, $2)", []string{strings.Repeat("x", value.MaxConcat-1), "é"}, ""},
		{"ashlar_concat($1, NULL)", []string{"a"}, ""},
		{"ashlar_contains($1, NULL)", []string{"a"}, ""},
		{"ashlar_contains($1, $2)", []string{"", ""}, "true"},
		{"ashlar_contains($1, $2)", []string{"aéb", "é"}, "true"},
		{"ashlar_contains($1, $2)", []string{"a", "aa"}, "false"},
		{"ashlar_contains($1, $2)", []string{strings.Repeat("a", 900_000) + "b", strings.Repeat("a", 3000) + "b"}, "true"},
		{"ashlar_contains($1, $2)", []string{strings.Repeat("a", 900_000) + "c", strings.Repeat("a", 3000) + "b"}, "false"},
		{"ashlar_contains($1, $2)", []string{strings.Repeat("a", 1000), strings.Repeat("a", 2<<20)}, "false"},
	} {
		if got, err := evaluate(t.Context(), db, tt.expr, tt.args...); err != nil || got != tt.want {
			t.Errorf("%s = %.40q (%v), want %q", tt.expr, got, err, tt.want)
		}
	}
}

// containsBody finds a part that lies on the border of two steps.
func TestContainsInSteps(t *testing.T) {
	db := openNew(t, Config{})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		size := 10_000 + random.IntN(80_000)
		step := (1 << 30) / size
		text := strings.Repeat("a", step*(1+random.IntN(2))+random.IntN(5)-2) + "b" + strings.Repeat("a", size+random.IntN(10_000))
		at := random.IntN(len(text) - size + 1)
		part := text[at : at+size]
		if random.IntN(2) == 0 {
			part = part[:size-1] + "c"
		}
		got, err := evaluate(t.Context(), db, "ashlar_contains($1, $2)", text, part)
		if want := strconv.FormatBool(strings.Contains(text, part)); err != nil || got != want {
			t.Errorf("%d bytes at %d of %d: %s (%v), want %s", size, at, len(text), got, err, want)
		}
	}
}

// The slowest search that a rule can make, of one user's text in another user's text, ends when it is cancelled.
func TestContainsCanBeCancelled(t *testing.T) {
	db := openNew(t, Config{Readers: 2})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := evaluate(ctx, db, "ashlar_contains($1, $2)", strings.Repeat("a", 1<<20), strings.Repeat("a", 1<<19)+"b")
	if err == nil {
		t.Skip("the machine searches in 300 ms what takes others 8 s")
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, store.ErrStatementTimeout) {
		t.Errorf("the search ended with %v", err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		busy, err := evaluate(t.Context(), db, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%ashlar_contains($1%' AND pid <> pg_backend_pid() AND datname = current_database()")
		if err != nil {
			t.Fatal(err)
		}
		if busy == "0" {
			t.Logf("its backend stopped after %v", time.Since(began))
			return
		}
		if time.Since(began) > 3*time.Second {
			t.Fatalf("%s backends still search", busy)
		}
	}
}

// A database of an earlier release gets the functions that it lacks.
func TestMissingFunctionsAreMade(t *testing.T) {
	url := pgtest.URL(t)
	open := func() *DB {
		db, err := Open(t.Context(), url, Config{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec("DROP FUNCTION ashlar_concat(text, text)", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = open()
	defer db.Close()
	if got, err := evaluate(t.Context(), db, "ashlar_concat($1, $2)", "a", "b"); err != nil || got != "ab" {
		t.Errorf("ashlar_concat = %q (%v)", got, err)
	}
}
