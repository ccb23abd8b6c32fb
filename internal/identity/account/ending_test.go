package account_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web/api"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// shared is a model whose rows their owners read and write, also with keys.
const shared = `
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  keys:
    scopes:
      all: {notes: [read, create, update, delete]}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
      owner: {ref: users, default: auth.id, on_delete: cascade}
    access: {read: owner_id == auth.id, write: owner_id == auth.id}
`

// A server is a node with the handler of its routes.
type server struct {
	*node
	handler http.Handler
}

func newServer(t *testing.T, c *accounttest.Cluster) *server {
	t.Helper()
	n := c.Node(t)
	operators := console.New(console.Config{App: "notes", Accounts: n.Service, Audit: n.Audit, Keys: n.TokenKeys, Now: n.Clock.Now})
	return &server{&node{n}, n.Handler(t, slog.New(slog.DiscardHandler), slices.Concat(api.New(n.Rows, n.Model).Routes(), operators.Routes())...)}
}

// send sends a request with the value of a header, from this machine.
func (s *server) send(method, path, body, header, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "127.0.0.1:8080"
	r.Header.Set(header, value)
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/console/") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// A holder is a user with a credential of each kind, and a row.
type holder struct {
	email, id, note string
	who             caller.Caller // of the session with tokens
	session         string        // with tokens
	cookieSession   string
	key             string            // id
	headers         map[string]string // of requests, by kind of credential: session, cookie, key
}

// hold makes a user with a session that has tokens, a session in a cookie, a key and a row.
func (s *server) hold(t *testing.T, email string) *holder {
	t.Helper()
	id, _ := s.Caller(t, s.NewUser(t, email).Access).ID()
	if err := s.SetRoles(t.Context(), caller.System("test"), id, []string{"editor"}, home); err != nil {
		t.Fatal(err)
	}
	grant := s.signIn(t, email, home)
	h := &holder{email: email, id: id, who: s.Caller(t, grant.Access), session: grant.Session}
	browser := home
	browser.Cookie = true
	cookie := s.signIn(t, email, browser)
	key, err := s.MakeKey(t.Context(), h.who, account.NewKey{Name: "ci", Scopes: []string{"all"}}, home)
	if err != nil {
		t.Fatal(err)
	}
	h.cookieSession, h.key = cookie.Session, key.ID
	h.headers = map[string]string{"session": "Bearer " + grant.Access, "cookie": "__Host-ashlar=" + cookie.Cookie, "key": "Bearer " + key.Text}
	made := s.send("POST", "/api/notes", `{"title": "mine"}`, "Authorization", h.headers["session"])
	if made.Code != http.StatusCreated {
		t.Fatalf("POST = %d %s", made.Code, made.Body)
	}
	_, h.note, _ = strings.Cut(made.Header().Get("Location"), "/api/notes/")
	return h
}

// requests are what a client may send. None of them deletes the row for the next ones.
func (h *holder) requests(kind string) []struct{ method, path, body string } {
	all := []struct{ method, path, body string }{
		{"GET", "/api/notes/" + h.note, ""},
		{"GET", "/api/notes?total=true", ""},
		{"POST", "/api/notes", `{"title": "another"}`},
		{"PATCH", "/api/notes/" + h.note, `{"title": "changed"}`},
		{"GET", "/auth/me", ""},
	}
	if kind != "key" {
		all = append(all, []struct{ method, path, body string }{
			{"GET", "/auth/sessions", ""}, {"GET", "/auth/keys", ""}, {"POST", "/auth/password", `{"old": "wrong", "new": "another long secret"}`},
		}...)
	}
	return all
}

// accepts reports whether a request of a holder is answered as the holder's. A browser whose session has ended is anonymous, and
// lists no rows.
func (s *server) accepts(h *holder, kind string, i int) (what string, ok bool) {
	all := h.requests(kind)
	request := all[i%len(all)]
	w := s.send(request.method, request.path, request.body, headerOf(kind), h.headers[kind])
	what = fmt.Sprintf("%s %s with a %s = %d", request.method, request.path, kind, w.Code)
	if kind == "cookie" && strings.HasPrefix(request.path, "/api/notes?") {
		return what, strings.Contains(w.Body.String(), h.note)
	}
	if request.path == "/auth/password" {
		return what, w.Code == http.StatusUnprocessableEntity // a wrong password, of a living session
	}
	return what, w.Code < 300
}

func headerOf(kind string) string {
	if kind == "cookie" {
		return "Cookie"
	}
	return "Authorization"
}

// ask gets a page with a credential.
func (s *server) ask(h *holder, kind, path string) *httptest.ResponseRecorder {
	return s.send("GET", path, "", headerOf(kind), h.headers[kind])
}

const lossOfRole = "loss of a role"

// An ending ends some kinds of credentials.
type ending struct {
	name string
	ends []string
	end  func(t *testing.T, s *server, h *holder) error
}

func endings() []ending {
	const session, cookie, key = "session", "cookie", "key"
	by := caller.System("test")
	return []ending{
		{"sign-out", []string{session}, func(t *testing.T, s *server, h *holder) error { return s.SignOut(t.Context(), h.who, false, home) }},
		{"sign-out of all", []string{session, cookie}, func(t *testing.T, s *server, h *holder) error { return s.SignOut(t.Context(), h.who, true, home) }},
		{"end of one session", []string{cookie}, func(t *testing.T, s *server, h *holder) error {
			return s.EndSession(t.Context(), h.who, h.cookieSession, home)
		}},
		{"end of the other sessions", []string{cookie}, func(t *testing.T, s *server, h *holder) error { return s.EndOthers(t.Context(), h.who, home) }},
		{"end of a session by an operator", []string{session}, func(t *testing.T, s *server, h *holder) error {
			return s.EndSessionOf(t.Context(), s.find(t, account.KindUser, h.email).ID, h.session, home)
		}},
		{"change of the password", []string{cookie}, func(t *testing.T, s *server, h *holder) error {
			return s.ChangePassword(t.Context(), h.who, secret, "another long secret", home)
		}},
		{"reset of the password", []string{session, cookie}, func(t *testing.T, s *server, h *holder) error {
			if err := s.AskReset(t.Context(), h.email, home); err != nil {
				return err
			}
			_, err := s.Reset(t.Context(), h.email, s.Codes(t)[h.email], "another long secret", home)
			return err
		}},
		{"suspension", []string{session, cookie, key}, func(t *testing.T, s *server, h *holder) error { return s.Suspend(t.Context(), by, h.id, home) }},
		{lossOfRole, []string{session}, func(t *testing.T, s *server, h *holder) error { return s.SetRoles(t.Context(), by, h.id, nil, home) }},
		{"end of a key", []string{key}, func(t *testing.T, s *server, h *holder) error { return s.EndKey(t.Context(), h.who, h.key, home) }},
		{"end of a key by an operator", []string{key}, func(t *testing.T, s *server, h *holder) error {
			return s.EndKeyOf(t.Context(), s.find(t, account.KindUser, h.email).ID, h.key, home)
		}},
		{"deletion by himself", []string{session, cookie, key}, func(t *testing.T, s *server, h *holder) error { return s.DeleteMe(t.Context(), h.who, home) }},
		{"deletion by an operator", []string{session, cookie, key}, func(t *testing.T, s *server, h *holder) error { return s.Delete(t.Context(), by, h.id, home) }},
		{"deletion of the row in users", []string{session, cookie, key}, func(t *testing.T, s *server, h *holder) error {
			id, _ := value.ParseID(s.users(), h.id)
			return s.Rows.Delete(t.Context(), by, s.users(), id, nil)
		}},
	}
}

// A5: after the answer to an ending, no node accepts a request with what has ended, whichever node and whichever way ended it.
// Requests run on both nodes meanwhile, so that their caches are warm. What has not ended goes on. A third node, started
// afterwards, accepts nothing either.
func TestReplay_NoNodeAdmitsAnEndedSession(t *testing.T) {
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			c := accounttest.NewCluster(t, e, shared, accounttest.Config{})
			servers := []*server{newServer(t, c), newServer(t, c)}
			random := effort.Seeds(t)(0)
			type gone struct {
				*holder
				kind string
			}
			var all []gone
			for round := range effort.Cases(60, 10_000) {
				h := servers[round%2].hold(t, fmt.Sprintf("user%d@example.com", round))
				way := endings()[random.IntN(len(endings()))]
				end(t, servers, random, h, way)
				for _, kind := range []string{"session", "cookie", "key"} {
					isOver := slices.Contains(way.ends, kind)
					for i, s := range servers {
						what, ok := s.accepts(h, kind, random.IntN(8))
						if !ok && way.name == lossOfRole { // cookies and keys go on with other roles, after one refusal by each node
							what, ok = s.accepts(h, kind, random.IntN(8))
						}
						if ok == isOver {
							t.Errorf("round %d, node %d after %s: %s", round, i, way.name, what)
						}
					}
					if way.name == lossOfRole && strings.Contains(servers[1].ask(h, kind, "/auth/me").Body.String(), "editor") {
						t.Errorf("round %d: the role is still there with a %s", round, kind)
					}
					if isOver {
						all = append(all, gone{h, kind})
					}
				}
				c.Clock.Pass(16 * time.Minute) // the bounds on mails are not the subject here
			}
			later := newServer(t, c)
			for i, g := range all[max(0, len(all)-100):] {
				if what, ok := later.accepts(g.holder, g.kind, i); ok {
					t.Errorf("a node that started later: %s", what)
				}
			}
		})
	}
}

