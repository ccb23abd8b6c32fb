package system

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	layoutSQLite   = `SELECT user_version FROM pragma_user_version`
	layoutPostgres = `SELECT layout FROM ashlar_engine`
)

// Layout returns the layout of the database (store.Layout).
func Layout(querier Querier) (int, error) {
	sql := layoutSQLite
	if querier.Dialect() == sqlgen.Postgres {
		sql = layoutPostgres
	}
	n, err := number(querier, sql)
	return int(n), err
}

// setLayout returns the statement that marks the database with a layout.
func setLayout(dialect sqlgen.Dialect, layout int) string {
	if dialect == sqlgen.Postgres {
		return fmt.Sprintf(`UPDATE ashlar_engine SET layout = %d`, layout)
	}
	return fmt.Sprintf(`PRAGMA user_version = %d`, layout)
}

// A Step brings a database from one layout to the next, in one transaction.
type Step struct {
	To         int
	Statements []string
}

// Steps returns the steps from the layout of the database to the current one, none for the current layout.
func Steps(querier Querier, now time.Time) ([]Step, error) {
	layout, err := Layout(querier)
	if err != nil {
		return nil, err
	}
	var all []Step
	for ; layout < store.Layout; layout++ {
		statements, err := stepFrom(querier, layout, now)
		if err != nil {
			return nil, err
		}
		all = append(all, Step{To: layout + 1, Statements: append(statements, setLayout(querier.Dialect(), layout+1))})
	}
	return all, nil
}

// stepFrom returns the statements of the step from an older layout to the next. A step never changes once it is
// released: it describes the tables of its time, not Model's present ones.
func stepFrom(querier Querier, layout int, now time.Time) ([]string, error) {
	switch layout {
	case 1:
		return stepTo2(querier, now)
	case 2:
		return stepTo3(querier, now)
	}
	return nil, fmt.Errorf("the database has layout %d: this release of Ashlar knows no way from it to layout %d", layout, store.Layout)
}

//go:embed layout2.json
var layout2JSON string

// layout2 returns the system tables of layout 2.
func layout2() *model.Model {
	m, err := snapshot.Decode([]byte(layout2JSON))
	if err != nil {
		panic("system: " + err.Error())
	}
	return m
}

// stepTo2 makes the system tables again. In layout 1 they were no tables of a model: they had no times and no
// revision, and the key of ashlar_meta was not called id.
func stepTo2(querier Querier, now time.Time) (all []string, err error) {
	dialect, m := querier.Dialect(), layout2()
	for _, table := range m.Tables {
		found, err := HasTable(querier, table.Name)
		if err != nil {
			return nil, err
		}
		if found {
			all = append(all, remake2(dialect, table, now)...)
		}
	}
	if all == nil { // no model was ever served from the database
		return nil, nil
	}
	text := &model.Field{Type: model.Text}
	all = append(all, nextRevision2(dialect)...)
	return append(all, insert2(m.Table(MetaTable))+
		fmt.Sprintf("VALUES (%s, %s%s)", dialect.Literal(text, value.OfText(systemKey)), dialect.Literal(text, value.OfText(layout2JSON)), times2(dialect, now))), nil
}

// remake2 returns the statements that give a table of layout 1 the form of layout 2.
func remake2(dialect sqlgen.Dialect, table *model.Table, now time.Time) []string {
	old := sqlgen.Fit("_old_" + table.Name)
	var columns []string
	for _, field := range table.Fields {
		switch {
		case table.Name == MetaTable && field.Name == "id":
			columns = append(columns, sqlgen.Quote("key"))
		case field.Type != model.Timestamp:
			columns = append(columns, sqlgen.Quote(field.Name))
		}
	}
	all := append([]string{sqlgen.RenameTable(table.Name, old)}, sqlgen.Define(dialect, table).WithTriggers()...)
	all = append(all, nextRevision2(dialect)...)
	return append(all,
		insert2(table)+"SELECT "+strings.Join(columns, ", ")+times2(dialect, now)+" FROM "+sqlgen.Quote(old),
		dialect.DropTable(old))
}

// insert2 returns the beginning of an INSERT into all columns.
func insert2(table *model.Table) string {
	var columns []string
	for _, field := range table.Fields {
		columns = append(columns, sqlgen.Quote(field.Name))
	}
	return "INSERT INTO " + sqlgen.Quote(table.Name) + " (" + strings.Join(columns, ", ") + ", " + sqlgen.Quote(sqlgen.Revision) + ") "
}

// nextRevision2 returns the statement that draws a revision, if times2 does not draw one itself.
func nextRevision2(dialect sqlgen.Dialect) []string {
	if dialect == sqlgen.Postgres {
		return nil
	}
	return []string{`UPDATE ashlar_counters SET value = value + 1 WHERE name = 'revision'`}
}

// times2 returns the values of created_at, updated_at and the revision, each after a comma.
func times2(dialect sqlgen.Dialect, now time.Time) string {
	at := dialect.Literal(&model.Field{Type: model.Timestamp}, value.OfTimestamp(now.UnixMicro()))
	revision := `nextval('ashlar_revision')`
	if dialect == sqlgen.SQLite {
		revision = `(SELECT value FROM ashlar_counters WHERE name = 'revision')`
	}
	return fmt.Sprintf(", %s, %s, %s", at, at, revision)
}
