package app

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// newAlerts returns the sender of alerts to the targets of the model.
func (a *App) newAlerts() *alert.Sender {
	return alert.NewSender(a.Operate.Alerts, alert.Config{
		App: a.Rules.Model.Name, Node: a.instance(), Rows: a.Rows, Mail: a.mailAlert, Egress: a.egress, Jobs: a.jobs, Logger: a.cfg.Logger, Now: a.cfg.Now,
	})
}

// tellAlert sends an alert, opens an incident for it, and notes it in the timeline.
func (a *App) tellAlert(found objective.Alert) {
	a.alerts.Send(alertOf(found))
	if a.Incidents != nil {
		a.Incidents.Alert(found)
	}
	if a.Archive != nil {
		kind := archive.EventAlertOver
		if found.Firing {
			kind = archive.EventAlert
		}
		a.Archive.PutEvent(archive.Event{At: found.At, Kind: kind, Text: found.Summary(), Details: found.Key()})
	}
}

// alertOf returns the alert that people get.
func alertOf(found objective.Alert) alert.Alert {
	percent := func(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }
	who := "several callers"
	if found.OneCaller {
		who = "one caller, who makes most of the requests"
	}
	details := []alert.Detail{
		{Name: "bad", Value: strconv.FormatUint(found.Bad, 10)},
		{Name: "total", Value: strconv.FormatUint(found.Total, 10)},
		{Name: "window", Value: objective.Span(found.Window)},
		{Name: "burn_rate", Value: strconv.FormatFloat(found.Burn, 'f', 1, 64)},
		{Name: "callers", Value: who},
		{Name: "budget_left", Value: percent(found.BudgetLeft)},
	}
	if found.Kind == objective.RestorePoint {
		details = []alert.Detail{{Name: "restore_point", Value: objective.Span(found.Below)}, {Name: "look", Value: "/console/backups"}}
	}
	return alert.Alert{
		Key: found.Key(), Severity: string(found.Severity), Summary: found.Summary(), Firing: found.Firing, Since: found.Since, At: found.At,
		Labels:  map[string]string{"objective": found.Name, "kind": string(found.Kind)},
		Details: details,
	}
}

// alertLetter is the kind of a letter about an alert. No other package queues one.
const alertLetter = "alert"

// mailAlert queues a mail. If the database takes none, it sends the mail at once: the alert may be about the database.
func (a *App) mailAlert(ctx context.Context, address string, found alert.Alert) error {
	var lines []string
	for _, d := range found.Details {
		lines = append(lines, strings.ReplaceAll(d.Name, "_", " ")+": "+d.Value)
	}
	letter := mail.Letter{Kind: alertLetter, To: address, Data: map[string]string{
		"severity": found.Severity, "summary": errs.Clip(found.Summary, 500), "firing": strconv.FormatBool(found.Firing),
		"since": found.Since.UTC().Format(time.RFC3339), "details": errs.Clip(strings.Join(lines, "\n"), 2000),
	}}
	queueing, cancel := context.WithTimeout(ctx, queueTime)
	defer cancel()
	err := a.Rows.Transact(queueing, caller.System("alert"), func(tx *record.Tx) error { return a.accounts.outbox.Queue(tx, letter) })
	if err != nil {
		a.cfg.Logger.Warn("a mail about an alert is sent past the queue", "error", err)
		return a.accounts.outbox.SendNow(ctx, rand.Text(), letter)
	}
	return nil
}

// queueTime bounds the wait for the database.
const queueTime = 5 * time.Second

// composeAlert says what a letter about an alert says.
func composeAlert(l mail.Letter) (mail.Message, bool, error) {
	since, err := time.Parse(time.RFC3339, l.Data["since"])
	if err != nil {
		return mail.Message{}, false, err
	}
	return mail.Message{Template: alertLetter, Data: mail.Data{At: since, Alert: mail.Alert{
		Severity: l.Data["severity"], Summary: l.Data["summary"], Firing: l.Data["firing"] == "true", Details: strings.Split(l.Data["details"], "\n"),
	}}}, true, nil
}
