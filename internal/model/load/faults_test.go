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

var update = flag.Bool("update", false, "write the golden files anew")

// TestFaults compares what is said of faulty models with the file "faults" of each archive.
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
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files, want := make(map[string][]byte), ""
	var inputs []txtar.File
	for _, f := range a.Files {
		if f.Name == "faults" {
			want = string(f.Data)
			continue
		}
		files[f.Name] = f.Data
		inputs = append(inputs, f)
	}
	m, faults := Files(files)
	got := faults.Error() + "\n"
	if *update {
		a.Files = append(inputs, txtar.File{Name: "faults", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		want = got
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults differ (-want +got):\n%s", diff)
	}
	if m != nil {
		checkShape(t, m, false)
	}
}
