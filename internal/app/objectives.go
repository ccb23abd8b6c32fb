package app

import (
	"cmp"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// openObjectives begins to watch the objectives of the model, and to send their alerts.
func (a *App) openObjectives() {
	a.alerts = a.newAlerts()
	file := a.folder.objectives(a.process().Node)
	started := a.cfg.Now()
	a.Objectives = objective.NewService(a.Operate, objective.Config{
		File: file, Events: a.tellOwnAlert, Restorable: func() time.Time { return a.newestRestorable(started) }, Logger: a.cfg.Logger, Now: a.cfg.Now,
	})
	for _, firing := range a.Objectives.Firing() {
		a.firing.change(ownRequests, &firing)
		a.alerts.Resume(alertOf(firing))
	}
	a.sinks = append(a.sinks, a.Objectives)
	a.services = append(a.services, service{"alerts", a.alerts}, service{"objectives", a.Objectives})
}

// newestRestorable returns the moment that the newest backup would bring back. Before the first backup, that is the start of this
// server: an app that is never backed up must miss its objective too.
func (a *App) newestRestorable(started time.Time) time.Time {
	if a.backups == nil {
		return time.Time{}
	}
	one := a.backups.Status().Of(schedule.KindBackup)
	switch {
	case one == nil:
		return time.Time{}
	case one.LastOK.IsZero():
		return started
	}
	return one.LastOK
}

// usualProbe is the path that an idle server asks for if the model names none. Its answer tells whether the database can be
// read and written.
const usualProbe = "/readyz"

// startProbe starts the requests of an idle server to itself, unless the model turns them off.
func (a *App) startProbe(services *background.Services, handler http.Handler) {
	probe := a.Operate.Probe
	if probe.Every == 0 {
		return
	}
	idle := func(length time.Duration) bool { return !a.stopping.Load() && a.Objectives.Idle(length) }
	services.Start("probe", &web.Prober{Handler: handler, Path: cmp.Or(probe.Path, usualProbe), Every: probe.Every, Idle: idle})
}
