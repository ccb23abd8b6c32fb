package migrate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// What is done to tables does not depend on what was done before, but for changes that are not finished.
func TestDamagedHistory(t *testing.T) {
	const (
		first  = "  notes:\n    fields: {text: {type: text}}\n"
		second = "  notes:\n    fields: {text: {type: text}, stars: {type: int, default: 3}}\n"
		third  = "  notes:\n    fields: {text: {type: text}, stars: {type: int, default: 3}, kind: {type: text, optional: true}}\n"
	)
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		for _, tt := range []struct {
			name, sql string
			damaged   string // what History says of the second entry
			apply     string // the error of a safe change, "" for none
			undo      string // plan of the second change's undo
		}{
			{"changes", `"changes" = '{'`, "changes: ", "", "entry 2 of the history of the database cannot be read: changes: "},
			{"steps", `"steps" = ''`, "steps: ", "", "entry 2 of the history of the database cannot be read: steps: "},
			{"given", `"given" = '[]'`, "given: ", "", "entry 2 of the history of the database cannot be read: given: "},
			{"a time", `"started" = 'yesterday'`, "started: ", "", "entry 2 of the history of the database cannot be read: started: "},
			{"model", `"model" = '{'`, "", "", "entry 2 of the history of the database cannot be read: model: "},
			{"state", `"state" = 'dome'`, `state: there is no "dome"`, "may not be finished", "may not be finished"},
			{"what is left to do", `"state" = 'finishing', "todo" = '{'`, "todo: ", "may not be finished", "may not be finished"},
			{"nothing", `"by" = 'somebody'`, "", "", ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				ctx := context.Background()
				damaged := func() store.DB {
					db := eng.Empty(t)
					mustApply(t, db, load(t, first), anything)
					insert(t, db, load(t, first).Model.Table("notes"), `{"id": "018f0000-0000-7000-8000-0000000000a1", "text": "a"}`)
					mustApply(t, db, load(t, second), anything)
					damage(t, db, `UPDATE "ashlar_migrations" SET `+tt.sql+` WHERE "id" = 2`)
					return db
				}
				if _, err := migrate.Undo(ctx, damaged(), anything); !says(err, tt.undo) {
					t.Errorf("Undo: %v, want %q", err, tt.undo)
				}
				db := damaged()
				history, err := migrate.History(ctx, db)
				if err != nil || len(history) != 2 || history[0].Damage != "" || !strings.HasPrefix(history[1].Damage, tt.damaged) || (history[1].Damage == "") != (tt.damaged == "") {
					t.Errorf("History = %+v, %v, want %q of the second of 2 entries", history, err, tt.damaged)
				}
				for _, model := range []string{second, third} { // where nothing is to be done, and something
					result, err := migrate.Apply(ctx, db, load(t, model), anything)
					if !says(err, tt.apply) {
						t.Errorf("Apply: %v, want %q", err, tt.apply)
					}
					if err == nil && (len(result.Damaged) == 1) != (tt.damaged != "") {
						t.Errorf("Apply says of the history: %q", result.Damaged)
					}
				}
				if tt.apply == "" { // the way back from the third needs the second's model alone
					want := ""
					if tt.name == "model" {
						want = tt.undo
					}
					if _, err := migrate.Undo(ctx, db, anything); !says(err, want) {
						t.Errorf("Undo of the change after it: %v, want %q", err, want)
					}
				}
			})
		}
	})
}

// says tells whether an error has a text, and "" that there is none.
func says(err error, text string) bool {
	if text == "" || err == nil {
		return text == "" && err == nil
	}
	return strings.Contains(errs.ForTerminal(err), text)
}

func damage(t *testing.T, db store.DB, sql string) {
	t.Helper()
	err := db.Write(context.Background(), func(tx store.Tx) error {
		changed, err := tx.Exec(sql, nil)
		if err == nil && changed != 1 {
			t.Errorf("%s: %d rows", sql, changed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
