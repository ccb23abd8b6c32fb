package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readDoc returns a page of the documentation.
func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packages returns the row of each package under internal that is there. Those for tests only have none.
func packages(t *testing.T) map[string]int {
	t.Helper()
	_, pkgs := loadModule(t)
	found := map[string]int{}
	for _, p := range pkgs {
		if name := p.internal(); name != "" && rowOf(name) >= 0 {
			found[name] = rowOf(name)
		}
	}
	return found
}

// TestArchitectureTable compares the table of docs/architecture.md with rows: the same packages in the same order.
func TestArchitectureTable(t *testing.T) {
	documented, row := map[string]int{}, 0
	for _, m := range regexp.MustCompile("(?m)^\\| ([0-9]*) ?\\| `([a-z/]+)` \\|").FindAllStringSubmatch(readDoc(t, "architecture.md"), -1) {
		if m[1] != "" {
			row, _ = strconv.Atoi(m[1])
		}
		documented[m[2]] = row - 1
	}
	if diff := cmp.Diff(packages(t), documented); diff != "" {
		t.Errorf("the table of docs/architecture.md differs from the packages and from rows in archtest.go (-code +page):\n%s", diff)
	}
}

// TestGlossaryPackages looks for the packages that docs/glossary.md names.
func TestGlossaryPackages(t *testing.T) {
	known, rows := packages(t), 0
	for _, m := range regexp.MustCompile("(?m)^\\| [^|`]+ \\| ([^|]+) \\|").FindAllStringSubmatch(readDoc(t, "glossary.md"), -1) {
		for _, p := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[1], -1) {
			rows++
			if _, ok := known[p[1]]; !ok && !isHelper(p[1]) {
				t.Errorf("docs/glossary.md names the package %s, which is not there: name the one that defines the word now", p[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("docs/glossary.md names %d packages, want 30 or more", rows)
	}
}
