package migrate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	loader "github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// world is a generated model, with the rows that its tables hold. Tables and fields keep their uid whatever they are
// called, so that two worlds say what became of what without a look at names.
type world struct {
	tables []*wTable
	last   int // uid

	rules *rule.Rules // of source
	text  string
}

type wTable struct {
	uid             int
	name, was       string
	key             model.Type
	fields          []*wField
	unique, indexes [][]int // of uids of fields
	rows            []*wRow
	counter         int64 // the last number that was drawn for an id
}

type wField struct {
	uid                     int
	column, was             string // author_id, of a reference author
	typ                     model.Type
	precision, scale        int
	values                  []model.EnumValue
	ref                     int // the uid of a table, 0 for none
	onDelete, reverse       string
	optional, unique, index bool
	given                   given
}

// given is a default: its CEL, and the JSON of its value.
type given struct{ cel, json string }

const now = "now"

type wRow struct {
	id               value.Value
	values           map[int]value.Value // by uid of a field
	revision         int64
	created, updated int64
}

func (w *world) table(uid int) *wTable {
	for _, table := range w.tables {
		if table.uid == uid {
			return table
		}
	}
	return nil
}

func (t *wTable) field(uid int) *wField {
	for _, field := range t.fields {
		if field.uid == uid {
			return field
		}
	}
	return nil
}

func (t *wTable) named(column string) *wField {
	for _, field := range t.fields {
		if field.column == column {
			return field
		}
	}
	return nil
}

// file is the name of a field in the model file.
func (f *wField) file() string {
	if f.ref != 0 {
		return strings.TrimSuffix(f.column, "_id")
	}
	return f.column
}

// clone copies all but the rows, which are shared.
func (w *world) clone() *world {
	c := &world{last: w.last}
	for _, table := range w.tables {
		u := *table
		u.fields = nil
		for _, field := range table.fields {
			g := *field
			g.values = slices.Clone(field.values)
			u.fields = append(u.fields, &g)
		}
		u.unique, u.indexes = slices.Clone(table.unique), slices.Clone(table.indexes)
		c.tables = append(c.tables, &u)
	}
	return c
}

