package migrate

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// printed returns all that a plan says of its steps, and how it will carry them out.
func printed(p *Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%v: %s [%v] %v; %s", s.Phase, s.Title, s.Pos, s.Hazards, s.Lock)
		if s.Drop != "" {
			fmt.Fprintf(&b, "; drops %s", s.Drop)
		}
		b.WriteString("\n")
		for _, a := range s.parts {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(a.text(), "\n", "\n    "))
			if a.outsideTx {
				b.WriteString("      outside of a transaction\n")
			}
			if a.loop != nil {
				fmt.Fprintf(&b, "      %T over %q\n", a.loop, a.loop.table())
			}
			if a.undo != "" {
				fmt.Fprintf(&b, "      undo: %s\n", a.undo)
			}
		}
	}
	return b.String()
}

// The plans of the changes in docs/migrations.md, and of journeys that change much at once, for both engines.
func TestPlans(t *testing.T) {
	var all strings.Builder
	show := func(name, was, is string) {
		for _, d := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres} {
			old, next := load(t, was), load(t, is)
			p := newPlanner(d, old.Model, next.Model, backfillBy(next, time.Unix(1e9, 0)))
			p.steps()
			fmt.Fprintf(&all, "-- %s, %s --\n%s", name, d, printed(p.plan))
		}
	}
	for _, g := range guided {
		show(g.name, "  people: {key: text}\n  "+g.was+"\n", "  people: {key: text}\n  "+g.is+"\n")
	}
	for _, j := range journeys() {
		show(j.name, j.before, j.after)
	}
	const file = "testdata/plans.txt"
	if *update {
		if err := os.WriteFile(file, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("plans (-want +got):\n%s", diff)
	}
}
