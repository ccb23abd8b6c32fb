package clock

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const cronsTable = "ashlar_crons"

// Tables is the fragment of system tables of this package. A job has a row for each schedule that it had: nodes with two models
// then do not take each other's place.
func Tables(*model.Model) []*model.Table {
	return []*model.Table{system.NewTable(cronsTable, model.Text, // the id is the name of the job and its schedule
		text("job", 100), system.Bool("paused"), system.Timestamp("last_due"), system.Optional(text("changed_by", 300)),
		system.Optional(system.Timestamp("changed_at")),
	)}
}

func text(name string, most int64) *model.Field {
	return &model.Field{Name: name, Type: model.Text, Max: &most}
}

// A row is the state of a schedule.
type row struct {
	paused    bool
	last      time.Time // the last run that was started or skipped, or when a node first saw the schedule
	changedBy string    // who paused or resumed it last; "": nobody has
	changedAt time.Time
}

const (
	selectRows = `SELECT paused, last_due, changed_by, changed_at, id FROM ashlar_crons`
	selectRow  = `SELECT paused, last_due, changed_by, changed_at FROM ashlar_crons WHERE id = $1`

	// A new schedule of a paused job is paused too.
	addRow = `INSERT INTO ashlar_crons (id, job, paused, last_due, changed_by, changed_at, created_at, updated_at, _rev)
SELECT CAST($1 AS text), CAST($2 AS text), coalesce((SELECT paused FROM ashlar_crons WHERE job = $2 AND changed_at IS NOT NULL ORDER BY changed_at DESC LIMIT 1), $3), CAST($4 AS timestamptz),
	(SELECT changed_by FROM ashlar_crons WHERE job = $2 AND changed_at IS NOT NULL ORDER BY changed_at DESC LIMIT 1),
	(SELECT changed_at FROM ashlar_crons WHERE job = $2 AND changed_at IS NOT NULL ORDER BY changed_at DESC LIMIT 1), CAST($4 AS timestamptz), CAST($4 AS timestamptz), 0
WHERE NOT EXISTS (SELECT 1 FROM ashlar_crons WHERE id = $1) ON CONFLICT (id) DO NOTHING`
	moveRow  = `UPDATE ashlar_crons SET last_due = $1, updated_at = $2 WHERE id = $3`
	pauseRow = `UPDATE ashlar_crons SET paused = $1, last_due = CASE WHEN last_due < $2 THEN $2 ELSE last_due END, changed_by = $3, changed_at = $2, updated_at = $2 WHERE job = $4`
)

func stamp(t time.Time) value.Value { return value.OfTimestamp(t.UnixMicro()) }

// rows returns the states of all schedules, by id.
func (c *Clock) rows(ctx context.Context) (all map[string]row, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err = c.cfg.Store.Read(ctx, func(r store.Reader) error {
		all = map[string]row{}
		return r.Query(selectRows, nil, func(cols value.Row) error {
			all[string(cols.Bytes(4))] = rowOf(cols)
			return nil
		})
	})
	return all, err
}

func rowOf(cols value.Row) row {
	r := row{paused: cols.Int(0) != 0, last: time.UnixMicro(cols.Int(1))}
	if !cols.Null(2) {
		r.changedBy = string(cols.Bytes(2))
	}
	if !cols.Null(3) {
		r.changedAt = time.UnixMicro(cols.Int(3))
	}
	return r
}

// lockRow returns the row of a schedule, and makes it for a new one, whose first run is after now.
func lockRow(tx store.Tx, t *timed, now time.Time) (r row, err error) {
	sql := selectRow
	if tx.Dialect() == sqlgen.Postgres {
		sql += ` FOR UPDATE`
	}
	for range 2 {
		found := false
		err := tx.Query(sql, []value.Value{value.OfText(t.id)}, func(cols value.Row) error {
			r, found = rowOf(cols), true
			return nil
		})
		if err != nil || found {
			return r, err
		}
		tx.MarkChanged(cronsTable)
		values := []value.Value{value.OfText(t.id), value.OfText(t.job.Name), value.OfBool(false), stamp(now)}
		if _, err := tx.Exec(system.Numbered(tx.Dialect(), addRow), values); err != nil {
			return r, err
		}
	}
	return r, errNoRow
}

func saveRow(tx store.Tx, t *timed, r row, now time.Time) error {
	tx.MarkChanged(cronsTable)
	_, err := tx.Exec(moveRow, []value.Value{stamp(r.last), stamp(now), value.OfText(t.id)})
	return err
}
