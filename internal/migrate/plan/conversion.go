package plan

import (
	"fmt"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Conversion fills a new column of a field, which no server knows yet, with the converted values of the old column.
type Conversion struct {
	Key      *model.Field // key of the table, with its present type
	From     *model.Field // the old field, with its names in the database
	To       *model.Field // the new field
	Into     string       // the new column, or the table that has it
	RestOnly bool         // skips rows that have a value in the new column
	Text     string       // describes the conversion in a plan

	// Write stores the converted values of a batch of rows.
	Write func(session store.Session, rows []Converted) error

	fill value.Value // value for rows without one
}

// Table returns "" for the rest of the rows: counting them would take longer than converting them, under the lock of
// the switch too.
func (c *Conversion) Table() string {
	if c.RestOnly {
		return ""
	}
	return c.TableName()
}

// TableName returns the table of the rows.
func (c *Conversion) TableName() string { return c.From.Table.Name }

// Run converts the rows in batches.
func (c *Conversion) Run(session store.Session, note func(int64)) error {
	last := value.Value{}
	for {
		rows, err := c.read(session, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].ID
		if err := c.write(session, rows); err != nil {
			return err
		}
		note(int64(len(rows)))
		if len(rows) < Batch {
			return nil
		}
	}
}

// Converted is a row with its converted value.
type Converted struct {
	ID, To   value.Value
	Revision int64
}

func (c *Conversion) read(session store.Session, after value.Value) (rows []Converted, err error) {
	sql, args := c.Query(after)
	err = session.Query(sql, args, func(row value.Row) error {
		r := Converted{ID: value.Scan(c.Key, row, 0), Revision: row.Int(1)}
		val := value.Scan(c.From, row, 2)
		var err error
		if r.To, err = value.Convert(c.From, c.To, val); err != nil {
			return fmt.Errorf("the row %s of %s: %s: %w", sqlgen.PostgresText(r.ID), c.TableName(), c.From.Name, err)
		}
		if r.To.IsNull() {
			r.To = c.fill
		}
		if r.To.IsNull() && !c.To.Optional {
			return fmt.Errorf("the row %s of %s: %s is missing, and is required now; give it a value first", sqlgen.PostgresText(r.ID), c.TableName(), c.From.Name)
		}
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

// Query returns the query for the batch of rows after an id.
func (c *Conversion) Query(after value.Value) (sql string, args []value.Value) {
	sql = "SELECT " + sqlgen.Quote("id") + ", " + sqlgen.Quote(sqlgen.Revision) + ", " + sqlgen.Quote(c.From.Name) + " FROM " + sqlgen.Quote(c.TableName())
	cond := " WHERE "
	if !after.IsNull() {
		sql += cond + sqlgen.Quote("id") + " > $1"
		args, cond = append(args, after), " AND "
	}
	if c.RestOnly {
		sql += cond + c.Unconverted()
	}
	sql += fmt.Sprintf(" ORDER BY %s LIMIT %d", sqlgen.Quote("id"), Batch)
	return sql, args
}

// Unconverted returns the condition of the rows that are not converted. If the field is optional, a row without an old
// value needs no conversion.
func (c *Conversion) Unconverted() string {
	sql := sqlgen.Quote(c.Into) + " IS NULL"
	if c.To.Optional {
		sql += " AND " + sqlgen.Quote(c.From.Name) + " IS NOT NULL"
	}
	return sql
}

func (c *Conversion) write(session store.Session, rows []Converted) error {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Converted) bool { return r.To.IsNull() })
	return c.Write(session, rows)
}

// NewConversion returns the conversion of a field into a column, or into a table.
func (p *Planner) NewConversion(was, field *model.Field, into string) *Conversion {
	return &Conversion{Key: was.Table.ID(), From: was, To: field, Into: into, fill: p.Fill(was, field)}
}
