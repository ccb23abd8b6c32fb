package app

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/model"
)

const club = `
-- ashlar.yaml --
ashlar: 1
name: club
roles: [editor, guest]
tables:
  things:
    key: int
    fields: {name: {type: text}}
    access: {read: "'editor' in auth.roles"}
-- seed/users.json --
[{"id": "018f0000-0000-7000-8000-0000000000a1", "email": "ada@example.com"}]
-- seed/things.json --
[{"id": 1, "name": "thing"}]
`

const (
	ada     = "018f0000-0000-7000-8000-0000000000a1"
	unknown = "018f0000-0000-7000-8000-0000000000f1"
)

func mustToken(t *testing.T, dir string, want TokenRequest) Token {
	t.Helper()
	if want.TTL == 0 {
		want.TTL = time.Hour
	}
	got, err := NewToken(t.Context(), loaded(t, dir), Config{}, want)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// as returns the answer to GET path from the bearer of a token.
func as(t *testing.T, token, url string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body := new(strings.Builder)
	if err := res.Write(body); err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, body.String()}
}

// A token made before any server ran makes the database, with its seed.
func TestTokenBeforeServing(t *testing.T) {
	dir := app(t, club)
	tok := mustToken(t, dir, TokenRequest{ID: unknown, Email: "new@example.com", Roles: []string{"editor"}})
	if len(tok.Notes) != 1 || !strings.Contains(tok.Notes[0], "made the users row "+unknown) {
		t.Errorf("notes = %q", tok.Notes)
	}
	run := start(t, opened(t, dir, Config{}))
	if a := as(t, tok.Text, run.base+"/api/things?fields=name"); !strings.Contains(a.body, `{"items":[{"name":"thing"}],"next":null}`) {
		t.Errorf("things = %s", a.body)
	}
	if a := as(t, tok.Text, run.base+"/api/users?fields=id,email"); !strings.Contains(a.body, `[{"id":"`+unknown+`","email":"new@example.com"}]`) {
		t.Errorf("users = %s", a.body)
	}
}

func TestTokenWhileServing(t *testing.T) {
	dir := app(t, club)
	run := start(t, opened(t, dir, Config{}))
	tok := mustToken(t, dir, TokenRequest{ID: strings.ToUpper(unknown)})
	if a := as(t, tok.Text, run.base+"/api/users/"+unknown); a.status != http.StatusOK {
		t.Errorf("the new user sees %d %s", a.status, a.body)
	}
	if a := as(t, tok.Text, run.base+"/api/things"); a.status != http.StatusForbidden {
		t.Errorf("a token without roles is answered %d", a.status)
	}
	again := mustToken(t, dir, TokenRequest{ID: unknown, Roles: []string{"editor"}})
	if len(again.Notes) != 0 {
		t.Errorf("notes = %q, want none", again.Notes)
	}
	if a := as(t, again.Text, run.base+"/api/things"); a.status != http.StatusOK {
		t.Errorf("a token with a role is answered %d", a.status)
	}
}

// Several at once, before there is anything, make one database, one key and one row.
func TestTokensAtOnce(t *testing.T) {
	dir := app(t, club)
	tokens := make([]string, 4)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			tok, err := NewToken(t.Context(), loaded(t, dir), Config{}, TokenRequest{ID: unknown, TTL: time.Hour, Roles: []string{"editor"}})
			if err != nil {
				t.Error(err)
			}
			tokens[i] = tok.Text
		})
	}
	wg.Wait()
	run := start(t, opened(t, dir, Config{}))
	for _, tok := range tokens {
		if a := as(t, tok, run.base+"/api/things"); a.status != http.StatusOK {
			t.Errorf("a token is answered %d %s", a.status, a.body)
		}
	}
}

