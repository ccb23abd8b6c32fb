package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	tableRow = regexp.MustCompile(`(?m)^\|.*\|$`)
	ofASVS   = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	codeSpan = regexp.MustCompile("^`([a-z0-9/]+)` ?")
	isTest   = regexp.MustCompile(`^(Test|Fuzz)\w+$`)
)

// Each requirement of testdata/asvs.txt has one row in docs/security.md. Each row of its tables names tests that exist, or says
// why there is none.
func TestSecurityPageNamesItsTests(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "asvs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	known := map[string][]string{} // tests by package
	for _, row := range tableRow.FindAllString(readDoc(t, "security.md"), -1) {
		cells := strings.Split(strings.Trim(row, "|"), "|")
		if len(cells) != 4 || strings.HasPrefix(row, "|---") || strings.TrimSpace(cells[3]) == "tests" {
			continue
		}
		name, here, tests := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])
		if ofASVS.MatchString(name) {
			got = append(got, name)
		}
		if isExcused := strings.HasPrefix(here, "Not "); isExcused != (tests == "") {
			t.Errorf("%s: a row names tests, or begins with Not applicable or Not fulfilled", name)
		}
		checkTests(t, known, name, tests)
	}
	if diff := cmp.Diff(strings.Fields(string(want)), got); diff != "" {
		t.Errorf("the requirements of the page (-want +got):\n%s", diff)
	}
}

// checkTests checks that a list of tests has a package before its first test, and that each test exists there.
func checkTests(t *testing.T, known map[string][]string, row, list string) {
	t.Helper()
	folder := ""
	for _, each := range strings.Split(list, ",") {
		each = strings.TrimSpace(each)
		if span := codeSpan.FindStringSubmatch(each); span != nil {
			folder, each = span[1], strings.TrimPrefix(each, span[0])
			if known[folder] == nil {
				known[folder] = testsOf(t, folder)
			}
		}
		if each == "" {
			continue
		}
		if !isTest.MatchString(each) || !slices.Contains(known[folder], each) {
			t.Errorf("%s: there is no test %s in internal/%s", row, each, folder)
		}
	}
}

// testsOf returns the names of the tests of a package under internal.
func testsOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("internal/%s has no tests: %v", folder, err)
	}
	for _, file := range files {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range syntax.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// Secrets come from crypto/rand (ASVS 6.5.3). The only other use of randomness near them is the length of a pause.
func TestSecretsComeFromTheSystemsRandomness(t *testing.T) {
	_, pkgs := loadModule(t)
	seen := 0
	for _, p := range pkgs {
		if name := p.internal(); !strings.HasPrefix(name, "identity/") && name != "web/account/pages" && name != "web/console" && name != "webhook" {
			continue
		}
		seen++
		for _, file := range p.files {
			for _, spec := range file.syntax.Imports {
				path, _ := strconv.Unquote(spec.Path.Value)
				if strings.HasPrefix(path, "math/rand") && (p.internal() != "identity/account" || file.name != "secret.go") {
					t.Errorf("%s/%s imports %s: secrets come from crypto/rand", p.dir, file.name, path)
				}
			}
		}
	}
	if seen < 8 {
		t.Errorf("%d packages", seen)
	}
}
