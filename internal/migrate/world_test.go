package migrate

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
	for _, t := range w.tables {
		if t.uid == uid {
			return t
		}
	}
	return nil
}

func (t *wTable) field(uid int) *wField {
	for _, f := range t.fields {
		if f.uid == uid {
			return f
		}
	}
	return nil
}

func (t *wTable) named(column string) *wField {
	for _, f := range t.fields {
		if f.column == column {
			return f
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
	for _, t := range w.tables {
		u := *t
		u.fields = nil
		for _, f := range t.fields {
			g := *f
			g.values = slices.Clone(f.values)
			u.fields = append(u.fields, &g)
		}
		u.unique, u.indexes = slices.Clone(t.unique), slices.Clone(t.indexes)
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
	var b strings.Builder
	for _, t := range w.tables {
		fmt.Fprintf(&b, "  %s:\n", t.name)
		if t.was != "" {
			fmt.Fprintf(&b, "    was: %s\n", t.was)
		}
		fmt.Fprintf(&b, "    key: %v\n", t.key)
		if len(t.fields) > 0 {
			b.WriteString("    fields:\n")
		}
		for _, f := range t.fields {
			fmt.Fprintf(&b, "      %s: {%s}\n", f.file(), strings.Join(w.keys(f), ", "))
		}
		for i, combos := range [][][]int{t.unique, t.indexes} {
			if len(combos) == 0 {
				continue
			}
			fmt.Fprintf(&b, "    %s:\n", [...]string{"unique", "indexes"}[i])
			for _, combo := range combos {
				names := make([]string, len(combo))
				for n, uid := range combo {
					names[n] = t.field(uid).file()
				}
				fmt.Fprintf(&b, "      - [%s]\n", strings.Join(names, ", "))
			}
		}
	}
	return b.String()
}

func (w *world) keys(f *wField) (keys []string) {
	add := func(format string, args ...any) { keys = append(keys, fmt.Sprintf(format, args...)) }
	if f.ref != 0 {
		add("ref: %s", w.table(f.ref).name)
		add("on_delete: %s", f.onDelete)
		if f.reverse != "" {
			add("reverse: %s", f.reverse)
		}
	} else {
		add("type: %v", f.typ)
	}
	if f.typ == model.Decimal && f.ref == 0 {
		add("precision: %d", f.precision)
		add("scale: %d", f.scale)
	}
	if f.typ == model.Enum {
		var values []string
		for _, v := range f.values {
			if v.Was != "" {
				values = append(values, fmt.Sprintf("{name: %s, was: %s}", quoted(v.Name), quoted(v.Was)))
			} else {
				values = append(values, quoted(v.Name))
			}
		}
		add("values: [%s]", strings.Join(values, ", "))
	}
	if f.was != "" {
		was := f.was
		if f.ref != 0 {
			was = strings.TrimSuffix(was, "_id")
		}
		add("was: %s", was)
	}
	for key, on := range map[string]bool{"optional": f.optional, "unique": f.unique, "index": f.index} {
		if on {
			add("%s: true", key)
		}
	}
	if f.given.cel != "" {
		add("default: %s", quoted(f.given.cel))
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

func show(v value.Value) string {
	if v.IsNull() {
		return "null"
	}
	return string(value.AppendValue(nil, v))
}

// lines are the rows of a table as they are compared: every column, and the revision.
func (w *world) lines(t *wTable) []string {
	var lines []string
	for _, r := range t.rows {
		var b strings.Builder
		for _, f := range w.schema(t).Fields {
			v := value.Value{} // of users, fields that nobody gave a value
			switch {
			case f.Name == "id":
				v = r.id
			case f.Name == "created_at":
				v = value.OfTimestamp(r.created)
			case f.Name == "updated_at":
				v = value.OfTimestamp(r.updated)
			case t.named(f.Name) != nil:
				v = r.values[t.named(f.Name).uid]
			}
			fmt.Fprintf(&b, "%s=%s ", f.Name, show(v))
		}
		fmt.Fprintf(&b, "rev=%d", r.revision)
		lines = append(lines, b.String())
	}
	slices.Sort(lines)
	return lines
}

// Names that a walk gives, few enough that they come back. Those of the length that a name may have begin alike.
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
func (w *world) sample(r *rand.Rand, t *wTable, f *wField) value.Value {
	if f.typ == model.Enum {
		return value.OfText(pick(r, f.values).Name)
	}
	if f.typ == model.Decimal {
		return w.parse(t, f, w.decimal(r, f))
	}
	flavours := samples()[f.typ]
	flavour := f.uid
	if chance(r, 10) {
		flavour = r.Int()
	}
	return w.parse(t, f, pick(r, flavours[flavour%len(flavours)]))
}

func (w *world) decimal(r *rand.Rand, f *wField) string {
	whole, fraction := f.precision-f.scale, f.scale
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

func (w *world) parse(t *wTable, f *wField, text string) value.Value {
	v, faults := value.ParseJSON(w.column(t, f), []byte(text), "")
	if len(faults) > 0 {
		panic(fmt.Sprintf("%s.%s: %s: %v", t.name, f.column, text, faults))
	}
	return v
}

// newRow returns a row that the table has room for, nil where it found none.
func (w *world) newRow(r *rand.Rand, t *wTable) *wRow {
	row := &wRow{values: map[int]value.Value{}, created: int64(r.IntN(1e9)), updated: int64(r.IntN(1e9))}
	switch t.key {
	case model.Int:
		row.id = value.OfInt(int64(1000 + r.IntN(1000)))
	case model.UUID:
		row.id = value.OfUUID(fmt.Sprintf("018f0000-0000-7000-8000-%012x", r.IntN(1<<16)))
	default:
		row.id = value.OfText(pick(r, []string{fmt.Sprint(2000 + r.IntN(1000)), fmt.Sprintf("018f0000-0000-7000-8000-%012x", r.IntN(1<<16)), fmt.Sprintf("k'%d", r.IntN(1000))}))
		if t.uid%3 > 0 && chance(r, 80) {
			row.id = value.OfText([]string{fmt.Sprintf("018f0000-0000-7000-8000-%012x", r.IntN(1<<16)), fmt.Sprint(2000 + r.IntN(1000))}[t.uid%3-1])
		}
	}
	for _, f := range t.fields {
		switch {
		case f.optional && chance(r, 30):
		case f.ref != 0:
			if target := w.table(f.ref); len(target.rows) > 0 {
				row.values[f.uid] = pick(r, target.rows).id
			} else if !f.optional {
				return nil
			}
		default:
			row.values[f.uid] = w.sample(r, t, f)
		}
	}
	before := t.rows
	t.rows = append(slices.Clone(before), row)
	duplicates := w.duplicates(t)
	t.rows = before
	if len(duplicates) > 0 {
		return nil
	}
	return row
}

// uniques lists what is unique in a table, as uids of fields; 0 is the id.
func (t *wTable) uniques() [][]int {
	all := [][]int{{0}}
	for _, f := range t.fields {
		if f.unique {
			all = append(all, []int{f.uid})
		}
	}
	return append(all, t.unique...)
}

// duplicates are the combinations of which two rows have the same values, with the number of rows that do.
func (w *world) duplicates(t *wTable) map[string]int {
	out := map[string]int{}
	for _, combo := range t.uniques() {
		seen := map[string]int{}
		for _, r := range t.rows {
			key, missing := "", false
			for _, uid := range combo {
				v := r.id
				if uid != 0 {
					v = r.values[uid]
				}
				missing = missing || v.IsNull()
				key += show(v) + "\x00"
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
