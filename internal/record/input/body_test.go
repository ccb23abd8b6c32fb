package input

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const notes = `
ashlar: 1
name: notes
tables:
  teams: {key: text, fields: {name: {type: text}}}
  notes:
    key: int
    fields:
      title: {type: text, max: 10}
      owner: {type: text, default: auth.id, immutable: true}
      stars: {type: int, optional: true, write: "false"}
      team:  {ref: teams, optional: true, reverse: notes}
      meta:  {type: json, optional: true, schema: {type: object, maxProperties: 2}}
`

func members(t *testing.T, body string) []value.Member {
	t.Helper()
	m, err := value.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// faultsOf returns the faults of an error as "pointer code".
func faultsOf(err error) (faults []string) {
	if err == nil {
		return nil
	}
	for _, fault := range err.(*errs.Error).Faults {
		faults = append(faults, fault.Pointer+" "+fault.Code)
	}
	return faults
}

func TestForCreate(t *testing.T) {
	rules := modeltest.Rules(t, notes)
	ann := caller.User(caller.Identity{ID: "ann"})
	for _, tt := range []struct {
		name, body string
		who        caller.Caller
		want       []string
	}{
		{"valid", `{"title":"a"}`, ann, nil},
		{"no title", `{}`, ann, []string{"/title required"}},
		{"a default that fails", `{"title":"a"}`, caller.Caller{}, []string{"/owner required"}},
		{"null for a required field", `{"title":null}`, ann, []string{"/title required"}},
		{"too long", `{"title":"12345678901"}`, ann, []string{"/title too_long"}},
		{"unknown", `{"title":"a","a/b~c":1}`, ann, []string{"/a~1b~0c unknown"}},
		{"a relation", `{"title":"a","team":"red"}`, ann, []string{"/team unknown"}},
		{"a time", `{"title":"a","created_at":"2026-01-01T00:00:00Z"}`, ann, []string{"/created_at read_only"}},
		{"two faults", `{"title":1,"stars":"x"}`, ann, []string{"/title type", "/stars type"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := ForCreate(rules.Model.Table("notes"), members(t, tt.body), false)
			b.FillDefaults(rules, &rule.Env{Caller: tt.who})
			if got := faultsOf(b.Err()); !slices.Equal(got, tt.want) {
				t.Errorf("faults %q, want %q", got, tt.want)
			}
		})
	}
}

// A body of many faults must not be answered with more bytes than it has.
func TestExhaustion_FaultsAreBounded(t *testing.T) {
	var body strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&body, `,"m%d":1`, i)
	}
	b := ForCreate(modeltest.Model(t, notes).Table("notes"), members(t, "{"+body.String()[1:]+"}"), false)
	err := b.Err().(*errs.Error)
	if len(err.Faults) != maxFaults || !strings.Contains(err.Message, "5000 faults, of which these are the first 100") {
		t.Errorf("%d faults: %s", len(err.Faults), err.Message)
	}
}

// stored returns the old row of a note, by field.
func stored(table *model.Table, values map[string]value.Value) *Stored {
	old := &Stored{Values: make([]value.Value, len(table.Fields))}
	for i, field := range table.Fields {
		old.Values[i] = values[field.Name]
	}
	return old
}

func TestAgainst(t *testing.T) {
	rules := modeltest.Rules(t, notes)
	table := rules.Model.Table("notes")
	stars := table.Field("stars")
	for _, tt := range []struct {
		name, body string
		masked     bool // stars
		given      string
		refused    bool
		faults     []string
	}{
		{"a change", `{"title":"b"}`, false, "title", false, nil},
		{"a fixed member as stored", `{"title":"b","owner":"ann"}`, false, "title", false, nil},
		{"a fixed member that differs", `{"owner":"bob"}`, false, "", false, []string{"/owner immutable"}},
		{"stars as stored", `{"stars":3}`, false, "", false, nil},
		{"stars that differ", `{"stars":4}`, false, "", true, nil},
		{"stars as stored, hidden", `{"stars":3}`, true, "", true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := ForUpdate(table, value.OfInt(1), members(t, tt.body), false)
			if err := b.Err(); err != nil {
				t.Fatal(err)
			}
			old := stored(table, map[string]value.Value{"id": value.OfInt(1), "title": value.OfText("a"), "owner": value.OfText("ann"), "stars": value.OfInt(3)})
			if slices.Contains(b.Given, stars) {
				old.Refused = []*model.Field{stars}
			}
			if tt.masked {
				old.Masked = []*model.Field{stars}
			}
			rest, refused, err := b.Against(rules, old)
			if (len(refused) > 0) != tt.refused || !slices.Equal(faultsOf(err), tt.faults) {
				t.Fatalf("refused %v, %v", refused, err)
			}
			if tt.refused || err != nil {
				return
			}
			var given []string
			for _, field := range rest.Given {
				given = append(given, field.Name)
			}
			if got := strings.Join(given, ","); got != tt.given {
				t.Errorf("the rest sets %q, want %q", got, tt.given)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	table := modeltest.Model(t, notes).Table("notes")
	meta := table.Field("meta")
	for _, tt := range []struct {
		name, stored, patch string
		masked              bool
		want                string
		faults              []string
	}{
		{"into an object", `{"a":1}`, `{"b":2}`, false, `{"a":1,"b":2}`, nil},
		{"null removes", `{"a":1}`, `{"a":null}`, false, `{}`, nil},
		{"hidden counts as missing", `{"a":1}`, `{"b":2}`, true, `{"b":2}`, nil},
		{"the schema is about the result", `{"a":1}`, `{"b":2,"c":3}`, false, "", []string{"/meta schema"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := ForUpdate(table, value.OfInt(1), members(t, `{"meta":`+tt.patch+`}`), false)
			old := stored(table, map[string]value.Value{"meta": value.OfJSON(tt.stored)})
			if tt.masked {
				old.Masked = []*model.Field{meta}
			}
			values := make([]value.Value, len(table.Fields))
			err := b.Merge(values, old)
			if !slices.Equal(faultsOf(err), tt.faults) {
				t.Fatalf("faults %q, want %q", faultsOf(err), tt.faults)
			}
			if got := values[slices.Index(table.Fields, meta)].Text; err == nil && got != tt.want {
				t.Errorf("merged %s, want %s", got, tt.want)
			}
		})
	}
}
