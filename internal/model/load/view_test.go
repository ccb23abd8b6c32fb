package load

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

const gaps = `
ashlar: 1
name: gaps
tables:
  skills: {key: text, fields: {name: {type: text}}}
  holders: {fields: {skill: {ref: skills}, owner: {ref: users}}}
views:
  gaps:
    key: int
    reads: [holders, skills]
    query:
      sqlite: SELECT 1 AS id
      postgres: |
        SELECT 1
          AS id
    fields:
      skill: {ref: skills, reverse: gaps}
      created_at: {type: date, optional: true}
    access: {read: skill_id != null}
`

func TestView(t *testing.T) {
	m := loadText(t, gaps)
	checkShape(t, m, true)
	checkRoundTrip(t, m)
	v := m.Table("gaps")
	if v == nil || v.View == nil || len(m.Views) != 1 || len(m.Tables) != 3 {
		t.Fatalf("gaps = %+v among %d tables, %d views", v, len(m.Tables), len(m.Views))
	}
	if diff := cmp.Diff([]string{"id", "skill", "skill_id", "created_at"}, fieldNames(v)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	back := m.Table("skills").Relation("gaps")
	if back == nil || !back.Many || back.To != v || v.Field("skill_id").Type != model.Text {
		t.Errorf("skills.gaps = %+v", back)
	}
	if v.Field("created_at").System || v.Key != model.Int || v.Access.Read.Text != "skill_id != null" {
		t.Errorf("gaps = %+v", v)
	}
	if at := v.View.Postgres.At(len("SELECT 1\n  AS")); at.Line != 15 || at.Col != 13 {
		t.Errorf("a place in the query = %v, want 15:13", at)
	}
	if reads := v.View.Reads; len(reads) != 2 || reads[0].Table != m.Table("holders") || reads[1].Pos.Col != 22 {
		t.Errorf("reads = %+v", reads)
	}
}

// A change of views changes no table.
func TestViewsAreNoChange(t *testing.T) {
	with := loadText(t, gaps)
	without := loadText(t, strings.Split(gaps, "views:")[0])
	if diff := cmp.Diff(string(snapshot.Encode(without)), string(snapshot.Encode(with))); diff != "" {
		t.Errorf("snapshots (-without +with):\n%s", diff)
	}
}
