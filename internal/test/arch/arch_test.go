package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func loadModule(t *testing.T) (*token.FileSet, []*pkg) {
	t.Helper()
	fset := token.NewFileSet()
	pkgs, err := load(fset, filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("found %d packages, so this looks at the wrong folder", len(pkgs))
	}
	return fset, pkgs
}

func report(t *testing.T, fset *token.FileSet, found []finding) {
	t.Helper()
	for _, f := range found {
		t.Errorf("%s: %s", fset.Position(f.pos), f.text)
	}
}

func TestImportOrder(t *testing.T) {
	_, pkgs := loadModule(t)
	for _, pkg := range pkgs {
		name := pkg.internal()
		if name == "" {
			continue
		}
		if rowOf(name) < 0 && !isHelper(name) {
			t.Errorf("%s has no row: choose the lowest row that everything it imports stands above, add it to rows in "+
				"internal/test/arch/arch.go (a package for tests alone stands under test/ or ends in test)", pkg.dir)
		}
		for _, file := range pkg.files {
			for _, path := range file.imports {
				if fault := checkImport(name, path); fault != "" {
					t.Errorf("%s/%s: %s", pkg.dir, file.name, fault)
				}
			}
		}
	}
}

// Outside of internal are the public package, the command and the examples. The public package is all that the others import, as
// programs of others do.
func TestOutsideOfInternal(t *testing.T) {
	_, pkgs := loadModule(t)
	for _, pkg := range pkgs {
		if pkg.internal() != "" {
			continue
		}
		for _, file := range pkg.files {
			for _, path := range file.imports {
				if strings.HasPrefix(path, module+"/") && pkg.dir != "." {
					t.Errorf("%s/%s imports %s: outside of internal only the package ashlar imports from this module; use that one", pkg.dir, file.name, path)
				}
			}
		}
	}
}

func TestNoInitAndNoMutableGlobals(t *testing.T) {
	fset, pkgs := loadModule(t)
	for _, p := range pkgs {
		report(t, fset, inits(p))
		report(t, fset, globals(p))
	}
}

func TestGoroutinesRecover(t *testing.T) {
	fset, pkgs := loadModule(t)
	for _, p := range pkgs {
		if name := p.internal(); name != "" && name != "background" && !isHelper(name) {
			report(t, fset, bareGoroutines(p))
		}
	}
}

func TestSQLStandsWhereSQLIsMade(t *testing.T) {
	fset, pkgs := loadModule(t)
	for _, p := range pkgs {
		report(t, fset, strayedSQL(p))
	}
}

func TestNothingOpensTheDatabaseFile(t *testing.T) {
	fset, pkgs := loadModule(t)
	for _, p := range pkgs {
		if p.internal() == "store/sqlite" || p.internal() == "telemetry/archive" {
			report(t, fset, opensFiles(p))
		}
	}
}

func TestOneAnswerToWhoTheClientIs(t *testing.T) {
	fset, pkgs := loadModule(t)
	for _, p := range pkgs {
		report(t, fset, readsRemoteAddr(p))
	}
}

func TestOneWayOut(t *testing.T) {
	fset, pkgs := loadModule(t)
	for _, p := range pkgs {
		if p.internal() != "" {
			report(t, fset, ownClients(p))
		}
	}
}

func TestEachPackageSaysWhatItIs(t *testing.T) {
	_, pkgs := loadModule(t)
	for _, pkg := range pkgs {
		documented := false
		for _, f := range pkg.files {
			documented = documented || f.syntax.Doc != nil
		}
		if !documented {
			t.Errorf("%s has no package comment: say in one sentence what it is", pkg.dir)
		}
	}
}

func TestCheckImport(t *testing.T) {
	const internal = module + "/internal/"
	for _, tt := range []struct{ from, path, want string }{
		{"value", internal + "model", ""},
		{"record", "net/http", ""},
		{"app", internal + "store/sqlite", ""},
		{"store/sqlite", internal + "store", ""},
		{"store/storetest", internal + "cli", ""},
		{"rule", "cel.dev/cel-go/cel", ""},
		{"model", internal + "value", "stands below it"},
		{"model", internal + "model/load", "stands below it"},
		{"model/diff", internal + "model/load", "its neighbour"},
		{"model", "go.yaml.in/yaml/v4", "reads model files"},
		{"store/sqlite", internal + "store/postgres", "its neighbour"},
		{"record", internal + "store/sqlite", "imports the engine"},
		{"record", internal + "store/storetest", "for tests alone"},
		{"record", module + "/examples/careers/load", "not under internal"},
		{"record", "cel.dev/cel-go/cel", "rule's conditions"},
		{"store/sqlite", "database/sql", "driver's own interface"},
		{"app", "zombiezen.com/go/sqlite/sqlitex", "know the driver"},
	} {
		got := checkImport(tt.from, tt.path)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("checkImport(%q, %q) = %q, want it to say %q", tt.from, tt.path, got, tt.want)
		}
	}
}

