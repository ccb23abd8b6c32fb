package arch

import (
	"flag"
	"fmt"
	"go/doc"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func docPath(name string) string { return filepath.Join("..", "..", "..", "docs", name) }

// readDoc returns a page of the documentation.
func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(docPath(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// packages returns the rows of the existing packages under internal. Packages for tests have no row.
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

var update = flag.Bool("update", false, "write the table of docs/architecture.md")

// tableOfPackages returns the table of docs/architecture.md: each package in its row, with the first sentence of its comment.
func tableOfPackages(t *testing.T) string {
	t.Helper()
	_, pkgs := loadModule(t)
	synopsis := map[string]string{}
	for _, pkg := range pkgs {
		for _, f := range pkg.files {
			if f.syntax.Doc != nil {
				synopsis[pkg.internal()] = new(doc.Package).Synopsis(f.syntax.Doc.Text())
			}
		}
	}
	table, number := "| | package (under `internal/`) | what it does |\n|---|---|---|\n", 0
	for _, row := range rows {
		first := true
		for _, name := range row {
			text, ok := synopsis[name]
			if !ok {
				continue // the package does not exist yet
			}
			label := ""
			if first {
				number++
				label = strconv.Itoa(number) + " "
			}
			first = false
			_, does, _ := strings.Cut(text, "Package "+path.Base(name)+" ")
			table += fmt.Sprintf("| %s| `%s` | %s |\n", label, name, strings.TrimSuffix(does, "."))
		}
	}
	return table
}

// TestArchitectureTable compares the table of docs/architecture.md with the packages. With -update it writes the table.
func TestArchitectureTable(t *testing.T) {
	page, want := readDoc(t, "architecture.md"), tableOfPackages(t)
	place := regexp.MustCompile(`(?m)^\| \| package .*\n(\|.*\n)+`)
	if *update {
		page = place.ReplaceAllLiteralString(page, want)
		if err := os.WriteFile(docPath("architecture.md"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, place.FindString(page)); diff != "" {
		t.Errorf("docs/architecture.md differs from the packages and from rows in arch.go; write it with\n"+
			"go test ./internal/test/arch -run ArchitectureTable -update\n(-code +page):\n%s", diff)
	}
}

// TestGlossaryPackages checks that each package in docs/glossary.md exists.
func TestGlossaryPackages(t *testing.T) {
	known, rows := packages(t), 0
	for _, match := range regexp.MustCompile("(?m)^\\| [^|`]+ \\| ([^|]+) \\|").FindAllStringSubmatch(readDoc(t, "glossary.md"), -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(match[1], -1) {
			rows++
			if _, ok := known[name[1]]; !ok && !isHelper(name[1]) {
				t.Errorf("docs/glossary.md names the package %s, which is not there: name the one that defines the word now", name[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("docs/glossary.md names %d packages, want 30 or more", rows)
	}
}
