package app

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/backups"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// openBackups begins to take backups if the model asks for them. It comes after the sender of alerts.
func (a *App) openBackups() error {
	if a.keeping == nil {
		return nil
	}
	work, err := a.newBackupWork()
	if err != nil {
		return err
	}
	a.backups = schedule.New(schedule.Config{
		Backups: a.keeping, Work: work, Store: a.Store, Node: a.instance(), Alerts: a.tellOfBackups, Logger: a.cfg.Logger, Now: a.cfg.Now,
	})
	a.services = append(a.services, service{"backups", a.backups})
	return nil
}

// tellOfBackups sends an alert about backups, and notes it in the timeline.
func (a *App) tellOfBackups(found schedule.Alert) {
	key := "backups/" + found.Kind
	a.alerts.Send(alert.Alert{
		Key: key, Severity: "ticket", Summary: found.Summary, Firing: found.Firing, Since: found.Since, At: found.At,
		Labels: map[string]string{"backups": found.Kind}, Details: []alert.Detail{{Name: "look", Value: "/console/backups"}},
	})
	if a.Archive == nil {
		return
	}
	kind := archive.EventAlertOver
	if found.Firing {
		kind = archive.EventAlert
	}
	a.Archive.PutEvent(archive.Event{At: found.At, Kind: kind, Text: found.Summary, Details: key})
}

// backupSections returns the page of the console about backups.
func (a *App) backupSections() []console.Section {
	if a.backups == nil {
		return nil
	}
	return backups.Sections(backups.Config{
		Schedule: a.backups, Plan: a.keeping.String(), Note: a.noteInAudit, Styles: operation.Styles(), Points: a.Objectives.Points, Now: a.cfg.Now,
	})
}

// backupFamilies returns the metrics of backups, none for a model without them. The service is nil when only their number counts.
func backupFamilies(m *model.Model, service *schedule.Service, now func() time.Time) []metric.Family {
	if m.Backups == nil {
		return nil
	}
	kinds := []string{schedule.KindBackup}
	if m.Backups.Drill > 0 {
		kinds = append(kinds, schedule.KindDrill)
	}
	family := func(name, help string, value func(*schedule.KindStatus) float64) metric.Family {
		return metric.Family{Name: name, Help: help, Labels: []string{"kind"}, Most: len(kinds), Values: func() (all []metric.Labelled) {
			for _, kind := range kinds {
				if one := service.Status().Of(kind); one != nil {
					all = append(all, metric.Labelled{Labels: []string{kind}, Value: value(one)})
				}
			}
			return all
		}}
	}
	return []metric.Family{
		family("ashlar_backup_age_seconds", "Time since the last backup or drill that worked began, in seconds; -1 if none has.", func(one *schedule.KindStatus) float64 {
			if one.LastOK.IsZero() {
				return -1
			}
			return now().Sub(one.LastOK).Seconds()
		}),
		family("ashlar_backup_failures", "Backups or drills that failed in a row.", func(one *schedule.KindStatus) float64 { return float64(one.Failures) }),
		family("ashlar_backup_overdue", "1 if a backup or drill is overdue, or the target cannot be written.", func(one *schedule.KindStatus) float64 {
			if one.Overdue || service.Status().Problem != "" {
				return 1
			}
			return 0
		}),
	}
}
