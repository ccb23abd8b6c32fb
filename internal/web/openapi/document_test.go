package openapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/api"
	"github.com/ashlar-dev/ashlar/internal/web/live"
	"github.com/ashlar-dev/ashlar/internal/web/openapi"
)

// dataRoutes returns the routes of the data API. Nothing can be served from them.
func dataRoutes() []web.Route {
	_, described := live.New(nil, nil, nil, live.Config{}).Follow(api.New(nil, nil).Routes())
	return described
}

func document(rules *rule.Rules) []byte { return openapi.Document(rules, dataRoutes(), "") }

// folders are the apps under test.
func folders(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"careers": filepath.Join("..", "..", "..", "examples", "careers"),
		"every":   folder(t, "testdata/every.yaml"),
	}
}

// folder makes an app of a model file.
func folder(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func compile(t *testing.T, dir string) *rule.Rules {
	t.Helper()
	loaded, err := app.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Rules
}

func TestValid(t *testing.T) {
	docs := map[string][]byte{"empty": document(modeltest.Rules(t, "ashlar: 1\nname: none\ntables: {}\n"))}
	for name, dir := range folders(t) {
		docs[name] = document(compile(t, dir))
	}
	for name, doc := range docs {
		t.Run(name, func(t *testing.T) {
			parsed, err := openapi3.NewLoader().LoadFromData(doc)
			if err != nil {
				t.Fatal(err)
			}
			if err := parsed.Validate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSameBytes(t *testing.T) {
	dir := folder(t, "testdata/every.yaml")
	if !bytes.Equal(document(compile(t, dir)), document(compile(t, dir))) {
		t.Error("the document differs from one time to the next")
	}
}

// operations are "METHOD path operationId security…" of a document.
func operations(t *testing.T, doc []byte) []string {
	t.Helper()
	var d struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	var out []string
	for path, methods := range d.Paths {
		for method, raw := range methods {
			if method == "parameters" {
				continue
			}
			var o struct {
				ID       string                `json:"operationId"`
				Security []map[string][]string `json:"security"`
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			who := "token"
			if len(o.Security) == 2 && len(o.Security[0]) == 0 {
				who = "anyone"
			}
			out = append(out, strings.Join([]string{path, method, o.ID, who}, " "))
		}
	}
	slices.Sort(out)
	return out
}

func TestOperations(t *testing.T) {
	got := operations(t, document(compile(t, folder(t, "testdata/every.yaml"))))
	want := []string{
		"/api/counters get listCounters token",
		"/api/counters post createCounter anyone", // open for one thing
		"/api/counters/{id} delete deleteCounter token",
		"/api/counters/{id} get getCounter token",
		"/api/counters/{id} patch updateCounter token",
		"/api/digests get listDigests anyone",
		"/api/digests/{id} get getDigest anyone",
		"/api/letters post createLetter anyone",
		"/api/news get listNews anyone",
		"/api/news post createNews token",
		"/api/news/{id} delete deleteNews token",
		"/api/news/{id} get getNews anyone",
		"/api/news/{id} patch updateNews token",
		"/api/things get listThings anyone",
		"/api/things post createThing anyone",
		"/api/things/{id} delete deleteThing anyone",
		"/api/things/{id} get getThing anyone",
		"/api/things/{id} patch updateThing anyone",
		"/api/things:watch get watchThings anyone",
		"/api/users get listUsers token",
		"/api/users/{id} get getUser token",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A rule that depends on the time may become true, so it closes nothing.
func TestTimeClosesNothing(t *testing.T) {
	got := operations(t, document(modeltest.Rules(t, `
ashlar: 1
name: later
tables:
  offers:
    fields: {n: {type: int}}
    access: {read: "now > timestamp('9000-01-01T00:00:00Z')"}
`)))
	if len(got) != 4 || got[0] != "/api/offers get listOffers anyone" {
		t.Errorf("got %q", got)
	}
}

// Answers that pass tell of the limits that the model gives, refusals of all.
func TestHeadersOfLimits(t *testing.T) {
	const base = "ashlar: 1\nname: none\ntables: {posts: {fields: {n: {type: int}}, access: {read: true}}}\n"
	for source, shown := range map[string]bool{
		base:                     false,
		base + "limits: false\n": false,
		base + "limits: {address: {rate: 10/1s}}\n":                true,
		base + "limits: {caller: {in_flight: 3}}\n":                false,
		base + "limits: {posts: {tables: [posts], rate: 10/1s}}\n": true,
	} {
		doc, err := openapi3.NewLoader().LoadFromData(document(modeltest.Rules(t, source)))
		if err != nil {
			t.Fatal(err)
		}
		answers := doc.Paths.Value("/api/posts").Get.Responses
		if has := answers.Value("200").Value.Headers["RateLimit"] != nil; has != shown {
			t.Errorf("%s: the 200 has the header: %t", source, has)
		}
		refused := answers.Value("429").Value
		for _, name := range []string{"Retry-After", "RateLimit", "RateLimit-Policy"} {
			if refused.Headers[name] == nil {
				t.Errorf("%s: the 429 has no %s", source, name)
			}
		}
	}
}
