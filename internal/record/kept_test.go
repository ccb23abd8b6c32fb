package record

import (
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// The counts of kept answers follow what lists leave in the cache, by table.
func TestKeptStats(t *testing.T) {
	db, rules := modeltest.SQLite(sqlite.Config{}).Open(t, `
ashlar: 1
name: kept
tables:
  notes: {key: int, fields: {text: {type: text}}, access: {read: true}}
  large: {key: int, fields: {text: {type: text}}, access: {read: true}}
  quiet: {key: int, fields: {text: {type: text}}, access: {read: true}}
`)
	d := New(db, rules, Config{Answers: 4 << 20})
	must(t, d, system, "notes", `{"text":"a"}`)
	must(t, d, system, "large", `{"text":"`+strings.Repeat("a", 4<<20/32)+`"}`)
	list := func(table, filter string) (outcome string) {
		t.Helper()
		var r telemetry.Record
		_, err := d.List(telemetry.WithRecord(t.Context(), &r), nobody, d.rules.Model.Table(table), Query{Limit: 10, Filter: filter}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Cache
	}
	for known, deadline := false, time.Now().Add(10*time.Second); !known; { // the commits of the rows may still be under way
		err := db.Read(t.Context(), func(r store.Reader) (err error) {
			_, known, err = r.Version(nil, []string{"notes"})
			return err
		})
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the version of notes is not known: %v", err)
		}
	}
	for _, tt := range []struct{ table, filter, want string }{
		{"notes", "", miss}, {"notes", "", hit}, {"notes", "id > 0", miss}, {"large", "", miss}, {"large", "", miss},
	} {
		if got := list(tt.table, tt.filter); got != tt.want {
			t.Errorf("a list of %s is a %s, want a %s", tt.table, got, tt.want)
		}
	}
	stats := d.Kept()
	if !stats.Answers || stats.Most != 4<<20 || stats.Bytes != d.KeptBytes() || len(stats.Tables) != 2 {
		t.Fatalf("%+v", stats)
	}
	if notes := stats.Tables[0]; notes.Name != "notes" || notes.Entries != 2 || notes.Bytes != stats.Bytes || notes.TooLarge != 0 {
		t.Errorf("of two lists of notes: %+v", notes)
	}
	if large := stats.Tables[1]; large.Name != "large" || large.Entries != 0 || large.Bytes != 0 || large.TooLarge != 2 {
		t.Errorf("of two lists that are too large: %+v", large)
	}
}
