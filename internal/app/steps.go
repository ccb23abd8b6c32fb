package app

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// maxSteps bounds the records of a migration that wait for the sinks.
const maxSteps = 1000

// steps keeps the records of a migration: its steps run before the sinks are open.
type steps struct{ records []*telemetry.Record }

// Take implements telemetry.Sink.
func (s *steps) Take(r *telemetry.Record) {
	if len(s.records) < maxSteps {
		kept := *r
		kept.Statements.List = slices.Clone(r.Statements.List)
		s.records = append(s.records, &kept)
	}
}

// tellSteps gives the records of the migration at the start to the log and to the sinks.
func (a *App) tellSteps() {
	sinks := telemetry.NewSinks(a.cfg.Logger, a.sinks...)
	for _, r := range a.steps.records {
		r.Log(a.cfg.Logger)
		sinks.Take(r)
	}
	a.steps.records = nil
}