// parse makes a package from source texts. Tests of the rules use it.
func parse(t *testing.T, name string, sources ...string) *pkg {
	t.Helper()
	p := &pkg{dir: "internal/" + name}
	for _, src := range sources {
		syntax, err := parser.ParseFile(token.NewFileSet(), "x.go", src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, &file{name: "x.go", syntax: syntax})
	}
	return p
}

func texts(found []finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, f.text)
	}
	return all
}

func TestGlobals(t *testing.T) {
	pkg := parse(t, "x",
		`package x
		var names = map[string]int{"a": 1}
		var count, other int
		var fine = [...]string{"a"}
		var mu sync.Mutex
		var pool sync.Pool
		func here() { names["b"]++; (count) = 2; local := 1; local = 2; _ = local }`,
		`package x
		func elsewhere(fine []string) { other += 1; fine[0] = "shadows" }
		func ranges() { for count = range 3 {} }
		func (r *recv) method() { r.count = 1 }`)
	want := []string{
		"a package-level sync.Mutex: make it a field of what it guards",
		"a function changes the package-level variable names: make it a field",
		"a function changes the package-level variable count: make it a field",
		"a function changes the package-level variable other: make it a field",
		"a function changes the package-level variable count: make it a field",
	}
	if diff := cmp.Diff(want, texts(globals(pkg))); diff != "" {
		t.Error(diff)
	}
}

func TestInits(t *testing.T) {
	p := parse(t, "x", "package x\nfunc init() {}\ntype t int\nfunc (t) init() {}")
	if got := inits(p); len(got) != 1 {
		t.Errorf("inits found %d, want 1", len(got))
	}
}

func TestBareGoroutines(t *testing.T) {
	p := parse(t, "x", "package x\nfunc f() { go f(); func() { go func() {}() }() }")
	if got := bareGoroutines(p); len(got) != 2 {
		t.Errorf("found %v, want 2", texts(got))
	}
}

func TestStrayedSQL(t *testing.T) {
	src := "package x\nconst q = `\n  SELECT id FROM t`\nconst d = \"DELETE FROM t\"\nconst fine = \"Update the profile, SELECT nothing\""
	if got := strayedSQL(parse(t, "api", src)); len(got) != 2 {
		t.Errorf("found %v, want 2", texts(got))
	}
	if got := strayedSQL(parse(t, "sqlgen", src)); len(got) != 0 {
		t.Errorf("found %v in sqlgen, want none", texts(got))
	}
}

func TestOpensFiles(t *testing.T) {
	pkg := parse(t, "store/sqlite", `package sqlite
	func f() { os.Open("x"); os.MkdirAll("x", 0o700); os.ReadFile("x"); os.OpenFile("x", os.O_CREATE, 0o600) }
	func g() { os.OpenFile("x", os.O_CREATE|os.O_EXCL, 0o600) }`)
	if got := opensFiles(pkg); len(got) != 3 {
		t.Errorf("found %v, want 3", texts(got))
	}
	pkg.files[0].name = "lock_unix.go"
	if got := opensFiles(pkg); len(got) != 0 {
		t.Errorf("found %v in the lock's file, want none", texts(got))
	}
}

func TestReadsRemoteAddr(t *testing.T) {
	src := "package x\nfunc f(r *http.Request, c net.Conn) string { return r.RemoteAddr + c.RemoteAddr().String() }"
	if got := readsRemoteAddr(parse(t, "web/api", src)); len(got) != 2 {
		t.Errorf("found %v, want 2", texts(got))
	}
	if got := readsRemoteAddr(parse(t, "web", src)); len(got) != 0 {
		t.Errorf("found %v in web, want none", texts(got))
	}
}

func TestOwnClients(t *testing.T) {
	src := `package x
	func f(given *http.Client, t http.Transport) {
		a := &http.Client{}
		b := http.DefaultClient
		http.Get("x")
		c := net.Dialer{}
		d, _ := net.Dial("tcp", "x")
		e := &tls.Dialer{Config: &tls.Config{}}
		f := http.Transport{Proxy: http.ProxyFromEnvironment}
		given.Get("x")
	}`
	if got := ownClients(parse(t, "alert", src)); len(got) != 8 {
		t.Errorf("found %v, want 8", texts(got))
	}
	if got := ownClients(parse(t, "mail", src)); len(got) != 5 {
		t.Errorf("found %v in mail, want 5", texts(got))
	}
	if got := ownClients(parse(t, "outbound", src)); len(got) != 0 {
		t.Errorf("found %v in outbound, want none", texts(got))
	}
}

func TestRootOfCall(t *testing.T) {
	if got := root(&ast.CallExpr{Fun: ast.NewIdent("f")}); got != nil {
		t.Errorf("root(f()) = %v, want nil", got)
	}
}
