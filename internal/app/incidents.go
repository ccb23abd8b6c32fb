package app

import (
	"cmp"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// openIncidents begins to open and close incidents as alerts come and go, if the app has a telemetry database.
func (a *App) openIncidents() {
	if a.Archive == nil {
		return
	}
	a.Incidents = incident.New(a.Archive, a.objectivesOfAll(), incident.Config{Operate: a.Operate, Logger: a.cfg.Logger, Now: a.cfg.Now})
	a.services = append(a.services, service{"incidents", a.Incidents})
}

// ReadIncidents returns the incidents of an app, to read them. A server may be running. The caller calls shut when it has read
// them.
func ReadIncidents(loaded *Loaded, cfg Config) (incidents *incident.Service, shut func() error, err error) {
	a := newApp(loaded, cfg)
	kept, err := archive.OpenReader(filepath.Join(a.cfg.Data, archive.FileName))
	if err != nil {
		return nil, nil, err
	}
	operate := cmp.Or(loaded.Rules.Model.Operate, model.DefaultOperate())
	file := folder{path: a.cfg.Data}.objectives(a.process().Node)
	objectives := objective.NewService(operate, objective.Config{File: file, Logger: a.cfg.Logger, Now: a.cfg.Now})
	return incident.New(kept, objectives, incident.Config{Operate: operate, Now: a.cfg.Now}), kept.Close, nil
}
