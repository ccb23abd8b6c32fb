package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/telemetry/watch"
)

// openWatch begins to watch what is around the app, if it keeps the timeline. The health checks and the recorder of queries
// are open.
func (a *App) openWatch(ctx context.Context) {
	if a.Archive == nil {
		return
	}
	a.Watch = watch.New(watch.Config{
		Put: a.Archive.PutEvent, Store: a.Store, Refused: a.whyRefused,
		Folder: a.folder.path, File: a.folder.watch(a.process().Node), Settings: a.settings(),
		Migrations: a.migrationsSince, Backlogs: a.backlogs, Shapes: a.shapes, Certificates: a.lookAtCertificates,
		Begun: a.begun, Logger: a.cfg.Logger, Now: a.cfg.Now,
	})
	a.Watch.Look(ctx)
	a.sinks = append(a.sinks, a.Watch)
	a.services = append(a.services, service{"watch", a.Watch})
}

// whyRefused returns why the database takes no writes, or nil.
func (a *App) whyRefused() error {
	if err := a.Store.Writable(); err != nil {
		return err
	}
	return a.writes.Func(context.Background())
}

// migrationsSince returns the changes of the tables after one.
func (a *App) migrationsSince(ctx context.Context, id int64) (list []watch.Migration, err error) {
	entries, err := migrate.Since(ctx, a.Store, id)
	for _, entry := range entries {
		if entry.Finished.IsZero() {
			break // told when it is finished
		}
		list = append(list, watch.Migration{
			ID: entry.ID, At: entry.Finished, Took: entry.Finished.Sub(entry.Started), By: entry.By,
			Changes: entry.Changes, Failed: entry.State == migrate.Undone,
		})
	}
	return list, err
}

// backlogs returns the mails that wait.
func (a *App) backlogs() []watch.Backlog {
	mails := a.accounts.outbox.Stats()
	return []watch.Backlog{{Name: "mails", Waiting: int(a.mailsDue()), Longest: mails.Longest, GivenUp: mails.Failed}}
}

// mailsDue returns how many mails waited at the last count.
func (a *App) mailsDue() (due int64) {
	for _, d := range a.depths.Depths() {
		if d.Queue == outbox.Queue && d.State == "waiting" {
			due = d.Jobs
		}
	}
	return due
}

// shapes returns the sums of all queries.
func (a *App) shapes() (list []watch.Shape) {
	a.usage.Totals(func(s advise.Shape) {
		name := s.Text
		if name == "" {
			name = s.Operation + " " + s.Table
		}
		one := watch.Shape{Name: name + " (" + s.CallerKind + ")", Calls: s.Calls, Took: s.Took}
		if len(s.Statements) > 0 {
			one.SQL = s.Statements[0].SQL
		}
		list = append(list, one)
	})
	return list
}

// lookAtCertificates looks at the certificates of the public address, and of the providers at which users sign in.
func (a *App) lookAtCertificates(ctx context.Context) (list []watch.Certificate) {
	addresses := []string{a.publicURL()}
	if a.Accounts != nil {
		for i := range a.Accounts.Providers {
			addresses = append(addresses, a.Accounts.Providers[i].Issuer)
		}
		for i := range a.Accounts.Issuers {
			addresses = append(addresses, a.Accounts.Issuers[i].Issuer)
		}
	}
	slices.Sort(addresses)
	addresses = slices.DeleteFunc(slices.Compact(addresses), func(address string) bool { return !strings.HasPrefix(address, "https://") })
	looks := make([]<-chan error, len(addresses))
	found := make([]watch.Certificate, len(addresses))
	for i, address := range addresses {
		looks[i] = background.Async("a look at a certificate", func() error {
			found[i], _ = watch.LookAtCertificate(ctx, address, nil, time.Now)
			return nil
		})
	}
	for i, look := range looks {
		if <-look; found[i].Address != "" {
			list = append(list, found[i])
		}
	}
	return append(list, a.ownCertificates()...)
}
