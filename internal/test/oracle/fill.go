package oracle

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Fill makes n random rows of each table.
func (w *World) Fill(n int) *Data {
	filled := &Data{World: w, Rows: map[string][]Record{}, known: map[string]bool{}}
	for _, table := range w.Model.Tables {
		for i := range n {
			filled.Rows[table.Name] = append(filled.Rows[table.Name], Record{"id": ID(table, i)})
		}
	}
	for _, table := range w.Model.Tables {
		for _, rec := range filled.Rows[table.Name] {
			for _, field := range table.Fields[1:] {
				rec[field.Name] = filled.Random(field)
			}
		}
	}
	return filled
}

// MaxRows is the number of ids for one table.
const MaxRows = 12

// ID returns the i-th id of a table, 0 ≤ i < MaxRows.
func ID(table *model.Table, i int) ref.Val {
	switch table.Key {
	case model.Int:
		return types.Int(i)
	case model.UUID:
		return types.String(fmt.Sprintf("00000000-0000-7000-8000-%012d", i))
	default:
		return types.String(textPool[i+1])
	}
}

// Add adds a random row with a free id. It returns nil if no id is free.
func (d *Data) Add(table *model.Table) Record {
	for _, i := range d.Perm(MaxRows) {
		if d.Find(table, ID(table, i)) != nil {
			continue
		}
		rec := Record{"id": ID(table, i)}
		d.Rows[table.Name] = append(slices.Clone(d.Rows[table.Name]), rec)
		for _, field := range table.Fields[1:] {
			rec[field.Name] = d.Random(field)
		}
		d.known = map[string]bool{}
		return rec
	}
	return nil
}

// Random returns a random value of a field, or null if the field is optional. In a unique field, no other row has the value.
func (d *Data) Random(field *model.Field) ref.Val {
	for {
		val := d.random(field)
		taken := func(rec Record) bool { return field.Unique && collide(field, rec[field.Name], val) }
		if val.Type() == types.NullType || !slices.ContainsFunc(d.Rows[field.Table.Name], taken) {
			return val
		}
	}
}

// collide returns true if two rows cannot have these values in a unique field. other is nil in a row without its values.
func collide(field *model.Field, other, val ref.Val) bool {
	if other == nil {
		return false
	}
	return Compare(other, val) == 0 || (field.Caseless && equalFold(other, val))
}

// equalFold compares two texts, with A to Z equal to a to z.
func equalFold(a, b ref.Val) bool {
	textA, okA := a.(types.String)
	textB, okB := b.(types.String)
	return okA && okB && asciiCase(string(textA), 'A', 'Z', 32) == asciiCase(string(textB), 'A', 'Z', 32)
}

func (d *Data) random(field *model.Field) ref.Val {
	if field.Optional && d.IntN(3) == 0 {
		return types.NullValue
	}
	if field.Ref != nil {
		rows := d.Rows[field.Ref.Name]
		if len(rows) == 0 {
			return ID(field.Ref, 0) // a reference to no row
		}
		return rows[d.IntN(len(rows))]["id"]
	}
	switch field.Type {
	case model.Int:
		n, _ := strconv.ParseInt(pick(d.Rand, intPool), 10, 64)
		return types.Int(n)
	case model.Float:
		n, _ := strconv.ParseFloat(pick(d.Rand, floatPool), 64)
		return types.Double(n)
	case model.Decimal:
		return d.randomDecimal(field)
	case model.Bool:
		return types.Bool(d.IntN(2) == 0)
	case model.Timestamp:
		at, err := time.Parse(time.RFC3339Nano, pick(d.Rand, timestampPool))
		if err != nil {
			panic(err)
		}
		return types.Timestamp{Time: at}
	case model.Date:
		return types.String(pick(d.Rand, datePool))
	case model.UUID:
		return types.String(pick(d.Rand, uuidPool))
	case model.Enum:
		return types.String(pick(d.Rand, enumPool))
	case model.JSON:
		return types.DefaultTypeAdapter.NativeToValue(map[string]any{"a": 1})
	default:
		return types.String(pick(d.Rand, textPool))
	}
}

func (d *Data) randomDecimal(field *model.Field) ref.Val {
	most := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(field.Precision-field.Scale)), nil))
	for {
		number := parseDecimal(pick(d.Rand, decimalPool))
		if number.scale <= field.Scale && new(big.Rat).Abs(number.rat).Cmp(most) < 0 {
			return decimal{number.rat, field.Scale}
		}
	}
}
