package account_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/account"
	"github.com/ashlar-dev/ashlar/internal/web/openapi"
)

// Every route is in the OpenAPI document, and the document is valid.
func TestRoutesAreDescribed(t *testing.T) {
	h, err := account.New(nil, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	routes := h.Routes()
	rules := modeltest.Rules(t, "ashlar: 1\nname: notes\naccounts: {signup: open}\ntables:\n  notes:\n    fields: {text: {type: text, max: 9}}\n    access: {read: true}\n")
	source := openapi.Document(rules, routes, "")
	if n := bytes.Count(source, []byte(`"/auth/me":`)); n != 1 {
		t.Errorf("the document has /auth/me %d times", n)
	}
	doc, err := openapi3.NewLoader().LoadFromData(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	ids := map[string]bool{}
	for _, route := range routes {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if route.Doc == nil {
			t.Errorf("%s has no description", route.Pattern)
			continue
		}
		if route.Doc.Path != "" {
			path = route.Doc.Path
		}
		if item := doc.Paths.Value(path); item == nil || item.GetOperation(method) == nil {
			t.Errorf("the document has no %s %s", method, path)
		}
		if ids[route.Doc.ID] {
			t.Errorf("the operation id %s repeats", route.Doc.ID)
		}
		ids[route.Doc.ID] = true
	}
}

// Every request that answers with a session stands in the table of docs/security.md, and no other (ASVS 6.1.3, 6.3.4).
func TestEveryWayInIsDocumented(t *testing.T) {
	h, err := account.New(nil, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, route := range h.Routes() {
		if slices.ContainsFunc(route.Doc.Answers, givesSession) {
			want = append(want, route.Pattern)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Ways in\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var got []string
	for _, found := range regexp.MustCompile("`((?:GET|POST) [^`]*)`").FindAllStringSubmatch(section, -1) {
		got = append(got, found[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the ways in (-routes +page):\n%s", diff)
	}
}

func givesSession(a web.Answer) bool {
	return slices.ContainsFunc(a.Members, func(m web.Member) bool { return m.Name == "access_token" })
}
