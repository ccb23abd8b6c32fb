package ashlar

import (
	"context"
	"errors"
	"flag"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/job"
)

// What a function returns and leaves becomes the outcome of its attempt.
func TestAFunctionEndsItsAttempt(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name      string
		do        Function
		want      string // text of the error
		permanent bool
		after     time.Duration
	}{
		{"done", func(context.Context, *Job) error { return nil }, "", false, 0},
		{"with a result", func(_ context.Context, j *Job) error { j.Result = map[string]int{"n": 1}; return nil }, "", false, 0},
		{"with a result that is no JSON", func(_ context.Context, j *Job) error { j.Result = func() {}; return nil },
			"the result of the function: json: unsupported type: func()", true, 0},
		{"an error", func(context.Context, *Job) error { return broken }, "broken", false, 0},
		{"for good", func(context.Context, *Job) error { return Permanent(broken) }, "broken", true, 0},
		{"for good, without an error", func(context.Context, *Job) error { return Permanent(nil) }, "", false, 0},
		{"later", func(context.Context, *Job) error { return RetryAfter(broken, time.Hour) }, "broken", false, time.Hour},
		{"later, without an error", func(context.Context, *Job) error { return RetryAfter(nil, time.Hour) },
			"the function asks for another attempt", false, time.Hour},
		{"later, though it is for good", func(context.Context, *Job) error { return RetryAfter(Permanent(broken), time.Hour) },
			"broken", true, time.Hour},
		{"wrong arguments", func(_ context.Context, j *Job) error { var n int; return j.Decode(&n) },
			"the arguments of the job resize: json: cannot unmarshal object into Go value of type int", true, 0},
	} {
		err := adapt(tt.do)(t.Context(), &job.Job{Name: "resize", Args: []byte(`{"n":1}`)}, nil)
		text := ""
		if err != nil {
			text = err.Error()
		}
		var after time.Duration
		if retry, ok := errors.AsType[*job.RetryError](err); ok {
			after = retry.After
		}
		if _, permanent := errors.AsType[*job.PermanentError](err); text != tt.want || permanent != tt.permanent || after != tt.after {
			t.Errorf("%s: %q, permanent %v, after %v; want %q, %v, %v", tt.name, text, permanent, after, tt.want, tt.permanent, tt.after)
		}
	}
	if adapt(nil) != nil {
		t.Error("a function that is nil must stay nil, so that it is refused")
	}
}

// The arguments may name the user as whom the job acts. What a function does to its copy changes nobody else's.
func TestAFunctionHasItsOwnArguments(t *testing.T) {
	run := &job.Job{Args: []byte(`{"of_id":"ann"}`)}
	err := adapt(func(_ context.Context, j *Job) error { clear(j.Args); return nil })(t.Context(), run, nil)
	if string(run.Args) != `{"of_id":"ann"}` || err != nil {
		t.Errorf("the arguments are %q, %v", run.Args, err)
	}
}

func TestCallWithoutAServer(t *testing.T) {
	if err := new(Job).Call(t.Context(), "GET", "/api/photos", nil, nil); err == nil || err.Error() != "the job has no API: a test must set it" {
		t.Errorf("without an API: %v", err)
	}
}

var update = flag.Bool("update", false, "write testdata/api.txt")

// The exported API is the one in testdata/api.txt, and mentions no type that a program outside of this module cannot name.
func TestExportedAPI(t *testing.T) {
	pkg := checked(t)
	scope, api := pkg.Scope(), &exported{from: types.RelativeTo(pkg), seen: map[*types.TypeName]bool{}}
	for _, name := range scope.Names() {
		if object := scope.Lookup(name); object.Exported() {
			api.add(object)
		}
	}
	got := strings.Join(slices.Sorted(slices.Values(api.lines)), "\n") + "\n"
	if strings.Contains(got, "/internal/") {
		t.Errorf("the API mentions an internal type:\n%s", got)
	}
	const golden = "testdata/api.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the API has changed: tell it in CHANGELOG.md, then run go test . -run ExportedAPI -update (-want +got):\n%s", diff)
	}
}

// checked returns the types of this package, as the compiler exports them.
func checked(t *testing.T) *types.Package {
	t.Helper()
	const path = "github.com/ashlar-dev/ashlar"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[name] = file
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
	pkg, err := importer.ForCompiler(token.NewFileSet(), "gc", open).Import(path)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// exported collects what a program can see of a package.
type exported struct {
	from  types.Qualifier
	lines []string
	seen  map[*types.TypeName]bool
}

func (e *exported) add(object types.Object) {
	name, ok := object.(*types.TypeName)
	if ok && e.seen[name] {
		return
	}
	if !ok {
		e.lines = append(e.lines, types.ObjectString(object, e.from))
		return
	}
	e.seen[name] = true
	structure, ok := name.Type().Underlying().(*types.Struct)
	if !ok {
		e.lines = append(e.lines, types.ObjectString(object, e.from))
	} else {
		e.lines = append(e.lines, "type "+name.Name()+" struct")
		for field := range structure.Fields() {
			if field.Exported() || field.Embedded() {
				e.lines = append(e.lines, name.Name()+": "+types.ObjectString(field, e.from))
			}
		}
	}
	for method := range types.NewMethodSet(types.NewPointer(name.Type())).Methods() {
		if method.Obj().Exported() {
			e.lines = append(e.lines, types.ObjectString(method.Obj(), e.from))
		}
	}
}
