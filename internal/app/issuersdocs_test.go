package app

import (
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
)

// TestIssuersOfTheDocs runs the example of docs/accounts.md: its settings, the claims of its token, and the answer.
func TestIssuersOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Accept tokens of an issuer\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```[a-z]+\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 {
		t.Fatalf("the section has %d examples, want 3", len(blocks))
	}
	op := oidctest.New(t)
	const written = "https://id.corp.example"
	settings := strings.ReplaceAll(blocks[0][1], written, op.Issuer)
	run := start(t, opened(t, app(t, "-- ashlar.yaml --\nashlar: 1\nname: notes\nroles: [editor]\n"+settings), Config{Logger: (&log{}).logger()}))

	var claims map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(blocks[1][1], written, op.Issuer)), &claims); err != nil {
		t.Fatal(err)
	}
	shift := float64(time.Now().Unix()) - claims["iat"].(float64)
	for _, name := range []string{"iat", "exp", "auth_time"} {
		claims[name] = claims[name].(float64) + shift
	}
	answer := bearer(t, run.base, "GET", "/auth/me", "", oidctest.Sign(op.Key, map[string]any{"typ": "at+jwt"}, claims))
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.QuoteMeta(strings.NewReplacer("\n", "", `: `, `:`, `, `, `,`).Replace(blocks[2][1]))
	want = strings.ReplaceAll(strings.ReplaceAll(want, ", ", ","), "…", "[^\"]*")
	if !regexp.MustCompile("^" + strings.ReplaceAll(want, " ", "") + "$").Match(got) {
		t.Errorf("the page shows %s\nand the server answers %s", want, got)
	}
}