// end ends something on one node, while requests of the holder run on both.
func end(t *testing.T, servers []*server, random *rand.Rand, h *holder, way ending) {
	t.Helper()
	var wg sync.WaitGroup
	for kind := range h.headers {
		for _, s := range servers {
			first := random.IntN(8)
			if what, ok := s.accepts(h, kind, first); !ok {
				t.Errorf("before %s: %s", way.name, what)
			}
			wg.Go(func() { s.accepts(h, kind, first+1) })
		}
	}
	if err := way.end(t, servers[random.IntN(2)], h); err != nil {
		t.Errorf("%s: %v", way.name, err)
	}
	wg.Wait()
}

// A5: the same for operators: after a removal, a lesser role or a sign-out, no node lets them do more.
func TestReplay_NoNodeAdmitsAnEndedOperator(t *testing.T) {
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			c := accounttest.NewCluster(t, e, shared, accounttest.Config{})
			servers := []*server{newServer(t, c), newServer(t, c)}
			s := servers[0]
			victim := s.hold(t, "ada@example.com")
			user := s.find(t, account.KindUser, victim.email).ID
			s.operator(t, "owner@example.com", "owner") // one always remains
			random := effort.Seeds(t)(0)
			for round := range effort.Cases(12, 2_000) {
				email := fmt.Sprintf("op%d@example.com", round)
				cookie := "__Host-ashlar-console=" + s.operator(t, email, "operator")
				id := s.find(t, account.KindOperator, email).ID
				for i, each := range servers {
					if w := each.send("GET", "/console/users", "", "Cookie", cookie); w.Code != http.StatusOK {
						t.Fatalf("node %d: an operator is refused: %d", i, w.Code)
					}
				}
				on := servers[random.IntN(2)]
				var err error
				mayLook := false
				switch round % 3 {
				case 0:
					err = on.RemoveOperator(t.Context(), id, home)
				case 1:
					mayLook, err = true, on.SetOperatorRole(t.Context(), id, "viewer", home)
				default:
					if w := on.send("POST", "/console/sign-out", "", "Cookie", cookie); w.Code != http.StatusSeeOther {
						t.Errorf("sign-out = %d", w.Code)
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				for i, each := range servers {
					if w := each.send("GET", "/console/users", "", "Cookie", cookie); (w.Code == http.StatusOK) != mayLook {
						t.Errorf("round %d, node %d: a page = %d", round, i, w.Code)
					}
					if w := each.send("POST", "/console/users/"+user+"/suspend", "", "Cookie", cookie); isSuspended(t, s, victim) {
						t.Errorf("round %d, node %d: a change = %d", round, i, w.Code)
					}
				}
				c.Clock.Pass(16 * time.Minute)
			}
		})
	}
}

func isSuspended(t *testing.T, s *server, h *holder) bool {
	t.Helper()
	return s.find(t, account.KindUser, h.email).SuspendedAt != nil
}

// operator makes an operator and returns the value of the cookie.
func (s *server) operator(t *testing.T, email, role string) string {
	t.Helper()
	link, err := s.OperatorLink(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	step, err := s.BeginOperator(t.Context(), link, account.Newcomer{Email: email, Password: "a stone set upon another"}, home)
	if err != nil {
		t.Fatal(err)
	}
	return step.Grant.Cookie
}
