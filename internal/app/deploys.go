package app

import (
	"context"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
)

// openDeploys begins to audit deploys, if there is a telemetry database to compare with.
func (a *App) openDeploys(ctx context.Context) {
	if a.Archive == nil {
		return
	}
	a.deploys = deploy.NewService(deploy.Config{
		Archive: a.Archive, Node: a.process().Node, Jobs: a.jobs, Logger: a.cfg.Logger, Now: a.cfg.Now,
		Alert: func(found deploy.Alert) { a.alerts.Send(deployAlert(found)) },
	})
	firing, fires, err := a.deploys.Resume(ctx)
	if err != nil {
		a.cfg.Logger.Warn("earlier audits of deploys could not be read", "error", err)
	}
	if fires {
		a.alerts.Resume(deployAlert(firing))
	}
	a.services = append(a.services, service{"deploys", a.deploys})
}

// mostDetails bounds the measures in an alert.
const mostDetails = 20

// deployAlert returns the alert that people get.
func deployAlert(found deploy.Alert) alert.Alert {
	out := alert.Alert{
		Key: deploy.Key, Severity: "ticket", Summary: found.Summary(), Firing: found.Firing, Since: found.Since, At: found.At,
		Labels: map[string]string{"alertname": "AshlarDeploy", "kind": "deploy"},
	}
	worse := found.Audit.Worse()
	for i, m := range worse[:min(mostDetails, len(worse))] {
		out.Details = append(out.Details, alert.Detail{Name: fmt.Sprint("worse_", i+1), Value: m.String()})
	}
	return out
}
