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
		{"later format", `{"ashlar": 4, "tables": {}}`, "format 4", false},
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

// References to the tables of another model have the type of the key that they lead to. Only then the format is 3.
func TestDecodeBeside(t *testing.T) {
	other := func(key model.Type) *model.Model {
		users := &model.Table{Name: "users", Key: key}
		users.AddField(&model.Field{Name: "id", Type: key})
		m := &model.Model{}
		m.Add(users)
		return m
	}
	before, after := other(model.UUID), other(model.Text)
	own, users := &model.Model{Name: "own"}, before.Table("users")
	sessions := &model.Table{Name: "sessions", Key: model.Int}
	sessions.AddField(&model.Field{Name: "id", Type: model.Int})
	own.Add(sessions)
	if got := Encode(own); !bytes.HasPrefix(got, []byte(`{"ashlar":2,`)) {
		t.Errorf("Encode without a reference = %s, want format 2", got)
	}
	sessions.AddField(&model.Field{Name: "user_id", Type: model.UUID, Ref: users, OnDelete: model.Cascade})
	text := Encode(own)
	if !bytes.HasPrefix(text, []byte(`{"ashlar":3,`)) || refersElsewhere(other(model.UUID)) {
		t.Errorf("Encode = %s, want format 3", text)
	}
	if _, err := Decode(text); !errors.Is(err, ErrDamaged) {
		t.Errorf("Decode without the other model = %v", err)
	}
	for _, m := range []*model.Model{before, after} {
		got, err := DecodeBeside(text, m)
		if err != nil {
			t.Fatal(err)
		}
		field := got.Table("sessions").Field("user_id")
		if field.Ref != m.Table("users") || field.Type != m.Table("users").Key || field.OnDelete != model.Cascade {
			t.Errorf("DecodeBeside: %+v, want a reference to the users of the other model", field)
		}
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
