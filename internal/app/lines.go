package app

import (
	"cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// lines says which requests get a line in the log.
func (a *App) lines() telemetry.Lines {
	logs := cmp.Or(a.Rules.Model.Operate, model.DefaultOperate()).Logs
	return telemetry.Lines{Sample: logs.Lines, Slow: logs.Slow}
}
