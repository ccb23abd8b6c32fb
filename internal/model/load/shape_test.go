package load

import (
	"slices"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// checkShape says an error for whatever a loaded model must never be. A sound model is one that came without faults.
func checkShape(t *testing.T, m *model.Model, sound bool) {
	t.Helper()
	if m.Table(usersTable) == nil {
		t.Error("no table users")
	}
	for _, table := range m.All() {
		if m.Table(table.Name) != table {
			t.Errorf("Table(%q) is another table", table.Name)
		}
		checkTableShape(t, m, table, sound)
	}
}

func checkTableShape(t *testing.T, m *model.Model, table *model.Table, sound bool) {
	t.Helper()
	last := len(table.Fields) - 2
	if table.View == nil && (last < 1 || table.Fields[last].Name != "created_at" || table.Fields[last+1].Name != "updated_at") {
		t.Fatalf("fields of %s are not id, …, created_at, updated_at", table.Name)
	}
	if table.ID().Name != "id" || table.View != nil && slices.Contains(m.Tables, table) {
		t.Fatalf("%s has no id, or is a view among the tables", table.Name)
	}
	checkViewShape(t, table, sound)
	if sound && !slices.Contains([]model.Type{model.UUID, model.Int, model.Text}, table.Key) || table.ID().Type != table.Key {
		t.Errorf("%s has a key of %v and an id of %v", table.Name, table.Key, table.ID().Type)
	}
	for _, f := range table.Fields {
		if f.Table != table || table.Field(f.Name) != f {
			t.Errorf("%s.%s is not where it belongs", table.Name, f.Name)
		}
		if sound {
			checkFieldShape(t, m, f)
		}
	}
	for _, r := range table.Relations {
		if r.From != table || r.To == nil || r.Field == nil || r.Field.Ref == nil || table.Relation(r.Name) != r || table.Field(r.Name) != nil {
			t.Errorf("relation %s.%s = %+v", table.Name, r.Name, r)
		}
	}
	for _, fields := range slices.Concat(table.Unique, table.Indexes, [][]*model.Field{table.Search}) {
		for _, f := range fields {
			if f.Table != table || f.Secret || f.Type == model.JSON {
				t.Errorf("%s.%s cannot be unique, indexed or searched", table.Name, f.Name)
			}
		}
	}
	for _, c := range table.Checks {
		if sound && (c.Expr == nil || c.Message == "") {
			t.Errorf("check of %s = %+v", table.Name, c)
		}
	}
}

func checkViewShape(t *testing.T, table *model.Table, sound bool) {
	t.Helper()
	if table.View == nil {
		return
	}
	a := table.Access
	if a.Create != nil || a.UpdateFrom != nil || a.UpdateTo != nil || a.Delete != nil || table.Checks != nil || table.Unique != nil || table.Indexes != nil || table.Search != nil {
		t.Errorf("the view %s can be written", table.Name)
	}
	for _, f := range table.Fields {
		if f.Default != nil || f.Write != nil || f.Unique || f.Index || f.Secret || f.Was != "" || f.Ref != nil && f.Ref.View != nil {
			t.Errorf("%s.%s is what a field of a view cannot be", table.Name, f.Name)
		}
	}
	if sound && table.View.SQLite == nil && table.View.Postgres == nil {
		t.Errorf("the view %s has no query", table.Name)
	}
	for _, r := range table.View.Reads {
		if r.Table == nil || r.Table.View != nil {
			t.Errorf("the view %s reads what is no table", table.Name)
		}
	}
}

func checkFieldShape(t *testing.T, m *model.Model, f *model.Field) {
	t.Helper()
	name := f.Table.Name + "." + f.Name
	switch {
	case f.Type == model.Invalid || f.Type > model.JSON:
		t.Errorf("%s has no type", name)
	case (f.Ref == nil) != (f.RefName == ""):
		t.Errorf("%s is half a reference", name)
	case f.Ref != nil && (f.Type != f.Ref.Key || m.Table(f.Ref.Name) != f.Ref || f.Name != f.RefName+"_id" || f.Table.Relation(f.RefName).To != f.Ref):
		t.Errorf("%s is no whole reference", name)
	case f.OnDelete == model.Clear && !f.Optional:
		t.Errorf("%s cannot be cleared", name)
	case f.Type == model.Decimal && (f.Precision < 1 || f.Precision > 18 || f.Scale < 0 || f.Scale > f.Precision):
		t.Errorf("%s has precision %d and scale %d", name, f.Precision, f.Scale)
	case f.Type == model.Enum && len(f.Values) == 0:
		t.Errorf("%s has no values", name)
	case f.Min != nil && f.Max != nil && *f.Min > *f.Max:
		t.Errorf("%s: %d is greater than %d", name, *f.Min, *f.Max)
	case f.Type == model.Text && f.InIndex() && (f.Max == nil || *f.Max > model.MaxIndexedText):
		t.Errorf("%s is indexed and has no short max", name)
	case f.Secret && (f.Unique || f.Index || f.Ref != nil):
		t.Errorf("%s is a secret that tells", name)
	case (f.JSONSchema == nil) != (f.JSONSchemaText == ""):
		t.Errorf("%s is half a schema", name)
	}
}
