package schedule

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	attemptsTable = "ashlar_backups"
	plansKey      = "backups" // of the row with the plans
	maxText       = 500
)

// Tables is the fragment of system tables of this package. A row is an attempt to take a backup or to drill.
func Tables(*model.Model) []*model.Table {
	text := func(name string) *model.Field {
		return &model.Field{Name: name, Type: model.Text, Max: new(int64(maxText))}
	}
	return []*model.Table{system.NewTable(attemptsTable, model.Text,
		text("kind"), text("state"), text("node"), system.Timestamp("begun"), system.Timestamp("ended"),
		text("backup"), system.Int("bytes"), text("found"), text("error"),
	)}
}

// An Attempt is a backup or a drill that began.
type Attempt struct {
	ID     string
	Kind   string
	State  string // running, done, failed, stopped or lost
	Node   string
	Begun  time.Time
	Ended  time.Time // the begin while it runs
	Backup string    // ID of the backup; "": there is none
	Bytes  int64
	Found  string // what a drill looked at
	Error  string
}

// Took returns how long an attempt took.
func (a Attempt) Took() time.Duration { return a.Ended.Sub(a.Begun) }

const (
	insertAttempt = `INSERT INTO ashlar_backups (id, kind, state, node, begun, ended, backup, bytes, found, error, created_at, updated_at, _rev)
VALUES ($1, $2, $3, $4, $5, $5, '', 0, '', '', $5, $5, $6)`
	endAttempt = `UPDATE ashlar_backups SET state = $1, ended = $2, backup = $3, bytes = $4, found = $5, error = $6, updated_at = $2, _rev = $7
WHERE id = $8 AND state = 'running'`
	selectAttempts = `SELECT id, kind, state, node, begun, ended, backup, bytes, found, error FROM ashlar_backups ORDER BY id DESC LIMIT $1`
	trimAttempts   = `DELETE FROM ashlar_backups WHERE id < $1`
)

const (
	listedAttempts = 100
	keepAttempts   = 400 * 24 * time.Hour
	idTime         = "20060102T150405.000Z"
)

// newID returns the id of an attempt that begins now. Ids are in the order of time.
func newID(now time.Time) string { return now.UTC().Format(idTime) + "-" + rand.Text()[:8] }

func stamp(t time.Time) value.Value { return value.OfTimestamp(t.UnixMicro()) }

func short(s string) value.Value { return value.OfText(errs.Clip(s, maxText)) }

// change runs f with the plans, which no other transaction changes until this one ends. Then it stores them.
func (s *Service) change(ctx context.Context, f func(tx store.Tx, all plans, now time.Time) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return s.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		now := s.cfg.Now()
		text, err := system.Lock(tx, plansKey, "{}", now)
		if err != nil {
			return err
		}
		all, err := decode(text)
		if err != nil {
			return err
		}
		if err := f(tx, all, now); err != nil {
			return err
		}
		data, err := json.Marshal(all)
		if err != nil || string(data) == text {
			return err
		}
		return system.Set(tx, plansKey, string(data), now)
	})
}

func decode(text string) (plans, error) {
	all := plans{}
	err := json.Unmarshal([]byte(text), &all)
	for kind, p := range all {
		if p == nil {
			delete(all, kind)
		}
	}
	return all, err
}

// read returns the plans and the newest attempts, the newest first.
func (s *Service) read(ctx context.Context) (all plans, attempts []Attempt, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err = s.cfg.Store.Read(ctx, func(r store.Reader) error {
		text, found, err := system.Get(r, plansKey)
		if err != nil {
			return err
		}
		if !found {
			text = "{}"
		}
		if all, err = decode(text); err != nil {
			return err
		}
		attempts = nil
		return r.Query(selectAttempts, []value.Value{value.OfInt(listedAttempts)}, func(row value.Row) error {
			attempts = append(attempts, Attempt{
				ID: string(row.Bytes(0)), Kind: string(row.Bytes(1)), State: string(row.Bytes(2)), Node: string(row.Bytes(3)),
				Begun: time.UnixMicro(row.Int(4)).UTC(), Ended: time.UnixMicro(row.Int(5)).UTC(), Backup: string(row.Bytes(6)), Bytes: row.Int(7),
				Found: string(row.Bytes(8)), Error: string(row.Bytes(9)),
			})
			return nil
		})
	})
	return all, attempts, err
}

// Attempts returns the newest attempts, the newest first.
func (s *Service) Attempts(ctx context.Context) ([]Attempt, error) {
	_, attempts, err := s.read(ctx)
	return attempts, err
}

func begin(tx store.Tx, a Attempt) error {
	tx.MarkChanged(attemptsTable)
	revision, err := system.Revision(tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(system.Numbered(tx.Dialect(), insertAttempt), []value.Value{
		value.OfText(a.ID), short(a.Kind), short(a.State), short(a.Node), stamp(a.Begun), value.OfInt(revision),
	})
	return err
}

func end(tx store.Tx, a Attempt) error {
	tx.MarkChanged(attemptsTable)
	revision, err := system.Revision(tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(endAttempt, []value.Value{
		short(a.State), stamp(a.Ended), short(a.Backup), value.OfInt(a.Bytes), short(a.Found), short(a.Error), value.OfInt(revision), value.OfText(a.ID),
	})
	return err
}

func trim(tx store.Tx, now time.Time) error {
	tx.MarkChanged(attemptsTable)
	_, err := tx.Exec(trimAttempts, []value.Value{value.OfText(now.Add(-keepAttempts).UTC().Format(idTime))})
	return err
}
