package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Store creates the tables of the model in an empty database, and inserts the rows.
func (d *Data) Store(ctx context.Context, db store.DB) error {
	err := db.Write(ctx, func(tx store.Tx) error {
		for _, sql := range sqlgen.Create(tx.Dialect(), d.Model) {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.Insert(ctx, db)
}

// Insert inserts the rows into the empty tables of the model.
func (d *Data) Insert(ctx context.Context, db store.DB) error {
	return db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Exec(deferReferences(tx), nil); err != nil {
			return err
		}
		for _, table := range d.Model.Tables {
			for _, rec := range d.Rows[table.Name] {
				if err := Insert(tx, table, rec); err != nil {
					return fmt.Errorf("%s %val: %w", table.Name, rec, err)
				}
			}
		}
		return nil
	})
}

// deferReferences returns a statement that defers the check of references to the commit. So rows can refer to each other in
// circles.
func deferReferences(tx store.Tx) string {
	if tx.Dialect() == sqlgen.Postgres {
		return "SET CONSTRAINTS ALL DEFERRED"
	}
	return "PRAGMA defer_foreign_keys = ON"
}

// Insert inserts one row. Its revision is 0, and no write of the server has that revision.
func Insert(tx store.Tx, table *model.Table, rec Record) error {
	var names, places []string
	var args []value.Value
	for _, field := range table.Fields {
		args = append(args, Stored(field, rec[field.Name]))
		names, places = append(names, `"`+field.Name+`"`), append(places, "$"+strconv.Itoa(len(args)))
	}
	_, err := tx.Exec(`INSERT INTO "`+table.Name+`" (`+strings.Join(names, ", ")+`, "_rev") VALUES (`+strings.Join(places, ", ")+`, 0)`, args)
	tx.MarkChanged(table.Name)
	return err
}

// Stored converts a value to its stored form.
func Stored(field *model.Field, val ref.Val) value.Value {
	switch val := val.(type) {
	case types.Int:
		return value.OfInt(int64(val))
	case types.Double:
		finite, _ := value.Finite(float64(val))
		return value.OfFloat(finite)
	case types.Bool:
		return value.OfBool(bool(val))
	case types.String:
		return value.OfText(string(val))
	case types.Timestamp:
		return value.OfTimestamp(val.UnixMicro())
	case decimal:
		unscaled, scale, err := value.ParseDecimal(val.rat.FloatString(field.Scale))
		if err != nil {
			panic(err)
		}
		return value.OfDecimal(unscaled, scale)
	case types.Null:
		return value.Value{}
	default:
		return value.OfJSON(`{"a":1}`)
	}
}

// AppendJSON appends a value in the format of the API.
func AppendJSON(dst []byte, field *model.Field, val ref.Val) []byte {
	switch val := val.(type) {
	case types.Null:
		return append(dst, "null"...)
	case types.Int:
		return strconv.AppendInt(dst, int64(val), 10)
	case types.Timestamp:
		return val.UTC().AppendFormat(dst, `"2006-01-02T15:04:05.000000Z"`)
	case decimal:
		return append(append(append(dst, '"'), val.rat.FloatString(field.Scale)...), '"')
	case types.Double, types.Bool, types.String:
		encoded, err := json.Marshal(val.Value())
		if err != nil {
			panic(err)
		}
		return append(dst, encoded...)
	default:
		return append(dst, `{"a":1}`...)
	}
}
