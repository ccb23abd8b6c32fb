package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Fill makes n rows of each table.
func (w *World) Fill(n int) *Data {
	d := &Data{World: w, Rows: map[string][]Record{}, known: map[string]bool{}}
	for _, t := range w.Model.Tables {
		for i := range n {
			d.Rows[t.Name] = append(d.Rows[t.Name], Record{"id": ID(t, i)})
		}
	}
	for _, table := range w.Model.Tables {
		for _, rec := range d.Rows[table.Name] {
			for _, f := range table.Fields[1:] {
				rec[f.Name] = d.Random(f)
			}
		}
	}
	return d
}

// MaxRows is how many ids a table has.
const MaxRows = 12

// ID is the i-th id of a table, 0 ≤ i < MaxRows.
func ID(table *model.Table, i int) ref.Val {
	switch table.Key {
	case model.Int:
		return types.Int(i)
	case model.UUID:
		return types.String(fmt.Sprintf("00000000-0000-7000-8000-%012d", i))
	default:
		return types.String(txtPool[i+1])
	}
}

// Random is a random value of a field, or null where that is optional. It is no other row's where it must be unique.
func (d *Data) Random(field *model.Field) ref.Val {
	for {
		v := d.random(field)
		taken := func(rec Record) bool {
			other := rec[field.Name]
			return field.Unique && other != nil && (Compare(other, v) == 0 || field.Caseless && sameButForCase(other, v))
		}
		if v.Type() == types.NullType || !slices.ContainsFunc(d.Rows[field.Table.Name], taken) {
			return v
		}
	}
}

// sameButForCase says whether two texts differ in the case of A to Z at most.
func sameButForCase(a, b ref.Val) bool {
	l, one := a.(types.String)
	r, two := b.(types.String)
	return one && two && asciiCase(string(l), 'A', 'Z', 32) == asciiCase(string(r), 'A', 'Z', 32)
}

func (d *Data) random(field *model.Field) ref.Val {
	g := &gen{Rand: d.Rand}
	if field.Optional && d.IntN(3) == 0 {
		return types.NullValue
	}
	if field.Ref != nil {
		rows := d.Rows[field.Ref.Name]
		if len(rows) == 0 {
			return ID(field.Ref, 0) // leads nowhere
		}
		return rows[d.IntN(len(rows))]["id"]
	}
	switch field.Type {
	case model.Int:
		n, _ := strconv.ParseInt(pick(g, intPool), 10, 64)
		return types.Int(n)
	case model.Float:
		n, _ := strconv.ParseFloat(pick(g, fltPool), 64)
		return types.Double(n)
	case model.Decimal:
		return d.randomDecimal(field)
	case model.Bool:
		return types.Bool(d.IntN(2) == 0)
	case model.Timestamp:
		at, err := time.Parse(time.RFC3339Nano, pick(g, tsPool))
		if err != nil {
			panic(err)
		}
		return types.Timestamp{Time: at}
	case model.Date:
		return types.String(pick(g, datePool))
	case model.UUID:
		return types.String(pick(g, uuidPool))
	case model.Enum:
		return types.String(pick(g, enumPool))
	case model.JSON:
		return types.DefaultTypeAdapter.NativeToValue(map[string]any{"a": 1})
	default:
		return types.String(pick(g, txtPool))
	}
}

func (d *Data) randomDecimal(field *model.Field) ref.Val {
	most := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(field.Precision-field.Scale)), nil))
	for {
		n := parseDecimal(decPool[d.IntN(len(decPool))])
		if n.scale <= field.Scale && new(big.Rat).Abs(n.rat).Cmp(most) < 0 {
			return decimal{n.rat, field.Scale}
		}
	}
}

// Store makes the tables of the model in an empty database and writes the rows.
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

// Insert writes the rows to the tables of the model, which are empty.
func (d *Data) Insert(ctx context.Context, db store.DB) error {
	return db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Exec(deferReferences(tx), nil); err != nil {
			return err
		}
		for _, table := range d.Model.Tables {
			for _, rec := range d.Rows[table.Name] {
				if err := Insert(tx, table, rec); err != nil {
					return fmt.Errorf("%s %v: %w", table.Name, rec, err)
				}
			}
		}
		return nil
	})
}

// deferReferences lets the rows of one transaction refer to each other in circles.
func deferReferences(tx store.Tx) string {
	if tx.Dialect() == sqlgen.Postgres {
		return "SET CONSTRAINTS ALL DEFERRED"
	}
	return "PRAGMA defer_foreign_keys = ON"
}

// Insert writes one row. Its revision is none that a write of the server has.
func Insert(tx store.Tx, table *model.Table, rec Record) error {
	var names, places []string
	var args []value.Value
	for _, f := range table.Fields {
		args = append(args, Stored(f, rec[f.Name]))
		names, places = append(names, `"`+f.Name+`"`), append(places, "$"+strconv.Itoa(len(args)))
	}
	_, err := tx.Exec(`INSERT INTO "`+table.Name+`" (`+strings.Join(names, ", ")+`, "_rev") VALUES (`+strings.Join(places, ", ")+`, 0)`, args)
	tx.Touch(table.Name)
	return err
}

// Stored is a value as the database takes it.
func Stored(field *model.Field, v ref.Val) value.Value {
	switch v := v.(type) {
	case types.Int:
		return value.OfInt(int64(v))
	case types.Double:
		n, _ := value.Finite(float64(v))
		return value.OfFloat(n)
	case types.Bool:
		return value.OfBool(bool(v))
	case types.String:
		return value.OfText(string(v))
	case types.Timestamp:
		return value.OfTimestamp(v.UnixMicro())
	case decimal:
		unscaled, scale, err := value.ParseDecimal(v.rat.FloatString(field.Scale))
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

// AppendJSON appends a value as the API writes it.
func AppendJSON(dst []byte, field *model.Field, v ref.Val) []byte {
	switch v := v.(type) {
	case types.Null:
		return append(dst, "null"...)
	case types.Int:
		return strconv.AppendInt(dst, int64(v), 10)
	case types.Timestamp:
		return v.UTC().AppendFormat(dst, `"2006-01-02T15:04:05.000000Z"`)
	case decimal:
		return append(append(append(dst, '"'), v.rat.FloatString(field.Scale)...), '"')
	case types.Double, types.Bool, types.String:
		b, err := json.Marshal(v.Value())
		if err != nil {
			panic(err)
		}
		return append(dst, b...)
	default:
		return append(dst, `{"a":1}`...)
	}
}
