package app

import (
	jobstart "github.com/ashlar-dev/ashlar/internal/job/start"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// openStarts opens what adds jobs to writes. It comes after the queues and before the rows.
func (a *App) openStarts() {
	a.starts = jobstart.New(a.Store, a.Rules, a.work, jobstart.Config{Logger: a.cfg.Logger})
	a.services = append(a.services, service{"timers", a.starts})
}

// effects returns what adds jobs to writes, or nil if no write of the model starts one.
func (a *App) effects() record.Effector {
	if a.starts.Empty() {
		return nil
	}
	return a.starts
}
