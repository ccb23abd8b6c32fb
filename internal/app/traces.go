package app

import (
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
)

// Export says where traces go. The zero value exports none.
type Export struct {
	URL     string           // of a collector's traces, see trace.Endpoint; "": none
	Headers telemetry.Secret // of each call: "name=value,name=value"
	Ratio   float64          // share of the traces that begin here, 0 to 1
}

// openTraces keeps traces of the requests, and exports them if it is asked to.
func (a *App) openTraces() (err error) {
	if to := a.cfg.Traces; to.URL != "" {
		a.exporter, err = trace.NewExporter(trace.ExportConfig{
			URL: to.URL, Headers: to.Headers, Ratio: to.Ratio,
			Service: a.Rules.Model.Name, Version: a.cfg.Version, Instance: a.instance(), Database: a.systemName(),
			Grace: a.cfg.Grace / 2, Egress: a.egress, Logger: a.cfg.Logger,
		})
		if err != nil {
			return err
		}
		// The first service stops last, so that it sends what the others do while they stop.
		a.services = append([]service{{"export of traces", a.exporter}}, a.services...)
	}
	if a.cfg.Telemetry == NoTelemetry && a.exporter == nil {
		return nil
	}
	cfg := trace.Config{Slow: a.Operate.Logs.Slow, Exporter: a.exporter}
	if a.Archive != nil {
		cfg.Keeper = archiveTraces{a.Archive}
	}
	a.Traces = trace.New(cfg)
	a.sinks = append(a.sinks, a.Traces)
	return nil
}

// sample returns the decision about traces that begin here, or nil if all are sampled.
func (a *App) sample() func(telemetry.TraceID) bool {
	if a.exporter == nil {
		return nil
	}
	return a.exporter.Sample
}

// instance tells this server from others with the same model: the machine and the port.
func (a *App) instance() string {
	node := a.process().Node
	if at, err := url.Parse(a.cfg.LocalURL); err == nil && at.Port() != "" {
		node += ":" + at.Port()
	}
	return node
}

// archiveTraces keeps slow and failed traces in the telemetry database.
type archiveTraces struct{ *archive.Archive }

// PutTrace implements trace.Keeper.
func (k archiveTraces) PutTrace(t trace.Trace) {
	k.Archive.PutTrace(archive.Trace{
		ID: t.Trace, Name: t.Name(), Start: t.Start, Duration: t.Duration, Failed: t.Failed, Body: trace.Encode(&t),
	})
}

// systemName returns the name of the database's product, as OpenTelemetry writes it.
func (a *App) systemName() string {
	if a.cfg.Database != "" {
		return "postgresql"
	}
	return "sqlite"
}