func TestTokenEmail(t *testing.T) {
	dir := app(t, club)
	keys := func() *token.Keys {
		keys, err := token.Open(filepath.Join(DefaultData(dir), keyFile))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	for _, tt := range []struct{ email, want, note string }{
		{"", "ada@example.com", ""},
		{"ada@example.com", "ada@example.com", ""},
		{"ADA@Example.com", "ada@example.com", ""}, // equal, in the row's spelling
		{"other@example.com", "other@example.com", "the row in users keeps"},
	} {
		tok := mustToken(t, dir, TokenRequest{ID: ada, Email: tt.email})
		who, err := token.NewVerifier(keys(), token.Config{}).Verify(tok.Text)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := who.Email(); got != tt.want {
			t.Errorf("--email %q: the token says %q, want %q", tt.email, got, tt.want)
		}
		if notes := strings.Join(tok.Notes, "\n"); (notes == "") != (tt.note == "") || !strings.Contains(notes, tt.note) {
			t.Errorf("--email %q: notes %q, want %q", tt.email, notes, tt.note)
		}
	}
}

func TestTokenRefusals(t *testing.T) {
	strict := strings.Replace(club, "  things:", "  users:\n    fields: {team: {type: text}, level: {type: int}}\n  things:", 1)
	strict = strings.Split(strict, "-- seed")[0]
	for _, tt := range []struct {
		name, files string
		want        TokenRequest
		text        string
	}{
		{"role", club, TokenRequest{ID: ada, TTL: time.Hour, Roles: []string{"edtor"}}, "no role edtor; did you mean editor? (it declares editor, guest)"},
		{"id", club, TokenRequest{ID: "ada", TTL: time.Hour}, `invalid id "ada": the key of users is uuid`},
		{"no time", club, TokenRequest{ID: ada}, "invalid life of a token"},
		{"negative", club, TokenRequest{ID: ada, TTL: -time.Hour}, "invalid life of a token"},
		{"too long", club, TokenRequest{ID: ada, TTL: 365*24*time.Hour + 1}, "invalid life of a token"},
		{"address", club, TokenRequest{ID: unknown, TTL: time.Hour, Email: "nope"}, "email: must be an email address"},
		{"taken", club, TokenRequest{ID: unknown, TTL: time.Hour, Email: "ada@example.com"}, "email: another row has this value (upper"},
		{"taken but for case", club, TokenRequest{ID: unknown, TTL: time.Hour, Email: "Ada@EXAMPLE.com"}, "email: another row has this value (upper and lower case count as the same)"},
		{"required", strict, TokenRequest{ID: unknown, TTL: time.Hour}, "team: it must be given\n  level: it must be given\nThe model requires more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewToken(t.Context(), loaded(t, app(t, tt.files)), Config{}, tt.want)
			if err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("NewToken = %v, want it to hold %q", err, tt.text)
			}
		})
	}
}

// NewToken checks its request before it touches anything.
func TestTokenRefusalTouchesNothing(t *testing.T) {
	dir := app(t, club)
	if _, err := NewToken(t.Context(), loaded(t, dir), Config{}, TokenRequest{ID: "x", TTL: time.Hour}); err == nil {
		t.Error("NewToken accepted x as an id")
	}
	untouched(t, dir)
}

// The model on disk may be newer than the running server's.
func TestTokenBesideAnotherModel(t *testing.T) {
	dir := app(t, club)
	opened(t, dir, Config{})
	source := strings.Split(club, "-- seed")[0]
	write(t, dir, strings.Replace(source, "name: {type: text}", "name: {type: text}, size: {type: int, optional: true}", 1))
	_, err := NewToken(t.Context(), loaded(t, dir), Config{}, TokenRequest{ID: ada, TTL: time.Hour})
	faults, ok := errors.AsType[model.Faults](err)
	if !ok || !strings.Contains(faults.Error(), "the running server has other tables: field added: things.size: optional; restart it first") {
		t.Errorf("NewToken = %v", err)
	}
	write(t, dir, strings.Replace(source, "'editor' in", "'guest' in", 1)) // no other tables
	mustToken(t, dir, TokenRequest{ID: ada})
}
