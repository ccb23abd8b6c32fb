package sqlite

import (
	"context"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// labelsHere returns the part of a goroutine profile about the goroutine that calls it.
func labelsHere(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(text.String(), "\n\n") {
		if strings.Contains(part, "sqlite.labelsHere") {
			return part
		}
	}
	t.Fatal("the profile lacks its own goroutine")
	return ""
}

// Profiles show the work of the writer with the work of its callers, also when one caller leads a group with jobs of others.
func TestTheWriterHasTheLabelsOfItsJob(t *testing.T) {
	db := openScripts(t, Config{})
	as := func(route string) context.Context {
		return pprof.WithLabels(context.Background(), pprof.Labels("route", route))
	}
	for _, route := range []string{"first", "second"} {
		err := db.Write(as(route), func(store.Tx) error {
			if got := labelsHere(t); !strings.Contains(got, `"route":"`+route+`"`) {
				t.Errorf("a function of %s runs under\n%s", route, got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	defer pprof.SetGoroutineLabels(context.Background())
	pprof.SetGoroutineLabels(as("leader"))
	done, err := db.Script(as("leader"), func(int64) (*store.Script, error) {
		look := func(value.Row) error {
			if got := labelsHere(t); !strings.Contains(got, `"route":"leader"`) {
				t.Errorf("a script of the leader runs under\n%s", got)
			}
			return nil
		}
		return inserting(1, look), nil
	})
	if !done || err != nil {
		t.Fatalf("Script = %v, %v", done, err)
	}
	if got := labelsHere(t); !strings.Contains(got, `"route":"leader"`) {
		t.Errorf("after its script the leader has\n%s", got)
	}
}
