package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
)

// fragment goes through a sign-in at the provider and returns what stands in the fragment of the address afterwards.
func (b *browser) fragment(t *testing.T, op *oidctest.Provider, query string, claims map[string]any) url.Values {
	t.Helper()
	arrived := b.send(t, "GET", b.depart(t, op, query, claims), "")
	_, fragment, ok := strings.Cut(arrived.Header.Get("Location"), "/settings#")
	given, err := url.ParseQuery(fragment)
	if !ok || err != nil {
		t.Fatalf("callback = %s to %s", arrived.Status, arrived.Header.Get("Location"))
	}
	return given
}

func TestLinksOverHTTP(t *testing.T) {
	op := oidctest.New(t)
	run := start(t, opened(t, withProvider(t, op), Config{Logger: (&log{}).logger()}))
	ada := &browser{run.base, map[string]*http.Cookie{}}
	claims := map[string]any{"sub": "ada", "email": "ada@example.com", "email_verified": true}
	ada.send(t, "GET", ada.depart(t, op, "?redirect=/settings", claims), "")

	const own = "?link=true&redirect=/settings"
	given := ada.fragment(t, op, own, claims)
	if given.Get("status") != "error" || given.Get("type") != "/problems/conflict" || !strings.Contains(given.Get("detail"), "linked already") {
		t.Errorf("the second link of one account = %v", given)
	}
	claims["sub"], claims["email"] = "ada at work", "ada@corp.example"
	given = ada.fragment(t, op, own, claims)
	if given.Get("status") != "link" || given.Get("flow") == "" {
		t.Fatalf("the callback of a link = %v", given)
	}
	if got := ada.exchange(t, "POST", "/auth/oidc/link", `{"flow": "`+given.Get("flow")+`"}`, "", nil); got != http.StatusNoContent {
		t.Errorf("link = %d", got)
	}
	var list struct {
		Items []struct{ ID, Provider, Title, Email string }
	}
	if got := ada.exchange(t, "GET", "/auth/links", "", "", &list); got != http.StatusOK || len(list.Items) != 2 || list.Items[1].Email != "ada@corp.example" || list.Items[1].Title != "corp" {
		t.Fatalf("list = %d %+v", got, list)
	}
	for _, tt := range []struct {
		id   string
		want int
	}{{"none", 404}, {list.Items[0].ID, 204}, {list.Items[0].ID, 404}, {list.Items[1].ID, 409}} {
		if got := ada.exchange(t, "DELETE", "/auth/links/"+tt.id, "", "", nil); got != tt.want {
			t.Errorf("DELETE of %s = %d, want %d", tt.id, got, tt.want)
		}
	}

	stranger := &browser{run.base, map[string]*http.Cookie{}}
	for _, path := range []string{"/auth/links", "/auth/oidc/corp" + own} {
		if got := stranger.send(t, "GET", path, ""); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("GET %s without a session = %s", path, got.Status)
		}
	}
}

// A browser that comes back to nowhere gets a page, and a program a problem document.
func TestLostSignInsAtAProvider(t *testing.T) {
	op := oidctest.New(t)
	run := start(t, opened(t, withProvider(t, op), Config{Logger: (&log{}).logger()}))
	ada := &browser{run.base, map[string]*http.Cookie{}}
	const lost = "/auth/oidc/corp/callback?state=x&code=y"
	var problem struct{ Type string }
	if got := ada.send(t, "GET", lost, ""); json.NewDecoder(got.Body).Decode(&problem) != nil || problem.Type != "/problems/unauthenticated" {
		t.Errorf("a program gets %s %+v", got.Status, problem)
	}
	const html = "text/html,*/*;q=0.8"
	got := ada.send(t, "GET", lost, "", "Accept", html)
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/account/sign-in?again=1&next=%2Faccount%2F" {
		t.Fatalf("a browser gets %s to %s", got.Status, got.Header.Get("Location"))
	}
	page, err := io.ReadAll(ada.send(t, "GET", got.Header.Get("Location"), "", "Accept", html).Body)
	if err != nil || !strings.Contains(string(page), "This sign-in is not valid, or no longer: begin again.") {
		t.Errorf("the page does not say what went wrong: %v\n%s", err, page)
	}
	claims := map[string]any{"sub": "ada", "email": "ada@example.com"}
	if given := ada.fragment(t, op, "?redirect=/settings", claims); given.Get("type") != "/problems/forbidden" || !strings.Contains(given.Get("detail"), "vouch") {
		t.Errorf("without a verified address: %v", given)
	}
}