func (w *world) uid() int {
	w.last++
	return w.last
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// source is the tables of the model file.
func (w *world) source() string {
	var text strings.Builder
	for _, table := range w.tables {
		fmt.Fprintf(&text, "  %s:\n", table.name)
		if table.was != "" {
			fmt.Fprintf(&text, "    was: %s\n", table.was)
		}
		fmt.Fprintf(&text, "    key: %v\n", table.key)
		if len(table.fields) > 0 {
			text.WriteString("    fields:\n")
		}
		for _, f := range table.fields {
			fmt.Fprintf(&text, "      %s: {%s}\n", f.file(), strings.Join(w.keys(f), ", "))
		}
		for i, combos := range [][][]int{table.unique, table.indexes} {
			if len(combos) == 0 {
				continue
			}
			fmt.Fprintf(&text, "    %s:\n", [...]string{"unique", "indexes"}[i])
			for _, combo := range combos {
				names := make([]string, len(combo))
				for n, uid := range combo {
					names[n] = table.field(uid).file()
				}
				fmt.Fprintf(&text, "      - [%s]\n", strings.Join(names, ", "))
			}
		}
	}
	return text.String()
}

func (w *world) keys(field *wField) (keys []string) {
	add := func(format string, args ...any) { keys = append(keys, fmt.Sprintf(format, args...)) }
	if field.ref != 0 {
		add("ref: %s", w.table(field.ref).name)
		add("on_delete: %s", field.onDelete)
		if field.reverse != "" {
			add("reverse: %s", field.reverse)
		}
	} else {
		add("type: %v", field.typ)
	}
	if field.typ == model.Decimal && field.ref == 0 {
		add("precision: %d", field.precision)
		add("scale: %d", field.scale)
	}
	if field.typ == model.Enum {
		var values []string
		for _, val := range field.values {
			if val.Was != "" {
				values = append(values, fmt.Sprintf("{name: %s, was: %s}", quoted(val.Name), quoted(val.Was)))
			} else {
				values = append(values, quoted(val.Name))
			}
		}
		add("values: [%s]", strings.Join(values, ", "))
	}
	if field.was != "" {
		was := field.was
		if field.ref != 0 {
			was = strings.TrimSuffix(was, "_id")
		}
		add("was: %s", was)
	}
	for key, on := range map[string]bool{"optional": field.optional, "unique": field.unique, "index": field.index} {
		if on {
			add("%s: true", key)
		}
	}
	if field.given.cel != "" {
		add("default: %s", quoted(field.given.cel))
	}
	slices.Sort(keys[1:])
	return keys
}

// load compiles the model; an error is what the loader has against it.
func (w *world) load() error {
	w.text = w.source()
	m, faults := loader.Files(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: test\ntables:\n" + w.text)})
	if len(faults) > 0 {
		return faults
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		return faults
	}
	w.rules = rules
	return nil
}

func (w *world) schema(t *wTable) *model.Table { return w.rules.Model.Table(t.name) }

func (w *world) column(t *wTable, f *wField) *model.Field { return w.schema(t).Field(f.column) }

func show(val value.Value) string {
	if val.IsNull() {
		return "null"
	}
	return string(value.AppendValue(nil, val))
}

// lines are the rows of a table as they are compared: every column, and the revision.
func (w *world) lines(table *wTable) []string {
	var lines []string
	for _, row := range table.rows {
		var text strings.Builder
		for _, field := range w.schema(table).Fields {
			val := value.Value{} // of users, fields that nobody gave a value
			switch {
			case field.Name == "id":
				val = row.id
			case field.Name == "created_at":
				val = value.OfTimestamp(row.created)
			case field.Name == "updated_at":
				val = value.OfTimestamp(row.updated)
			case table.named(field.Name) != nil:
				val = row.values[table.named(field.Name).uid]
			}
			fmt.Fprintf(&text, "%s=%s ", field.Name, show(val))
		}
		fmt.Fprintf(&text, "rev=%d", row.revision)
		lines = append(lines, text.String())
	}
	slices.Sort(lines)
	return lines
}

// tableNamesOf returns the names in a walk, few enough to come back. The longest ones begin alike.
func tableNamesOf() []string {
	long := strings.Repeat("long_", 11)
	return []string{"p", "q", "r", "s", "p_id", long + "a", long + "b", long + "cdefg"}
}

func columnNamesOf() []string {
	long := strings.Repeat("lang_", 10)
	return []string{"a", "b", "c", "d", "a_id", "b_id", "c_id", "d_id", "type", "order", long + "a", long + "b_id", long + "cdefg_id", long + "abcdefghij"}
}

// values of each type, as JSON, by flavour: of fields whose type changes, most values have one of the other type.
func samples() map[model.Type][][]string {
	uuids := []string{`"018f0000-0000-7000-8000-0000000000a1"`, `"018f0000-0000-7000-8000-0000000000a2"`, `"018f0000-0000-7000-8000-0000000000b3"`, `"00000000-0000-0000-0000-000000000000"`}
	dates := []string{`"2026-01-31"`, `"0001-01-01"`, `"9999-12-31"`, `"2024-02-29"`}
	long := quoted(strings.Repeat("ä€😀", 100))
	return map[model.Type][][]string{
		model.Text: {
			{`"1"`, `"2"`, `"17"`, `"-4"`, `"0"`, `"9007199254740993"`},
			{`"a"`, `"b"`, `"it's"`, `"x,y"`, `"say \"so\""`},
			dates,
			append(slices.Clone(uuids), `"018F0000-0000-7000-8000-0000000000A1"`),
			{`""`, `" x "`, `"ä"`, `"😀"`, `"\\"`, long, `"null"`, `"'"`, `"$1"`},
			{`"true"`, `"false"`, `"0"`, `"1"`},
			{`"1.5"`, `"2.25"`, `"0.1"`, `"-7"`, `"1e3"`},
			{`"2026-01-31T00:00:00Z"`, `"2026-01-31T12:30:00.000001Z"`, `"2026-01-31T12:30:00+02:00"`},
			{`"{\"a\":1}"`, `"[1,2]"`, `"3"`},
		},
		model.Int:   {{`0`, `1`}, {`1`, `2`, `3`, `-4`, `100`}, {`9007199254740993`, `-9223372036854775808`, `9223372036854775807`, `7`}},
		model.Float: {{`0`, `1`, `2`, `-3`}, {`0.5`, `1.25`, `-7`}, {`0.1`, `1e21`, `1e-7`, `123456.789`}},
		model.Bool:  {{`true`, `false`}},
		model.Timestamp: {{`"2026-01-31T00:00:00.000000Z"`, `"0001-01-01T00:00:00.000000Z"`, `"9999-12-31T00:00:00.000000Z"`},
			{`"2026-01-31T12:30:00.000001Z"`, `"1969-12-31T23:59:59.999999Z"`, `"2026-01-31T00:00:00.000000Z"`}},
		model.Date: {dates},
		model.UUID: {uuids},
		model.JSON: {{`1`, `2`, `-4`, `0`}, {`"a"`, `"b"`, `"it's"`}, {`{"b":1,"a":[true,null]}`, `[]`, `{"a":"it's"}`}, {`true`, `false`},
			{`"2026-01-31"`, `"0001-01-01"`}, {uuids[0], uuids[1]}, {`1.5`, `2.50`, `1e2`}},
	}
}

func enumNames() []string {
	return []string{"a", "b", "it's", "x,y", `say "so"`, "1", "2", "true", "ä (b)"}
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// sample returns a value of a field that is no reference.
func (w *world) sample(r *rand.Rand, table *wTable, field *wField) value.Value {
	if field.typ == model.Enum {
		return value.OfText(pick(r, field.values).Name)
	}
	if field.typ == model.Decimal {
		return w.parse(table, field, w.decimal(r, field))
	}
	flavours := samples()[field.typ]
	flavour := field.uid
	if chance(r, 10) {
		flavour = r.Int()
	}
	return w.parse(table, field, pick(r, flavours[flavour%len(flavours)]))
}

func (w *world) decimal(r *rand.Rand, field *wField) string {
	whole, fraction := field.precision-field.scale, field.scale
	if chance(r, 70) {
		whole, fraction = min(whole, 2), min(fraction, 1)
	}
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	s := strings.TrimLeft(digits(whole), "0")
	if s == "" {
		s = "0"
	}
	if fraction > 0 {
		s += "." + digits(fraction)
	}
	if chance(r, 20) && strings.Trim(s, "0.") != "" {
		s = "-" + s
	}
	return quoted(s)
}

func (w *world) parse(table *wTable, field *wField, text string) value.Value {
	val, faults := value.ParseJSON(w.column(table, field), []byte(text), "")
	if len(faults) > 0 {
		panic(fmt.Sprintf("%s.%s: %s: %v", table.name, field.column, text, faults))
	}
	return val
}

// newRow returns a row that the table has room for, nil where it found none.
func (w *world) newRow(r *rand.Rand, table *wTable) *wRow {
	row := &wRow{values: map[int]value.Value{}, created: int64(r.IntN(1e9)), updated: int64(r.IntN(1e9))}
	switch table.key {
	case model.Int:
		row.id = value.OfInt(int64(1000 + r.IntN(1000)))
	case model.UUID:
		row.id = value.OfUUID(fmt.Sprintf("018f0000-0000-7000-8000-%012x", r.IntN(1<<16)))
	default:
		row.id = value.OfText(pick(r, []string{fmt.Sprint(2000 + r.IntN(1000)), fmt.Sprintf("018f0000-0000-7000-8000-%012x", r.IntN(1<<16)), fmt.Sprintf("k'%d", r.IntN(1000))}))
		if table.uid%3 > 0 && chance(r, 80) {
			row.id = value.OfText([]string{fmt.Sprintf("018f0000-0000-7000-8000-%012x", r.IntN(1<<16)), fmt.Sprint(2000 + r.IntN(1000))}[table.uid%3-1])
		}
	}
	for _, field := range table.fields {
		switch {
		case field.optional && chance(r, 30):
		case field.ref != 0:
			if target := w.table(field.ref); len(target.rows) > 0 {
				row.values[field.uid] = pick(r, target.rows).id
			} else if !field.optional {
				return nil
			}
		default:
			row.values[field.uid] = w.sample(r, table, field)
		}
	}
	before := table.rows
	table.rows = append(slices.Clone(before), row)
	duplicates := w.duplicates(table)
	table.rows = before
	if len(duplicates) > 0 {
		return nil
	}
	return row
}

// uniques lists what is unique in a table, as uids of fields; 0 is the id.
func (t *wTable) uniques() [][]int {
	all := [][]int{{0}}
	for _, field := range t.fields {
		if field.unique {
			all = append(all, []int{field.uid})
		}
	}
	return append(all, t.unique...)
}

// duplicates are the combinations of which two rows have the same values, with the number of rows that do.
func (w *world) duplicates(table *wTable) map[string]int {
	out := map[string]int{}
	for _, combo := range table.uniques() {
		seen := map[string]int{}
		for _, row := range table.rows {
			key, missing := "", false
			for _, uid := range combo {
				val := row.id
				if uid != 0 {
					val = row.values[uid]
				}
				missing = missing || val.IsNull()
				key += show(val) + "\x00"
			}
			if !missing {
				seen[key]++
			}
		}
		for _, n := range seen {
			if n > 1 {
				out[fmt.Sprint(combo)] += n
			}
		}
	}
	return out
}

func (w *world) dump(t testing.TB, title string) {
	t.Helper()
	t.Logf("%s:\n%s", title, w.text)
	for _, table := range w.tables {
		t.Logf("rows of %s:\n%s", table.name, strings.Join(w.lines(table), "\n"))
	}
}
