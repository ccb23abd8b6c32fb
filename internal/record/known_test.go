package record

import (
	"context"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// scriptSpy counts the scripts of one statement that returns nothing.
type scriptSpy struct {
	store.DB
	silent int
}

func (s *scriptSpy) Script(ctx context.Context, write func(int64) (*store.Script, error)) (bool, error) {
	return s.DB.Script(ctx, func(revision int64) (*store.Script, error) {
		script, err := write(revision)
		if script != nil && len(script.Steps) == 1 && script.Steps[0].Row == nil {
			s.silent++
		}
		return script, err
	})
}

// openSpied opens a model on SQLite, with scripts from the first write on.
func openSpied(t *testing.T, source string) (*DB, *scriptSpy) {
	t.Helper()
	db, rules := modeltest.SQLite(sqlite.Config{}).Open(t, source)
	spy := &scriptSpy{DB: db}
	d := New(spy, rules, Config{})
	d.refusals.ignored = true
	if err := db.Write(t.Context(), func(tx store.Tx) error { _, err := tx.Revision(); return err }); err != nil {
		t.Fatal(err)
	}
	return d, spy
}

func createRow(t *testing.T, d *DB, who caller.Caller, table, body string) (Row, error) {
	t.Helper()
	members, err := value.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return d.Create(t.Context(), who, d.rules.Model.Table(table), members)
}

// The answer to a create is made before the row is stored. It is what a later read answers, byte for byte.
func TestKnownRowIsTheStoredRow(t *testing.T) {
	d, spy := openSpied(t, `
ashlar: 1
name: known
tables:
  makers: {key: text, fields: {name: {type: text, optional: true}}, access: {read: true}}
  things:
    fields:
      text:    {type: text, optional: true}
      choice:  {type: enum, values: [a, "b'c"], default: a}
      caller:  {type: text, default: auth.id}
      whole:   {type: int, optional: true}
      big:     {type: int, optional: true, as: string}
      part:    {type: float, optional: true}
      price:   {type: decimal, precision: 12, scale: 3, default: "1.5"}
      yes:     {type: bool, default: true}
      at:      {type: timestamp, optional: true}
      day:     {type: date, optional: true}
      other:   {type: uuid, optional: true}
      extra:   {type: json, optional: true}
      pin:     {type: text, secret: true, optional: true}
      hidden:  {type: int, default: 3, read: has(auth.id)}
      maker:   {ref: makers, optional: true}
    access: {read: caller == auth.id, create: caller == auth.id}
`)
	if _, err := createRow(t, d, system, "makers", `{"id":"É m"}`); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{}`,
		`{"text":"","choice":"b'c","whole":-9007199254740991,"big":"9223372036854775807","part":-0.0,"price":"-0.001","yes":false,"pin":"x"}`,
		`{"text":"\u0001\"\\ü\ud83d\ude00","part":1e300,"price":"123456789.120","at":"2026-02-28T23:59:59.123456+05:30","day":"0001-01-01"}`,
		`{"part":0.1,"at":"1970-01-01T00:00:00Z","other":"019A2F6E-7C1B-7D3E-9F40-2B6C8D1E5A70","extra":{"b" : [1.0, 1e2, "\u00e9"], "a": null},"maker_id":"É m"}`,
		`{"id":"019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70","part":3,"extra":null,"whole":0,"price":"0"}`,
	} {
		silent := spy.silent
		made, err := createRow(t, d, ann, "things", body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if spy.silent != silent+1 {
			t.Errorf("%s: the database was asked about the new row", body)
		}
		read, err := d.Get(t.Context(), ann, d.rules.Model.Table("things"), made.ID, Selection{}, nil)
		if err != nil || string(read.JSON) != string(made.JSON) || read.Revision != made.Revision || read.Plain != made.Plain || !read.ID.Equal(made.ID) {
			t.Errorf("%s: created\n%s (%d), and read\n%s (%d), %v", body, made.JSON, made.Revision, read.JSON, read.Revision, err)
		}
	}
}

// The database decides whether the row may be written, and answers itself if the answer depends on more than that.
func TestKnownRowObeysTheRules(t *testing.T) {
	d, spy := openSpied(t, `
ashlar: 1
name: known
tables:
  open:
    fields: {n: {type: int}, owner: {type: text}}
    checks: [{expr: n < 10, message: n is small}]
    access: {read: true, create: owner == auth.id}
  masked:
    fields: {n: {type: int, read: owner == auth.id}, owner: {type: text}}
    access: {read: true, create: true}
  unseen:
    fields: {n: {type: int}, owner: {type: text}}
    access: {read: n > 5, create: owner == auth.id}
  field:
    fields: {n: {type: int, write: owner == auth.id}, owner: {type: text}}
    access: {read: true, create: true}
  counted:
    fields: {n: {type: int, unique: true}, owner: {type: text}}
    checks: [{expr: owner != 'nobody', message: not nobody}]
    access: {read: true, create: true}
`)
	for _, tt := range []struct {
		table, body string
		silent      bool
		want        errs.Kind
	}{
		{"open", `{"n":1,"owner":"ANN"}`, true, ""},
		{"open", `{"n":1,"owner":"BOB"}`, true, errs.Forbidden},
		{"open", `{"n":10,"owner":"ANN"}`, true, errs.Invalid},
		{"open", `{"n":10,"owner":"BOB"}`, true, errs.Forbidden},
		{"masked", `{"n":1,"owner":"ANN"}`, false, ""},
		{"unseen", `{"n":1,"owner":"ANN"}`, false, ""},
		{"unseen", `{"n":9,"owner":"BOB"}`, false, errs.Forbidden},
		{"field", `{"n":1,"owner":"ANN"}`, true, ""},
		{"field", `{"n":1,"owner":"BOB"}`, true, errs.Forbidden},
		{"counted", `{"n":1,"owner":"ANN"}`, true, ""},
		{"counted", `{"n":1,"owner":"ANN"}`, true, errs.Conflict},
		{"counted", `{"n":1,"owner":"nobody"}`, true, errs.Invalid},
	} {
		silent := spy.silent
		body := strings.NewReplacer("ANN", "00000000-0000-7000-8000-00000000000a", "BOB", "00000000-0000-7000-8000-00000000000b").Replace(tt.body)
		_, err := createRow(t, d, ann, tt.table, body)
		if got := errs.KindOf(err); (err == nil) != (tt.want == "") || (err != nil && got != tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.table, tt.body, err, tt.want)
		}
		if (spy.silent > silent) != tt.silent {
			t.Errorf("%s %s: known beforehand = %t, want %t", tt.table, tt.body, spy.silent > silent, tt.silent)
		}
	}
	for table, want := range map[string]int{"open": 1, "masked": 1, "unseen": 1, "field": 1, "counted": 1} {
		n := 0
		err := d.store.Read(t.Context(), func(r store.Reader) error {
			return r.Query(`SELECT count(*) FROM "`+table+`"`, nil, func(row value.Row) error { n = int(row.Int(0)); return nil })
		})
		if err != nil || n != want {
			t.Errorf("%s has %d rows (%v), want %d", table, n, err, want)
		}
	}
}

// A key that only writes gets no row in the answer, though the rules would show it.
func TestKnownRowStaysWithinTheScopes(t *testing.T) {
	d, spy := openSpied(t, `
ashlar: 1
name: known
tables:
  notes: {fields: {n: {type: int}}, access: {read: true, create: true}}
`)
	made, err := createRow(t, d, withScopes(map[string]caller.Operations{"notes": caller.MayCreate}), "notes", `{"n":1}`)
	if err != nil || spy.silent != 1 || made.JSON != nil || made.ID.IsNull() || made.Revision == 0 {
		t.Errorf("create = %s %+v, %v (%d silent), want an id without a row", made.JSON, made, err, spy.silent)
	}
	made, err = createRow(t, d, withScopes(map[string]caller.Operations{"notes": caller.MayCreate | caller.MayRead}), "notes", `{"n":1}`)
	if err != nil || spy.silent != 2 || made.JSON == nil {
		t.Errorf("create = %s, %v (%d silent), want a row", made.JSON, err, spy.silent)
	}
}
