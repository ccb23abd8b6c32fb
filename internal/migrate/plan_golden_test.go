package migrate_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// printed returns all that a plan says of its steps, and how it will carry them out.
func printed(planned *plan.Plan) string {
	var text strings.Builder
	for _, step := range planned.Steps {
		fmt.Fprintf(&text, "%v: %s [%v] %v; %s", step.Phase, step.Title, step.Pos, step.Hazards, step.Lock)
		if step.Drop != "" {
			fmt.Fprintf(&text, "; drops %s", step.Drop)
		}
		text.WriteString("\n")
		for _, part := range step.Parts {
			fmt.Fprintf(&text, "    %s\n", strings.ReplaceAll(part.Text(), "\n", "\n    "))
			if part.OutsideTx {
				text.WriteString("      outside of a transaction\n")
			}
			if part.Loop != nil {
				fmt.Fprintf(&text, "      %T over %q\n", part.Loop, part.Loop.Table())
			}
			if part.Undo != "" {
				fmt.Fprintf(&text, "      undo: %s\n", part.Undo)
			}
		}
	}
	return text.String()
}

// The plans of the changes in docs/migrations.md, and of journeys that change much at once, for both engines.
func TestPlans(t *testing.T) {
	var all strings.Builder
	show := func(name, was, is string) {
		for _, d := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.Postgres} {
			old, next := load(t, was), load(t, is)
			p := migrate.NewEnginePlan(d, old.Model, next.Model, plan.Defaults(next, time.Unix(1e9, 0)))
			fmt.Fprintf(&all, "-- %s, %s --\n%s", name, d, printed(p))
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
