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

// loadText loads a model of one file and fails the test where it has faults.
func loadText(t *testing.T, text string) *model.Model {
	t.Helper()
	m, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	return m
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
func checkRoundTrip(t *testing.T, m *model.Model) {
	t.Helper()
	encoded := snapshot.Encode(m)
	restored, err := snapshot.Decode(encoded)
	if err != nil {
		t.Fatalf("Decode(Encode(m)): %v\n%s", err, encoded)
	}
	if again := snapshot.Encode(restored); !bytes.Equal(encoded, again) {
		t.Errorf("restored and encoded again = %s, want %s", again, encoded)
	}
	if changes := diff.Between(restored, m); len(changes) > 0 {
		t.Errorf("a model differs from itself: %v", changes)
	}
}

func TestCareers(t *testing.T) {
	m := loadText(t, readFile(t, "careers.yaml"))
	var names []string
	for _, table := range m.Tables {
		names = append(names, table.Name)
	}
	if got, want := len(m.Tables), 5; got != want || names[0] != "users" {
		t.Fatalf("tables = %v, want users and %d others", names, want-1)
	}
	profiles := m.Table("profiles")
	owner := profiles.Field("owner_id")
	if owner.Type != model.UUID || owner.Ref != m.Table("users") || !owner.Unique || !owner.Immutable || owner.RefName != "owner" {
		t.Errorf("owner = %+v", owner)
	}
	if e := profiles.Field("shared").Default; e.Text != "false" || !e.Constant {
		t.Errorf("default of shared = %+v, want the constant false", e)
	}
	skills := m.Table("occupations").Relation("skills")
	if !skills.Many || skills.To.Name != "occupation_skills" || skills.Field.Name != "occupation_id" {
		t.Errorf("occupations.skills = %+v", skills)
	}
	if title := m.Table("occupations").Field("title"); *title.Max != 150 {
		t.Errorf("max of title = %d, want 150", *title.Max)
	}
}
