package app

import (
	"os"

	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/job/change"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// openActions makes the queue do the jobs of the model. It comes after the rows and the accounts. It returns model.Faults for
// settings that are missing.
func (a *App) openActions() error {
	targets, faults := a.Rules.Model.ResolveTargets(os.LookupEnv, os.ReadFile)
	if len(faults) > 0 {
		return faults
	}
	a.targets = targets
	actor := action.New(action.Config{
		Rules: a.Rules, Rows: a.Rows, Mailer: a.accounts.mailer, Egress: a.egress, Targets: targets, Key: webhook.NewKeyFromSeed(a.Keys.Derive("webhooks")),
		Functions: a.cfg.Functions, API: a.ask, User: a.accounts.service.ForJob, Due: a.starts.Due, Now: a.cfg.Now,
	})
	changes, err := change.Handlers(change.Config{Rules: a.Rules, Store: a.Store, Rows: a.Rows, Caller: actor.Caller, Due: a.starts.Due, Now: a.cfg.Now})
	if err != nil {
		return err
	}
	byName := actor.Handlers()
	for name, do := range changes {
		byName[name] = do
	}
	a.actions = byName
	for _, j := range a.Rules.Model.Jobs {
		if do := byName[j.Name]; do != nil {
			a.work.Handle(j.Name, j.AtMost, do)
		}
	}
	return nil
}
