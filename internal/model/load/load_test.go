package load

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

// loadText loads a model of one file and fails the test if it has faults.
func loadText(t *testing.T, text string) *model.Model {
	t.Helper()
	app, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	return app
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checkRoundTrip stores and restores a model without faults and compares the result with it.
func checkRoundTrip(t *testing.T, app *model.Model) {
	t.Helper()
	encoded := snapshot.Encode(app)
	restored, err := snapshot.Decode(encoded)
	if err != nil {
		t.Fatalf("Decode(Encode(m)): %v\n%s", err, encoded)
	}
	if again := snapshot.Encode(restored); !bytes.Equal(encoded, again) {
		t.Errorf("restored and encoded again = %s, want %s", again, encoded)
	}
	if changes := diff.Between(restored, app); len(changes) > 0 {
		t.Errorf("a model differs from itself: %v", changes)
	}
}

func TestCareers(t *testing.T) {
	app := loadText(t, readFile(t, "careers.yaml"))
	var names []string
	for _, table := range app.Tables {
		names = append(names, table.Name)
	}
	if got, want := len(app.Tables), 5; got != want || names[0] != "users" {
		t.Fatalf("tables = %v, want users and %d others", names, want-1)
	}
	profiles := app.Table("profiles")
	owner := profiles.Field("owner_id")
	if owner.Type != model.UUID || owner.Ref != app.Table("users") || !owner.Unique || !owner.Immutable || owner.RefName != "owner" {
		t.Errorf("owner = %+v", owner)
	}
	if expr := profiles.Field("shared").Default; expr.Text != "false" || !expr.Constant {
		t.Errorf("default of shared = %+v, want the constant false", expr)
	}
	skills := app.Table("occupations").Relation("skills")
	if !skills.Many || skills.To.Name != "occupation_skills" || skills.Field.Name != "occupation_id" {
		t.Errorf("occupations.skills = %+v", skills)
	}
	if title := app.Table("occupations").Field("title"); *title.Max != 150 {
		t.Errorf("max of title = %d, want 150", *title.Max)
	}
}
