package fleet

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ahead is how far in the future a row may lie.
const ahead = 24 * time.Hour

// maxHours bounds the hours that one call of roll sums up.
const maxHours = 48

// roll replaces the rows of hours that are over for longer than keepStep by one row for each hour. Any node does it, in one
// transaction for each hour, so that no row is lost or counted twice.
func (f *Fleet) roll(ctx context.Context) {
	now := f.now()
	if now.Minute()%10 != int(f.process[0])%10 { // each node has its own minutes
		return
	}
	for range maxHours {
		more, err := f.rollHour(ctx, now)
		if err != nil {
			f.cfg.Logger.Warn("the sums of past hours are not made", "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// rollHour sums up the oldest hour. It reports whether there may be another one.
func (f *Fleet) rollHour(ctx context.Context, now time.Time) (more bool, err error) {
	defer errs.Wrap(&err, "fleet.rollHour")
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err = f.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		more = false
		hour, found, err := firstHour(tx, now.Add(-keepStep).Truncate(time.Hour))
		if err != nil || !found {
			return err
		}
		tx.MarkChanged(tableName)
		rows, err := take(tx, hour)
		if err != nil || len(rows) == 0 { // another node has taken them
			return err
		}
		more = true
		if err := putHour(tx, hour, rows, now); err != nil {
			return err
		}
		if _, err := tx.Exec(deleteRows, []value.Value{value.OfText(hourTier), idAt(hourTier, now.Add(-keepHour))}); err != nil {
			return err
		}
		if _, err := tx.Exec(deleteRows, []value.Value{idAt(stepTier, now.Add(ahead)), value.OfText(stepTier + "~")}); err != nil { // the clock was wrong
			return err
		}
		tx.MarkChanged(thingsTable)
		_, err = tx.Exec(deleteThings, []value.Value{value.OfTimestamp(now.Add(-keepThings).UnixMicro())})
		return err
	})
	return more, err
}

// firstHour returns the hour of the oldest step before a time.
func firstHour(tx store.Tx, before time.Time) (hour time.Time, found bool, err error) {
	err = tx.Query(selectFirst, []value.Value{value.OfText(stepTier), idAt(stepTier, before)}, func(in value.Row) error {
		at, ok := timeOf(string(in.Bytes(0)))
		hour, found = at.Truncate(time.Hour), ok
		return nil
	})
	return hour, found, err
}

// take removes the steps of an hour and returns them.
func take(tx store.Tx, hour time.Time) (rows []row, err error) {
	args := []value.Value{idAt(stepTier, hour), idAt(stepTier, hour.Add(time.Hour))}
	err = tx.Query(takeRows, args, func(in value.Row) error {
		if found, ok := scanRow(in); ok {
			rows = append(rows, found)
		}
		return nil
	})
	return rows, err
}

// putHour adds rows to the row of their hour.
func putHour(tx store.Tx, hour time.Time, rows []row, now time.Time) error {
	id := idAt(hourTier, hour)
	made := row{id: id.Text, started: hour}
	there := false
	err := readRows(tx, hourTier, hour, hour.Add(time.Second), func(r row) { made, there = r, true })
	if err != nil {
		return err
	}
	for i := range rows {
		made.sum.addCounts(&rows[i].sum)
	}
	if !there {
		made.sum.Gauges = lastGauges(rows)
		return made.insert(tx, now)
	}
	text, err := made.sum.encode()
	if err != nil {
		return err
	}
	revision, err := system.Revision(tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(updateHour, []value.Value{value.OfText(text), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision), id})
	return err
}

// lastGauges adds up the last gauges of each node.
func lastGauges(rows []row) map[string]float64 {
	type moment struct {
		at     time.Time
		gauges map[string]float64
	}
	last := map[string]moment{} // by node
	for i := range rows {
		r := &rows[i]
		known, ok := last[r.node]
		switch {
		case !ok || r.at.After(known.at):
			own := map[string]float64{}
			addGauges(own, r.sum.Gauges)
			last[r.node] = moment{r.at, own}
		case r.at.Equal(known.at):
			addGauges(known.gauges, r.sum.Gauges)
		}
	}
	all := map[string]float64{}
	for _, node := range slices.Sorted(maps.Keys(last)) {
		addGauges(all, last[node].gauges)
	}
	return all
}
