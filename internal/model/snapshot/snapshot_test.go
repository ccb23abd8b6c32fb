package snapshot

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/load"
)

func careers(t testing.TB) *model.Model {
	t.Helper()
	source, err := os.ReadFile("../load/testdata/careers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	app, faults := load.Files(map[string][]byte{model.MainFile: source})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return app
}

func TestDecodeRestores(t *testing.T) {
	app := careers(t)
	encoded := Encode(app)
	restored, err := Decode(encoded)
	if err != nil {
		t.Fatalf("Decode(Encode(m)): %v\n%s", err, encoded)
	}
	if again := Encode(restored); !bytes.Equal(encoded, again) {
		t.Errorf("decoded and encoded again = %s, want %s", again, encoded)
	}
	if changes := diff.Between(restored, app); len(changes) > 0 {
		t.Errorf("the restored model differs: %v", changes)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		damaged        bool
	}{
		{"empty", ``, "cannot be read", true},
		{"later format", `{"ashlar": 3, "tables": {}}`, "format 3", false},
		{"no format", `{}`, "format 0", false},
		{"unknown member", `{"ashlar": 1, "name": "a", "tables": [], "views": []}`, "unknown field", true},
		{"more data", `{"ashlar": 1, "name": "a", "tables": []} {}`, "cannot be read", true},
		{"unknown key", `{"ashlar": 1, "name": "a", "tables": [{"name": "t", "key": "ulid"}]}`, `table t: there is no type "ulid"`, true},
		{"no id", `{"ashlar": 1, "name": "a", "tables": [{"name": "t", "key": "int"}]}`, "does not begin with its id", true},
		{"unknown type", `{"ashlar": 1, "name": "a", "tables": [{"name": "t", "key": "int", "fields": [{"name": "id", "type": "invalid"}]}]}`,
			`field t.id: there is no type "invalid"`, true},
		{"unknown table", `{"ashlar": 1, "name": "a", "tables": [{"name": "t", "key": "int", "fields": [{"name": "id", "type": "int", "ref": "u"}]}]}`,
			`there is no table "u"`, true},
		{"unknown column", `{"ashlar": 1, "name": "a", "tables": [{"name": "t", "key": "int", "fields": [{"name": "id", "type": "int"}], "unique": [["b"]]}]}`,
			"table t has no field b", true},
		{"empty index", `{"ashlar": 1, "name": "a", "tables": [{"name": "t", "key": "int", "fields": [{"name": "id", "type": "int"}], "indexes": [[]]}]}`,
			"an index of t has no columns", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrDamaged) != tt.damaged {
				t.Errorf("Decode(%s) = %v, want %q, damaged %v", tt.in, err, tt.want, tt.damaged)
			}
		})
	}
}

// FuzzDecode decodes any bytes. A decoded model must encode and compare without a panic.
func FuzzDecode(f *testing.F) {
	app := careers(f)
	f.Add(Encode(app))
	f.Fuzz(func(t *testing.T, data []byte) {
		old, err := Decode(data)
		if err != nil {
			return
		}
		Encode(old)
		diff.Between(old, app)
		diff.Between(app, old)
	})
}
