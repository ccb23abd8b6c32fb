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
	app := loadText(t, gaps)
	checkInvariants(t, app, true)
	checkRoundTrip(t, app)
	table := app.Table("gaps")
	if table == nil || table.View == nil || len(app.Views) != 1 || len(app.Tables) != 3 {
		t.Fatalf("gaps = %+v among %d tables, %d views", table, len(app.Tables), len(app.Views))
	}
	if diff := cmp.Diff([]string{"id", "skill", "skill_id", "created_at"}, fieldNames(table)); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	back := app.Table("skills").Relation("gaps")
	if back == nil || !back.Many || back.To != table || table.Field("skill_id").Type != model.Text {
		t.Errorf("skills.gaps = %+v", back)
	}
	if table.Field("created_at").System || table.Key != model.Int || table.Access.Read.Text != "skill_id != null" {
		t.Errorf("gaps = %+v", table)
	}
	if at := table.View.Postgres.At(len("SELECT 1\n  AS")); at.Line != 15 || at.Col != 13 {
		t.Errorf("a position in the query = %v, want 15:13", at)
	}
	if reads := table.View.Reads; len(reads) != 2 || reads[0].Table != app.Table("holders") || reads[1].Pos.Col != 22 {
		t.Errorf("reads = %+v", reads)
	}
}

// TestViewsAreNoChange adds views. They change no table.
func TestViewsAreNoChange(t *testing.T) {
	with := loadText(t, gaps)
	without := loadText(t, strings.Split(gaps, "views:")[0])
	if diff := cmp.Diff(string(snapshot.Encode(without)), string(snapshot.Encode(with))); diff != "" {
		t.Errorf("snapshots (-without +with):\n%s", diff)
	}
}
