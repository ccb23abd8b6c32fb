package audit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// trimBatch is how many rows one transaction of Trim removes.
const trimBatch = 2000

// Trim removes the rows before a time and returns how many. It keeps a row, and all after it, once it finds one that is not
// older: the chain stays whole from its first row, whose id and prev are in the head. A row of the log says what was removed.
func (l *Log) Trim(ctx context.Context, before time.Time) (removed int64, err error) {
	defer errs.Wrap(&err, "audit.Trim(%v)", before)
	for {
		n := int64(0)
		err := l.rows.Transact(ctx, own(), func(tx *record.Tx) (err error) {
			if err := system.ReadCommitted(tx.Store()); err != nil {
				return err
			}
			n, err = l.trimSome(tx, before)
			return err
		})
		removed += n
		if err != nil || n < trimBatch {
			return removed, err
		}
	}
}

const (
	selectOldest = `SELECT "id", "at", "hash" FROM "ashlar_audit" WHERE "id" >= $1 ORDER BY "id" LIMIT $2`
	deleteOldest = `DELETE FROM "ashlar_audit" WHERE "id" <= $1`
)

// trimSome removes at most trimBatch rows.
func (l *Log) trimSome(tx *record.Tx, before time.Time) (n int64, err error) {
	head, err := l.lockHead(tx)
	if err != nil {
		return 0, err
	}
	first := head
	stop := false
	err = tx.Store().Query(selectOldest, []value.Value{value.OfInt(head.First), value.OfInt(trimBatch)}, func(row value.Row) error {
		if stop = stop || row.Int(1) >= before.UnixMicro(); !stop {
			n++
			head.First, head.Prev = row.Int(0)+1, string(row.Bytes(2))
		}
		return nil
	})
	if err != nil || n == 0 {
		return 0, err
	}
	tx.Store().MarkChanged(tableName)
	if _, err := tx.Store().Exec(deleteOldest, []value.Value{value.OfInt(head.First - 1)}); err != nil {
		return 0, err
	}
	if err := l.setHead(tx, head); err != nil {
		return 0, err
	}
	event := Event{Action: trimAction, Detail: map[string]any{
		"from": first.First, "to": head.First - 1, "last_hash": head.Prev, "before": stamp(before),
	}}
	return n, l.Append(tx, event.By(own()))
}

// trimAction is the action of the row that Trim appends.
const trimAction = "audit.trimmed"

// tellsTrim reports whether the entry says that Trim removed the rows before a head's first one.
func (e Entry) tellsTrim(h Head) bool {
	var detail struct {
		To   int64  `json:"to"`
		Last string `json:"last_hash"`
	}
	return e.Action == trimAction && json.Unmarshal(e.Detail, &detail) == nil && detail.To == h.First-1 && detail.Last == h.Prev
}
