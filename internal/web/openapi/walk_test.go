package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

type dict = map[string]any

// walk is a document, its server, and the caller.
type walk struct {
	*testing.T
	doc      dict
	model    *model.Model
	compiler *jsonschema.Compiler
	base     string
	token    string
	rng      *rand.Rand
	ids      map[string][]string // existing rows, by table
}

const docURL = "https://ashlar.test/openapi.json"

// newWalk serves an app and reads its document.
func newWalk(t *testing.T, dir string, roles ...string) *walk {
	data := t.TempDir()
	cfg := app.Config{Data: data}
	loaded, err := app.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := app.NewToken(t.Context(), loaded, cfg, app.TokenRequest{ID: "018f0000-0000-7000-8000-00000000beef", Roles: roles, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	s, err := app.Open(t.Context(), loaded, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	w := &walk{T: t, model: s.Rules.Model, base: "http://" + ln.Addr().String(), token: token.Text, rng: rand.New(rand.NewPCG(1, 2)), ids: map[string][]string{}}
	res, err := http.Get(w.base + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	v, err := jsonschema.UnmarshalJSON(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	w.doc = v.(dict)
	w.compiler = jsonschema.NewCompiler()
	w.compiler.DefaultDraft(jsonschema.Draft2020)
	w.compiler.AssertFormat()
	w.compiler.RegisterFormat(&jsonschema.Format{Name: "int64", Validate: isInt64})
	if err := w.compiler.AddResource(docURL, v); err != nil {
		t.Fatal(err)
	}
	return w
}

func isInt64(v any) error {
	n, ok := v.(json.Number)
	if !ok || strings.ContainsAny(n.String(), ".eE") {
		return nil
	}
	_, err := n.Int64()
	return err
}

// resolve follows a reference within the document.
func (w *walk) resolve(v any) dict {
	d := v.(dict)
	for d["$ref"] != nil {
		at := any(w.doc)
		for step := range strings.SplitSeq(strings.TrimPrefix(d["$ref"].(string), "#/"), "/") {
			at = at.(dict)[step]
		}
		d = at.(dict)
	}
	return d
}

// check validates a value against a schema of the document.
func (w *walk) check(ref string, value any) error {
	return w.compiler.MustCompile(docURL + ref).Validate(value)
}

// answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) dict {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v.(dict)
}

// call makes a request and checks the answer against the operation: its statuses, and the schema of the body.
func (w *walk) call(op operation, path string, query url.Values, body []byte, header ...string) answer {
	w.Helper()
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequest(strings.ToUpper(op.method), w.base+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		w.Fatal(err)
	}
	what := fmt.Sprintf("%s %s %s: %d %s", op.method, path, body, a.status, a.body)
	if a.status >= 500 {
		w.Errorf("%s", what)
	}
	w.holds(op, a, what)
	return a
}

func (w *walk) holds(op operation, a answer, what string) {
	w.Helper()
	documented, ok := op.spec["responses"].(dict)[strconv.Itoa(a.status)]
	if !ok {
		w.Errorf("the document has no such status: %s", what)
		return
	}
	response := w.resolve(documented)
	for name, h := range dictOf(response["headers"]) {
		if a.header.Get(name) == "" && !(a.status == 201 || (op.method == "get" && name == "ETag")) {
			w.Errorf("%s: there is no header %s (%v)", what, name, h)
		}
	}
	if len(a.body) == 0 {
		return
	}
	media, ok := dictOf(response["content"])[a.header.Get("Content-Type")]
	if !ok {
		w.Errorf("the document has no %s: %s", a.header.Get("Content-Type"), what)
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		w.Errorf("%v: %s", err, what)
		return
	}
	if err := w.check(media.(dict)["schema"].(dict)["$ref"].(string), v); err != nil {
		w.Errorf("the answer is not of its schema: %v: %s", err, what)
	}
}

func dictOf(v any) dict {
	d, _ := v.(dict)
	return d
}

// operation is one of the document.
type operation struct {
	path, method string
	spec         dict
	table        *model.Table
}

// op returns the operation of a method on a table's rows, or on one of them. It returns false if the document has
// none.
func (w *walk) op(table *model.Table, method string, one bool) (operation, bool) {
	path := "/api/" + table.Name
	if one {
		path += "/{id}"
	}
	spec := dictOf(dictOf(w.doc["paths"].(dict)[path])[method])
	return operation{path, method, spec, table}, spec != nil
}

// bodyRef is the schema of an operation's body.
func (w *walk) bodyRef(op operation) string {
	content := op.spec["requestBody"].(dict)["content"].(dict)
	return content["application/json"].(dict)["schema"].(dict)["$ref"].(string)
}

func TestWalk(t *testing.T) {
	for name, dir := range folders(t) {
		t.Run(name, func(t *testing.T) {
			w := newWalk(t, dir, "editor")
			if u := w.model.Table("users"); u != nil {
				w.ids["users"] = []string{"018f0000-0000-7000-8000-00000000beef"}
			}
			w.readIDs(w.model.Tables)
			walked := 0
			for range 2 { // references may point to later tables
				for _, table := range w.model.Tables {
					walked += w.creates(table)
				}
			}
			w.readIDs(w.model.Views)
			for _, table := range w.model.All() {
				walked += w.lists(table) + w.gets(table) + w.updates(table)
			}
			for _, table := range slices.Backward(w.model.Tables) {
				walked += w.deletes(table)
			}
			if walked < effort.Cases(100, 1_000) {
				t.Errorf("only %d calls were made", walked)
			}
			t.Logf("%d calls", walked)
		})
	}
}

// readIDs reads ids of existing rows, for tables from the seed.
func (w *walk) readIDs(tables []*model.Table) {
	for _, table := range tables {
		if op, ok := w.op(table, "get", false); ok {
			a := w.call(op, op.path, url.Values{"fields": {"id"}, "limit": {"5"}}, nil)
			for _, row := range a.json(w.T)["items"].([]any) {
				w.ids[table.Name] = append(w.ids[table.Name], fmt.Sprint(row.(dict)["id"]))
			}
		}
	}
}

// creates posts valid and invalid bodies. The schema, not the generator, says which they are.
func (w *walk) creates(table *model.Table) (calls int) {
	op, ok := w.op(table, "post", false)
	if !ok {
		return 0
	}
	created := 0
	for i := range effort.Cases(60, 600) {
		body := w.body(op, i)
		a := w.call(op, op.path, nil, encodeJSON(body))
		w.judge(op, body, a)
		if a.status == 201 {
			created++
			at := a.header.Get("Location")
			id, err := url.PathUnescape(at[strings.LastIndexByte(at, '/')+1:])
			if err != nil {
				w.Error(err)
			}
			w.ids[table.Name] = append(w.ids[table.Name], id)
		}
		calls++
	}
	if created == 0 && len(w.ids[table.Name]) == 0 {
		w.Errorf("not one row of %s could be created", table.Name)
	}
	return calls
}

// judge compares an answer with the schema's verdict on the body. The server must refuse an invalid body. A valid one
// may fail at a rule, a check or another row, but has no fault of its own.
func (w *walk) judge(op operation, body any, a answer) {
	w.Helper()
	err := w.check(w.bodyRef(op), body)
	switch {
	case err != nil && (a.status < 400 || a.status >= 500):
		w.Errorf("%s %s: %s is not of its schema (%v), and is answered %d", op.method, op.path, encodeJSON(body), err, a.status)
	case err == nil && (a.status == 400 || a.status == 413 || a.status == 415):
		w.Errorf("%s %s: %s is of its schema, and is answered %d %s", op.method, op.path, encodeJSON(body), a.status, a.body)
	case err == nil && a.status == 422:
		for _, f := range a.json(w.T)["errors"].([]any) {
			if !w.explained(op, f.(dict)) {
				w.Errorf("%s %s: %s is of its schema, and has the fault %v", op.method, op.path, encodeJSON(body), f)
			}
		}
	}
}

// explained reports whether a valid body may have a fault: from a check, or from a limit that JSON Schema cannot
// express and the member's description mentions.
func (w *walk) explained(op operation, fault dict) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(fault["pointer"].(string), "/"), "/")
	member := dictOf(dictOf(w.resolve(dict{"$ref": w.bodyRef(op)})["properties"])[name])
	about, _ := member["description"].(string)
	switch fault["code"] {
	case "check":
		return true
	case "min":
		return member["x-minimum"] != nil
	case "max":
		return member["x-maximum"] != nil
	case "precision":
		return strings.Contains(about, "At most six digits of a second")
	case "pattern":
		return strings.Contains(about, "(RE2)")
	case "schema":
		return strings.Contains(about, "JSON Schema")
	case "required":
		return strings.Contains(about, "Any JSON but null.")
	case "range":
		return member["format"] == "int64" && member["type"] == "string" // 19 digits may be more than 64 bits
	}
	return false
}

// lists asks for every parameter.
func (w *walk) lists(table *model.Table) (calls int) {
	op, ok := w.op(table, "get", false)
	if !ok {
		return 0
	}
	want := func(status int, query url.Values) answer {
		a := w.call(op, op.path, query, nil)
		if a.status != status {
			w.Errorf("GET %s?%s: %d %s, want %d", op.path, query.Encode(), a.status, a.body, status)
		}
		calls++
		return a
	}
	params := map[string]dict{}
	for _, p := range op.spec["parameters"].([]any) {
		p := w.resolve(p)
		params[p["name"].(string)] = p
	}
	for _, e := range params["filter"]["examples"].(dict) {
		for _, none := range dictOf(params["args"]["examples"]) {
			query := url.Values{"filter": {e.(dict)["value"].(string)}, "total": {"true"}}
			for arg, v := range dictOf(none.(dict)["value"]) {
				query.Set(arg, v.(string))
			}
			want(200, query)
		}
	}
	for _, query := range []url.Values{{"arg.a": {"created_at"}}, {"args": {`{"a": "created_at"}`}}, {"args[a]": {"created_at"}}} {
		query.Set("filter", "arg.a == 'created_at'")
		want(200, query)
	}
	for _, key := range params["sort"]["schema"].(dict)["items"].(dict)["enum"].([]any) {
		first := want(200, url.Values{"sort": {key.(string)}, "limit": {"1"}})
		if next, ok := first.json(w.T)["next"].(string); ok {
			want(200, url.Values{"sort": {key.(string)}, "limit": {"1"}, "cursor": {next}})
			want(400, url.Values{"limit": {"1"}, "cursor": {next}, "filter": {"false"}})
		}
	}
	for _, name := range w.listed(params["fields"]) {
		want(200, url.Values{"fields": {name}})
	}
	for _, name := range w.listed(params["expand"]) {
		want(200, url.Values{"expand": {name}})
	}
	for _, bad := range []url.Values{
		{"limit": {"0"}}, {"limit": {"501"}}, {"limit": {"x"}}, {"sort": {"nope"}}, {"fields": {"nope"}}, {"expand": {"nope"}}, {"total": {"yes"}},
		{"cursor": {"nope"}}, {"filter": {"nope =="}}, {"filter": {"nope == 1"}}, {"arg.x": {"1"}}, {"nope": {"1"}}, {"filter": {""}}, {"filter": {strings.Repeat("!", 4097) + "true"}},
	} {
		want(400, bad)
	}
	want(200, url.Values{"limit": {"500"}})
	return calls
}

// listed returns the first names in the pattern of a parameter: ^(a|b|(c|d)(\.…)…)$.
func (w *walk) listed(param dict) []string {
	if param == nil {
		return nil
	}
	pattern := param["schema"].(dict)["items"].(dict)["pattern"].(string)
	var names []string
	for _, part := range strings.FieldsFunc(pattern, func(r rune) bool { return strings.ContainsRune("^(|)$", r) }) {
		if strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" {
			names = append(names, part)
		}
	}
	return names
}

func (w *walk) path(op operation, id string) string {
	return strings.Replace(op.path, "{id}", url.PathEscape(id), 1)
}

func (w *walk) gets(table *model.Table) (calls int) {
	op, ok := w.op(table, "get", true)
	if !ok || len(w.ids[table.Name]) == 0 {
		return 0
	}
	path := w.path(op, w.ids[table.Name][0])
	first := w.call(op, path, nil, nil)
	tag := first.header.Get("ETag")
	if first.status != 200 || tag == "" {
		w.Errorf("GET %s: %d without an entity tag", path, first.status)
	}
	if a := w.call(op, path, nil, nil, "If-None-Match", tag); a.status != 304 {
		w.Errorf("GET %s with its entity tag: %d", path, a.status)
	}
	if a := w.call(op, path, url.Values{"nope": {"1"}}, nil); a.status != 400 {
		w.Errorf("GET %s with an unknown parameter: %d", path, a.status)
	}
	if a := w.call(op, w.path(op, "no-such-id"), nil, nil); a.status != 404 {
		w.Errorf("GET of no row of %s: %d", table.Name, a.status)
	}
	return 4
}

func (w *walk) updates(table *model.Table) (calls int) {
	op, ok := w.op(table, "patch", true)
	if !ok {
		return 0
	}
	get, _ := w.op(table, "get", true)
	changed := 0
	for i := 0; i < effort.Cases(60, 600) || (changed == 0 && i < 600); i++ { // few random changes fit a table with strict rules
		id := w.ids[table.Name][w.rng.IntN(len(w.ids[table.Name]))]
		tag := w.call(get, w.path(op, id), nil, nil).header.Get("ETag")
		body := w.body(op, i)
		media := "application/json"
		if i%2 == 0 {
			media = "application/merge-patch+json"
		}
		a := w.call(op, w.path(op, id), nil, encodeJSON(body), "If-Match", tag, "Content-Type", media)
		w.judge(op, body, a)
		calls += 2
		if a.status == 200 {
			changed++
			if a := w.call(op, w.path(op, id), nil, []byte("{}"), "If-Match", tag); a.status != 412 {
				w.Errorf("PATCH %s with a stale entity tag: %d", op.path, a.status)
			}
		}
	}
	if changed == 0 {
		w.Errorf("not one row of %s could be changed", table.Name)
	}
	return calls
}

func (w *walk) deletes(table *model.Table) (calls int) {
	op, ok := w.op(table, "delete", true)
	if !ok {
		return 0
	}
	for _, id := range w.ids[table.Name] {
		a := w.call(op, w.path(op, id), nil, nil)
		calls++
		if a.status != 204 && a.status != 409 && a.status != 404 && a.status != 403 { // in use, gone with another, another's
			w.Errorf("DELETE %s: %d %s", w.path(op, id), a.status, a.body)
		}
		if a.status == 204 {
			if a := w.call(op, w.path(op, id), nil, nil); a.status != 404 {
				w.Errorf("DELETE %s again: %d", w.path(op, id), a.status)
			}
		}
	}
	return calls
}

// The examples of the document match their own schemas.
func TestExamples(t *testing.T) {
	for name, dir := range folders(t) {
		w := newWalk(t, dir)
		shown := 0
		for schema, spec := range w.doc["components"].(dict)["schemas"].(dict) {
			examples, _ := spec.(dict)["examples"].([]any)
			for _, e := range examples {
				shown++
				if err := w.check("#/components/schemas/"+schema, e); err != nil {
					t.Errorf("%s: %s: %s: %v", name, schema, encodeJSON(e), err)
				}
			}
		}
		for name, r := range w.doc["components"].(dict)["responses"].(dict) {
			if name == "Default" {
				continue
			}
			shown++
			e := r.(dict)["content"].(dict)["application/problem+json"].(dict)["example"]
			if err := w.check("#/components/schemas/Problem", e); err != nil {
				t.Errorf("%s: %s: %v", name, encodeJSON(e), err)
			}
		}
		if shown < 20 {
			t.Errorf("%s: only %d examples", name, shown)
		}
	}
}
