package migrate

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// movingKey marks a database that a move is filling, or was filling when it was interrupted.
const movingKey = "moving"

const (
	selectAllMeta = `SELECT "key", "value" FROM "ashlar_meta" ORDER BY "key"`
	deleteMeta    = `DELETE FROM "ashlar_meta" WHERE "key" = $1`
)

// Moving returns an errs.Conflict where the database is one that a move has not finished filling.
func Moving(r querier) error {
	from, moving, err := meta(r, movingKey)
	if err == nil && moving {
		err = errs.New(errs.Conflict, "the database is not whole: a move from %s into it was interrupted, or goes on. Run the same `ashlar move` again, which begins anew", from)
	}
	return err
}

// BeginMove marks a database that holds nothing yet as one that is filled from another, which is named for people. Where
// it is marked already, it returns the tables that the move before has left in it. Any other that holds tables is
// refused. The engine's own tables are not looked at.
func BeginMove(tx store.Tx, from string, own []string) (left []string, err error) {
	if err := Alone(tx); err != nil {
		return nil, err
	}
	tables, err := Tables(tx)
	if err != nil {
		return nil, err
	}
	_, again, err := Meta(tx, movingKey)
	if err != nil {
		return nil, err
	}
	left = slices.DeleteFunc(tables, func(name string) bool { return name == MetaTable && again || slices.Contains(own, name) })
	if len(left) > 0 && !again {
		return nil, errs.New(errs.Conflict, "the target is not empty: it holds %s. A move fills an empty database alone; it never merges or overwrites", someOf(left))
	}
	if _, err := tx.Exec(metaOf(dialectOf(tx)), nil); err != nil {
		return nil, err
	}
	return left, SetMeta(tx, movingKey, from)
}

// someOf lists the first of many names.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return "the tables " + strings.Join(names, ", ")
	}
	return "the tables " + strings.Join(names[:most], ", ") + ", …"
}

// EndMove makes a database that BeginMove has marked whole, with what the other one knew of itself.
func EndMove(tx store.Tx, meta map[string]string) error {
	for key, text := range meta {
		if err := SetMeta(tx, key, text); err != nil {
			return err
		}
	}
	_, err := tx.Exec(deleteMeta, []value.Value{value.OfText(movingKey)})
	return err
}

// AllMeta returns all that SetMeta has stored.
func AllMeta(r store.Reader) (map[string]string, error) {
	all := map[string]string{}
	err := r.Query(selectAllMeta, nil, func(row value.Row) error {
		all[string(row.Bytes(0))] = string(row.Bytes(1))
		return nil
	})
	return all, err
}

// Tables returns the names of all tables of the database, in the order of their names.
func Tables(r store.Reader) (names []string, err error) {
	err = r.Query(ddl.Tables(dialectOf(r)), nil, func(row value.Row) error {
		names = append(names, string(row.Bytes(0)))
		return nil
	})
	slices.Sort(names)
	return names, err
}

// A SystemTable is one of Ashlar's own that a database has beside those of its model and of the engine. A move takes its
// rows along.
type SystemTable struct {
	Name    string
	Columns []SystemColumn
	Create  func(ddl.Dialect) []string
}

// SystemColumn is a column of it, stored as a field of that type is.
type SystemColumn struct {
	Name string
	Type model.Type
}

// SystemTables lists all of them but ashlar_meta, of which a move takes care by itself. A table that is not here is one
// that a move would leave behind, so that it refuses to run.
func SystemTables() []SystemTable {
	history := SystemTable{Name: historyTable, Columns: []SystemColumn{{"id", model.Int}}, Create: func(d ddl.Dialect) []string { return []string{historyOf(d)} }}
	for _, name := range []string{"state", "started", "finished", "by", "changes", "steps", "todo", "given", "copy", "model"} {
		history.Columns = append(history.Columns, SystemColumn{name, model.Text})
	}
	return []SystemTable{history}
}
