package app

import "github.com/ashlar-dev/ashlar/internal/telemetry/incident"

// openIncidents begins to open and close incidents as alerts come and go, if the app has a telemetry database.
func (a *App) openIncidents() {
	if a.Archive == nil {
		return
	}
	a.Incidents = incident.New(a.Archive, a.objectivesOfAll(), incident.Config{Operate: a.Operate, Logger: a.cfg.Logger, Now: a.cfg.Now})
	a.services = append(a.services, service{"incidents", a.Incidents})
}
