package archive

import (
	"context"
	"slices"
	"time"

	lite "zombiezen.com/go/sqlite"
)

// maxGroups bounds the groups of errors. The one not seen for longest makes room.
const maxGroups = 1000

// groups are the groups of errors of the file, in memory. The writer owns them.
type groups struct {
	known map[int64]*ErrorGroup
}

const selectErrors = `SELECT id, kind, text, route, first, last, count, example, build, revision FROM errors ORDER BY last DESC`

const upsertError = `INSERT INTO errors (id, kind, text, route, first, last, count, example, build, revision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (id) DO UPDATE SET first = ?5, last = ?6, count = ?7, example = ?8`

const deleteError = `DELETE FROM errors WHERE id = ?1`

func scanError(row *lite.Stmt) ErrorGroup {
	return ErrorGroup{
		ID: row.ColumnInt64(0), Kind: row.ColumnText(1), Text: row.ColumnText(2), Route: row.ColumnText(3),
		First: time.UnixMicro(row.ColumnInt64(4)), Last: time.UnixMicro(row.ColumnInt64(5)), Count: row.ColumnInt64(6),
		Example: row.ColumnText(7), Build: row.ColumnText(8), Revision: row.ColumnText(9),
	}
}

// load reads the groups of a file that was opened.
func (g *groups) load(conn *lite.Conn) error {
	g.known = map[int64]*ErrorGroup{}
	return query(conn, selectErrors, func(row *lite.Stmt) error {
		group := scanError(row)
		g.known[group.ID] = &group
		return nil
	})
}

// count adds the failures of a batch. It returns the groups that are new. The caller calls undo if the batch was not written.
func (a *Archive) countFailures(tx *transaction, items []item) (news []ErrorGroup, err error) {
	touched := map[int64]*ErrorGroup{}
	for _, it := range items {
		if it.failure == nil {
			continue
		}
		id, at := it.failure.fingerprint(), time.UnixMicro(it.end)
		group := touched[id]
		if group == nil {
			group = &ErrorGroup{
				ID: id, Kind: it.failure.kind, Text: it.failure.text, Route: it.failure.route, First: at, Last: at,
				Build: a.cfg.Process.Build, Revision: a.cfg.Process.Revision,
			}
			if known := a.errors.known[id]; known != nil {
				*group = *known
			}
			touched[id] = group
		}
		group.Count++
		group.Example = it.failure.id
		if at.After(group.Last) || group.Last.Sub(at) > ahead { // written while the clock was wrong
			group.Last = at
		}
	}
	for id, group := range touched {
		if a.errors.known[id] == nil {
			news = append(news, *group)
		}
		err := tx.run(upsertError, group.ID, group.Kind, group.Text, group.Route, group.First.UnixMicro(), group.Last.UnixMicro(),
			group.Count, group.Example, group.Build, group.Revision)
		if err != nil {
			return nil, err
		}
	}
	tx.committed = append(tx.committed, func() {
		for id, group := range touched {
			a.errors.known[id] = group
		}
	})
	slices.SortFunc(news, func(x, y ErrorGroup) int { return x.First.Compare(y.First) })
	return news, a.forgetErrors(tx, len(a.errors.known)+len(news)-maxGroups)
}

// forgetErrors removes the groups that were not seen for longest.
func (a *Archive) forgetErrors(tx *transaction, excess int) error {
	if excess <= 0 {
		return nil
	}
	oldest := make([]*ErrorGroup, 0, len(a.errors.known))
	for _, group := range a.errors.known {
		oldest = append(oldest, group)
	}
	slices.SortFunc(oldest, func(x, y *ErrorGroup) int { return x.Last.Compare(y.Last) })
	for _, group := range oldest[:min(excess, len(oldest))] {
		if err := tx.run(deleteError, group.ID); err != nil {
			return err
		}
		tx.committed = append(tx.committed, func() { delete(a.errors.known, group.ID) })
	}
	return nil
}

// Errors returns the groups of errors seen since from, the newest first.
func (a *Archive) Errors(ctx context.Context, from time.Time) (list []ErrorGroup, err error) {
	err = a.read(ctx, func(conn *lite.Conn) error {
		return query(conn, selectErrors, func(row *lite.Stmt) error {
			if group := scanError(row); !group.Last.Before(from) {
				list = append(list, group)
			}
			return nil
		})
	})
	return list, err
}
