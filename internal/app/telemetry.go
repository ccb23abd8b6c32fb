package app

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// Further values of Config.Telemetry.
const (
	AutoTelemetry = -1 // the app chooses the bound of the database itself
	NoTelemetry   = -2 // no database, and neither traces nor queries for advice in memory
)

// openArchive opens the telemetry database, if the app has one. Nothing that is wrong with it stops the app.
func (a *App) openArchive() {
	if a.cfg.Telemetry == 0 || a.cfg.Telemetry == NoTelemetry {
		return
	}
	logs := a.Rules.Model.Operate.Logs
	a.Archive = archive.Open(filepath.Join(a.folder.path, archive.FileName), archive.Config{
		Process: a.process(),
		Size:    max(0, a.cfg.Telemetry),
		Slow:    logs.Slow,
		Sample:  logs.Sample,
		Keep:    logs.Keep,
		Points:  a.readPoints,
		Logger:  a.cfg.Logger,
		Now:     a.cfg.Now,
	})
	a.sinks = append(a.sinks, a.Archive)
	a.services = append(a.services, service{"telemetry", a.Archive})
}

// readPoints returns the values of the metrics at this moment. Metrics are made after the archive, and before it runs.
func (a *App) readPoints() []telemetry.Point {
	if a.points == nil {
		return nil
	}
	a.flushRecords()
	return a.points()
}

// process returns what all records of this process have in common.
func (a *App) process() telemetry.Process {
	node, err := os.Hostname()
	if err != nil {
		node = "unknown"
	}
	return telemetry.Process{Node: node, Build: a.cfg.Version, Revision: revisionOf(a.Rules.Model), Started: a.cfg.Now()}
}

// revisionOf returns a text that changes with the tables, rules, checks and views of a model.
func revisionOf(m *model.Model) string {
	sum := sha256.New()
	sum.Write(snapshot.Encode(m))
	for _, table := range m.All() {
		if view := table.View; view != nil {
			for _, text := range [...]string{table.Name, view.SQLite.String(), view.Postgres.String(), table.Access.Read.String()} {
				sum.Write(append([]byte(text), 0))
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}
