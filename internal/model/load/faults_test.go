package load

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFaults compares the faults of a model with the file "faults" of its archive.
func TestFaults(t *testing.T) {
	archives, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("archives = %v, %v", archives, err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { checkFaults(t, file) })
	}
}

func checkFaults(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files, want := make(map[string][]byte), ""
	var inputs []txtar.File
	for _, file := range archive.Files {
		if file.Name == "faults" {
			want = string(file.Data)
			continue
		}
		files[file.Name] = file.Data
		inputs = append(inputs, file)
	}
	app, faults := Files(files)
	got := faults.Error() + "\n"
	if *update {
		archive.Files = append(inputs, txtar.File{Name: "faults", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		want = got
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults differ (-want +got):\n%s", diff)
	}
	if app != nil {
		checkInvariants(t, app, false)
	}
}
