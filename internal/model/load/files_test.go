package load

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// writeApp writes files into a new folder.
func writeApp(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDir(t *testing.T) {
	dir := writeApp(t, map[string]string{
		"ashlar.yaml":       "\ufeffashlar: 1\r\nname: test\r\ntables:\r\n  b: {fields: {a: {ref: a, reverse: bs}}}\r\n",
		"tables/a.yaml":     "a: {}\n",
		"tables/c.yaml":     "",
		"tables/README.md":  "not a table",
		"tables/old/x.yaml": "not read: [",
	})
	app, faults := Dir(dir)
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	checkInvariants(t, app, true)
	if len(app.Tables) != 3 || app.Table("a").Relation("bs") == nil {
		t.Errorf("tables = %v, want users, b and a", app.Tables)
	}
}

func TestDirFaults(t *testing.T) {
	const sound = "ashlar: 1\nname: test\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, "ashlar.yaml:1:1: there is no model file in "},
		{"another ending", map[string]string{"ashlar.yml": sound}, "rename ashlar.yml to ashlar.yaml"},
		{"another ending of a table", map[string]string{"ashlar.yaml": sound, "tables/a.yml": ""}, "tables/a.yml:1:1: only files named .yaml are read: rename it to tables/a.yaml"},
		{"a folder", map[string]string{"ashlar.yaml/x": ""}, "ashlar.yaml:1:1: cannot read the file: it is not a regular file"},
		{"tables is a file", map[string]string{"ashlar.yaml": sound, "tables": ""}, "tables:1:1: cannot read the folder: "},
		{"too large", map[string]string{"ashlar.yaml": sound + strings.Repeat("#\n", maxFile/2)}, "more than 1048576 bytes"},
		{"too deep", map[string]string{"ashlar.yaml": sound + "tables: " + strings.Repeat("[", 100) + strings.Repeat("]", 100)}, "nested more than 64 levels"},
		{"far too deep", map[string]string{"ashlar.yaml": strings.Repeat("[", maxFile-1)}, "not YAML: "},
		{"not UTF-8", map[string]string{"ashlar.yaml": sound + "roles: [\xff]"}, "ashlar.yaml:3:9: this is not UTF-8"},
		{"UTF-16", map[string]string{"ashlar.yaml": "\xff\xfea\x00"}, "this is not UTF-8"},
		{"old line ends", map[string]string{"ashlar.yaml": "ashlar: 1\rname: test\r"}, "ashlar.yaml:1:10: a carriage return without a newline"},
		{"Unicode line end", map[string]string{"ashlar.yaml": sound + "#\u2028"}, "ashlar.yaml:3:2: this character ends no line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := writeApp(t, tt.files)
			m, faults := Dir(dir)
			if m != nil && tt.name != "too deep" {
				t.Error("a model that could not be read")
			}
			if !strings.Contains(faults.Error(), tt.want) {
				t.Errorf("faults:\n%v\nwant %q", faults, tt.want)
			}
		})
	}
}

// TestManyFaults bounds the cost of a file of garbage: the number of faults and their source lines.
func TestManyFaults(t *testing.T) {
	text := "ashlar: 1\nname: test\ntables: {" + strings.Repeat("A: 5, ", 100_000) + "}\n"
	_, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	if len(faults) == 0 || len(faults) > maxFaults+1 {
		t.Errorf("%d faults, want at most %d", len(faults), maxFaults+1)
	}
	if str := faults.Error(); len(str) > maxFaults*1000 {
		t.Errorf("%d bytes of faults", len(str))
	}
}
