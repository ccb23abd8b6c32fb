package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Config tunes an Outbox. Compose, Templates and Sender are required.
type Config struct {
	Compose   Composer
	Templates *Templates
	Sender    Sender
	Workers   int              // letters on their way at once; default: 4
	Jobs      *telemetry.Jobs  // get the records of its work; default: none
	Logger    *slog.Logger     // default: no log
	Now       func() time.Time // default: time.Now
}

// An Outbox holds letters until they are sent. It is safe for concurrent use.
type Outbox struct {
	rows  *record.DB
	table *model.Table
	cfg   Config
	wake  chan struct{} // has room for one
	tally tally

	sending, looking, purging *telemetry.Job

	stopTime time.Duration // tests lower it
}

// New returns the outbox in the rows of system tables, which must have the table of Tables.
func New(own *record.DB, cfg Config) *Outbox {
	if cfg.Workers == 0 {
		cfg.Workers = 4
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Outbox{
		rows: own, table: own.Table(tableName), cfg: cfg, wake: make(chan struct{}, 1), stopTime: stopTime,
		sending: cfg.Jobs.Job("mail"), looking: cfg.Jobs.Job("mail queue"), purging: cfg.Jobs.Job("mail purge"),
	}
}

// own is the caller of the outbox's own reads and writes.
func own() caller.Caller { return caller.System("mail") }

// maxData bounds the data of a letter, in bytes of JSON.
const maxData = 4096

// Queue adds a letter in the transaction of the caller, who must be the system. Call Wake after the commit.
func (o *Outbox) Queue(tx *record.Tx, letter Letter) (err error) {
	defer errs.Wrap(&err, "mail.Queue(%s)", letter.Kind)
	if letter.Kind == "" || len(letter.Kind) > maxKind {
		return fmt.Errorf("invalid kind of letter %q", letter.Kind)
	}
	if err := CheckAddress(letter.To); err != nil {
		return err
	}
	r := row{
		Kind: letter.Kind, Address: letter.To, Lang: oneLine(letter.Lang, maxLang-1), Data: letter.Data,
		State: waiting, DueAt: o.cfg.Now(),
	}
	members, err := r.members()
	if err != nil {
		return err
	}
	for _, member := range members {
		if member.Name == "data" && len(member.Raw) > maxData {
			return errors.New("the data of a letter is too large")
		}
	}
	_, err = tx.Create(o.table, members)
	return err
}

// SendNow sends a letter at once, past the queue. It is for letters about a database that cannot be written.
func (o *Outbox) SendNow(ctx context.Context, letter Letter) (err error) {
	defer errs.Wrap(&err, "mail.SendNow(%s)", letter.Kind)
	_, err = o.deliver(ctx, row{ID: rand.Text(), Kind: letter.Kind, Address: letter.To, Lang: letter.Lang, Data: letter.Data})
	return err
}

// Wake makes a running worker of this process look for letters at once. Other processes find them within seconds.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// stampOf returns a time as package record reads it.
func stampOf(at time.Time) []byte { return value.AppendValue(nil, value.OfTimestamp(at.UnixMicro())) }
