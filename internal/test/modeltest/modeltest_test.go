package modeltest

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const notes = `
ashlar: 1
name: notes
tables:
  notes:
    key: int
    fields: {title: {type: text}}
`

func TestEachHasTheTablesOfTheModel(t *testing.T) {
	Each(t, notes, func(t *testing.T, db store.DB, rules *rule.Rules) {
		if rules.Model.Table("notes") == nil {
			t.Fatal("the model has no table notes")
		}
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query("SELECT id, title FROM notes", nil, func(value.Row) error { return nil })
		})
		if err != nil {
			t.Error(err)
		}
	})
}
