package system

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

func names(m *model.Model) (all []string) {
	for _, table := range m.Tables {
		all = append(all, table.Name)
	}
	return all
}

func sessions(*model.Model) []*model.Table {
	return []*model.Table{NewTable("ashlar_sessions", model.UUID, Text("token"))}
}

func TestModel(t *testing.T) {
	app := &model.Model{}
	m := Model(app, sessions)
	if diff := cmp.Diff([]string{MetaTable, "ashlar_sessions"}, names(m)); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	stored, err := snapshot.Decode(snapshot.Encode(m))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names(m), names(stored)); diff != "" {
		t.Errorf("tables of the stored model (-want +got):\n%s", diff)
	}
}

func TestModelRefusesNames(t *testing.T) {
	for name, fragment := range map[string]Fragment{
		"a name of an app":     func(*model.Model) []*model.Table { return []*model.Table{NewTable("sessions", model.UUID)} },
		"a name that is taken": func(*model.Model) []*model.Table { return []*model.Table{NewTable(MetaTable, model.UUID)} },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Model did not panic")
				}
			}()
			Model(&model.Model{}, fragment)
		})
	}
}

// A release does not drop the tables of a later one.
func TestKeepUnknown(t *testing.T) {
	app := &model.Model{}
	got := names(KeepUnknown(Model(app), Model(app, sessions), app))
	if diff := cmp.Diff([]string{MetaTable, "ashlar_sessions"}, got); diff != "" {
		t.Errorf("KeepUnknown (-want +got):\n%s", diff)
	}
}

func TestWhole(t *testing.T) {
	app := &model.Model{Name: "app"}
	app.Add(&model.Table{Name: "posts"})
	m := Whole(Model(app), app)
	if diff := cmp.Diff([]string{MetaTable, "posts"}, names(m)); diff != "" || m.Name != "app" || m.Table("posts") != app.Table("posts") {
		t.Errorf("Whole (-want +got):\n%s", diff)
	}
}
