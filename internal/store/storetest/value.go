package storetest

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func constraints(t *testing.T, f *fixture) {
	f.exec(`CREATE TABLE tags (note_id bigint NOT NULL REFERENCES notes (id) ON DELETE RESTRICT, name text NOT NULL CHECK (name <> 'bad'))`)
	f.exec(`CREATE UNIQUE INDEX tags_unique ON tags (note_id, name)`)
	f.exec(`CREATE TABLE labels (id bigint NOT NULL, name text NOT NULL)`)
	f.exec(`CREATE UNIQUE INDEX labels_unique ON labels (lower("name"))`)
	const insertLabel = `INSERT INTO labels (id, name) VALUES ($1, $2)`
	f.exec(insertLabel, note(1, "x@y.example")...)
	const insertTag = `INSERT INTO tags (note_id, name) VALUES ($1, $2)`
	f.exec(insertNote, note(1, "a")...)
	f.exec(insertTag, note(1, "x")...)
	for i, tt := range []struct {
		name, sql  string
		args       []value.Value
		constraint store.Constraint
		table      string
		columns    []string
	}{
		{"primary key", insertNote, note(1, "b"), store.Unique, "notes", []string{"id"}},
		{"unique", insertNote, note(2, "a"), store.Unique, "notes", []string{"body"}},
		{"unique index", insertTag, note(1, "x"), store.Unique, "tags", []string{"note_id", "name"}},
		{"unique index on an expression", insertLabel, note(2, "X@Y.example"), store.Unique, "labels", []string{"name"}},
		{"no such row", insertTag, note(9, "x"), store.ForeignKey, "", nil},
		{"row in use", `DELETE FROM notes WHERE id = $1`, note(1, "")[:1], store.ForeignKey, "", nil},
		{"key in use", `UPDATE notes SET id = $1 WHERE id = 1`, note(5, "")[:1], store.ForeignKey, "", nil},
		{"check", insertTag, note(1, "bad"), store.Other, "", nil},
		{"not null", insertTag, []value.Value{value.OfInt(1), {}}, store.Other, "", nil},
	} {
		f.write(func(tx store.Tx) error {
			_, err := tx.Exec(tt.sql, tt.args)
			refusal, ok := errors.AsType[*store.ConstraintError](err)
			if !ok || refusal.Constraint != tt.constraint {
				t.Errorf("%s: Exec() = %v, want a %v constraint", tt.name, err, tt.constraint)
				return err
			}
			if tt.constraint == store.Unique && (refusal.Table != tt.table || !cmp.Equal(refusal.Columns, tt.columns)) {
				t.Errorf("%s: the constraint is on %s%v, want %s%v", tt.name, refusal.Table, refusal.Columns, tt.table, tt.columns)
			}
			return addNote(tx, 100+int64(i), tt.name) // the transaction goes on
		})
		f.wantNotes(int64(i) + 2)
	}
}

const createKinds = `CREATE TABLE kinds (
	id bigint PRIMARY KEY, b boolean, i bigint, f double precision, d numeric, s text, ts timestamptz, dt date, u uuid, j json
)`

// full is a row with one value of every kind.
type full struct {
	B    bool
	I    int64
	F    float64
	D    int64 // scale 4
	S    string
	TS   int64
	DT   string
	U, J string
}

func (k full) values(id int64) []value.Value {
	return []value.Value{
		value.OfInt(id), value.OfBool(k.B), value.OfInt(k.I), value.OfFloat(k.F), value.OfDecimal(k.D, 4),
		value.OfText(k.S), value.OfTimestamp(k.TS), value.OfDate(k.DT), value.OfUUID(k.U), value.OfJSON(k.J),
	}
}

func fullOf(row value.Row) full {
	return full{
		B: row.Int(0) == 1, I: row.Int(1), F: row.Float(2), D: row.Decimal(3, 4), S: string(row.Bytes(4)), TS: row.Int(5),
		DT: string(row.Bytes(6)), U: string(row.Bytes(7)), J: string(row.Bytes(8)),
	}
}

const (
	insertKinds = `INSERT INTO kinds (id, b, i, f, d, s, ts, dt, u, j) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	selectKinds = `SELECT b, i, f, d, s, ts, dt, u, j FROM kinds WHERE id = $1`
)

// kinds are values at the limits of each kind.
func kinds() []full {
	return []full{
		{DT: "1970-01-01", U: "00000000-0000-0000-0000-000000000000", J: "{}"},
		{
			true, math.MaxInt64, math.MaxFloat64, value.MaxDecimal - 1, strings.Repeat("é\n\"𝄞\u2028", 20_000), value.MaxTimestamp,
			"9999-12-31", "ffffffff-ffff-ffff-ffff-ffffffffffff", `{"b":1,"a":[1.0,"é",null]}`,
		},
		{
			false, math.MinInt64, math.SmallestNonzeroFloat64, -(value.MaxDecimal - 1), "\x01\x7f\ufffd", value.MinTimestamp,
			"0001-01-01", "0190a5c8-0000-7000-8000-000000000001", `["\u0000",{}]`,
		},
		{true, -1, 0.1, 10, " 1e3 ", 1, "2024-02-29", "12345678-1234-1234-1234-123456789012", `"text"`},
		{true, 1 << 53, -1e300, -5, "12", -1, "2000-01-01", "99999999-9999-9999-9999-999999999999", `[[[]]]`},
	}
}

func values(t *testing.T, f *fixture) {
	f.exec(createKinds)
	for id, want := range kinds() {
		f.exec(insertKinds, want.values(int64(id))...)
		wantRow(t, f, int64(id), want)
	}
	args := make([]value.Value, 10)
	args[0] = value.OfInt(1000)
	f.exec(insertKinds, args...)
	wantNulls(t, f, 1000)
}

func wantRow(t *testing.T, f *fixture, id int64, want full) {
	t.Helper()
	rows := 0
	f.read(func(reader store.Reader) error {
		return reader.Query(selectKinds, []value.Value{value.OfInt(id)}, func(row value.Row) error {
			rows++
			if diff := cmp.Diff(want, fullOf(row)); diff != "" {
				t.Errorf("row %d came back otherwise (-want +got):\n%s", id, diff)
			}
			for col := range 9 {
				if row.Null(col) {
					t.Errorf("row %d: column %d is missing", id, col)
				}
			}
			return nil
		})
	})
	if rows != 1 {
		t.Errorf("%d rows with id %d", rows, id)
	}
}

func wantNulls(t *testing.T, f *fixture, id int64) {
	t.Helper()
	f.read(func(reader store.Reader) error {
		return reader.Query(selectKinds, []value.Value{value.OfInt(id)}, func(row value.Row) error {
			for col := range 9 {
				if !row.Null(col) {
					t.Errorf("column %d was written as null and is not missing", col)
				}
			}
			return nil
		})
	})
}

// lists: a list is bound as a JSON array. An empty list and a nil list are the same.
func lists(t *testing.T, f *fixture) {
	for _, want := range [][]string{nil, {}, {"a"}, {"editor", `quote " backslash \ <tag> é 𝄞`, ""}} {
		f.read(func(reader store.Reader) error {
			return reader.Query(`SELECT $1`, []value.Value{value.OfList(want)}, func(row value.Row) error {
				var got []string
				if err := json.Unmarshal(row.Bytes(0), &got); err != nil || got == nil {
					t.Errorf("list %q is bound as %s: %v", want, row.Bytes(0), err)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("a list came back otherwise (-want +got):\n%s", diff)
				}
				return nil
			})
		})
	}
}
