package app

import "github.com/ashlar-dev/ashlar/internal/telemetry"

// takeJob gives the record of background work to the log and to the sinks. It takes none before Serve.
func (a *App) takeJob(r *telemetry.Record) {
	if a.taking != nil {
		r.Log(a.cfg.Logger)
		a.taking.Take(r)
	}
}

// sampleJob decides whether the trace of background work may be exported.
func (a *App) sampleJob(id telemetry.TraceID) bool { return a.exporter == nil || a.exporter.Sample(id) }
