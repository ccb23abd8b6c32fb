package app

import (
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A change of the model at the start leaves a record and a line for each step. A new database leaves none.
func TestStepsOfAMigrationHaveRecords(t *testing.T) {
	dir := app(t, notes)
	var first log
	if err := opened(t, dir, Config{Logger: first.logger()}).Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(first.String(), `"migration"`) {
		t.Errorf("a new database has lines about steps: %s", first.String())
	}
	changed := strings.Replace(notes, "tables:\n", "tables:\n  more:\n    fields: {text: {type: text}}\n    access: {read: \"true\"}\n", 1)
	if changed == notes {
		t.Fatal("the model is not changed")
	}
	write(t, dir, changed)
	var second log
	server := opened(t, dir, Config{Logger: second.logger()})
	line := second.line(t, `"msg":"migration"`)
	if line["statements"] != 1.0 || line["operation"] != "migrate" || line["trace"] == "" {
		t.Errorf("the line of a step is %v", line)
	}
	if len(server.steps.records) != 0 {
		t.Error("the steps are told twice")
	}
	var kept steps
	r := &telemetry.Record{Work: telemetry.WorkMigration}
	for range 2 * maxSteps {
		kept.Take(r)
	}
	if len(kept.records) != maxSteps {
		t.Errorf("%d records of steps wait", len(kept.records))
	}
}
