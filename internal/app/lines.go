package app

import (
	"cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// openSlow logs slow statements with their plans.
func (a *App) openSlow() {
	slow := telemetry.NewSlow(a.cfg.Logger, a.lines().Slow, a.Store.Plan)
	a.sinks = append(a.sinks, slow)
	a.services = append(a.services, service{"slow statements", slow})
}

// lines says which requests get a line in the log.
func (a *App) lines() telemetry.Lines {
	logs := cmp.Or(a.Rules.Model.Operate, model.DefaultOperate()).Logs
	return telemetry.Lines{Sample: logs.Lines, Slow: logs.Slow}
}
