package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// A spy is a browser that collects the secrets of a walk, and looks for them in refusals.
type spy struct {
	browser
	secrets map[string]string // by name
	refused int
}

// ask sends a JSON body and returns the members of the answer.
func (s *spy) ask(t *testing.T, want int, method, path, bearer, body string) map[string]any {
	t.Helper()
	header := []string{"content-type", "application/json"}
	if bearer != "" {
		header = append(header, "authorization", "Bearer "+bearer)
	}
	got := s.send(t, method, path, body, header...)
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != want {
		t.Fatalf("%s %s = %d %s, want %d", method, path, got.StatusCode, text, want)
	}
	if want >= 400 {
		s.refused++
		s.missesIn(t, method+" "+path, string(text))
	}
	var members map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
	}
	return members
}

// missesIn fails if a text holds one of the secrets.
func (s *spy) missesIn(t *testing.T, where, text string) {
	t.Helper()
	for name, secret := range s.secrets {
		if strings.Contains(text, secret) && regexp.MustCompile(`(^|[^0-9A-Za-z])`+regexp.QuoteMeta(secret)+`($|[^0-9A-Za-z])`).MatchString(text) {
			t.Errorf("%s holds the %s", where, name)
		}
	}
}

func (s *spy) keep(name string, secret any) string {
	s.secrets[name] = fmt.Sprint(secret)
	return s.secrets[name]
}

// mailed waits for a mail with a code, removes it and returns the code.
func mailed(t *testing.T, folder string) string {
	t.Helper()
	inLink := regexp.MustCompile(`@example\.com/([0-9]{10})\b`)
	for range 5000 {
		files, err := filepath.Glob(filepath.Join(folder, "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if found := inLink.FindSubmatch(text); err == nil && found != nil {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				return string(found[1])
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("no mail with a code")
	return ""
}

// No log line, no row of a system table and no refusal holds a secret: of people, of sessions, of keys or of providers.
func TestLeak_SecretsOfAccounts(t *testing.T) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			op, lines := oidctest.New(t), &log{}
			dir := withProvider(t, op)
			write(t, dir, "-- ashlar.yaml --\n"+strings.Replace(read(t, dir), "signup: open", "signup: open\n  codes: {length: 10}", 1))
			cfg := Config{Data: filepath.Join(dir, "data"), Logger: slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			if engine == "PostgreSQL" {
				if !pgtest.Available() {
					t.Skip("no PostgreSQL")
				}
				cfg.Database = pgtest.URL(t)
			}
			server := opened(t, dir, cfg)
			s := &spy{browser: browser{start(t, server).base, map[string]*http.Cookie{}}, secrets: map[string]string{}}
			s.walk(t, filepath.Join(cfg.Data, "mail"))
			s.walkAbroad(t, op)
			for name, cookie := range s.cookies {
				s.keep(name, cookie.Value)
			}
			if len(s.secrets) < 16 || s.refused < 12 {
				t.Fatalf("%d secrets and %d refusals prove nothing", len(s.secrets), s.refused)
			}
			server.flushRecords()
			lines.mu.Lock()
			defer lines.mu.Unlock()
			if n := strings.Count(lines.text.String(), `"msg":"request"`); n < 25 {
				t.Errorf("%d requests in the log prove nothing", n)
			}
			s.missesIn(t, "the log", lines.text.String())
			s.searchTables(t, server)
		})
	}
}

func read(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "ashlar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// walk goes through the flows of an account, and sends its secrets to wrong places.
func (s *spy) walk(t *testing.T, folder string) {
	t.Helper()
	password, wrong := s.keep("password", "a horse that nobody sees"), s.keep("wrong password", "a horse that somebody saw")
	body := func(members map[string]any) string {
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const email = "ada@example.com"
	flow := s.keep("flow of the sign-up", s.ask(t, 202, "POST", "/auth/sign-up", "", body(map[string]any{"email": email, "password": password}))["flow"])
	code := s.keep("code", mailed(t, folder))
	s.ask(t, 422, "POST", "/auth/verify", "", body(map[string]any{"email": email, "code": code}))
	s.ask(t, 422, "POST", "/auth/verify", "", body(map[string]any{"email": code, "code": email, "flow": password}))
	session := s.ask(t, 200, "POST", "/auth/verify", "", body(map[string]any{"email": email, "code": code, "flow": flow}))
	access, refresh := s.keep("access token", session["access_token"]), s.keep("refresh token", session["refresh_token"])

	s.ask(t, 401, "POST", "/auth/sign-in", "", body(map[string]any{"email": email, "password": wrong}))
	s.ask(t, 422, "POST", "/auth/sign-in", "", body(map[string]any{"email": password, "password": wrong}))
	s.ask(t, 422, "POST", "/auth/sign-in", "", body(map[string]any{"email": email, "password": []string{password}}))
	s.ask(t, 400, "POST", "/auth/sign-in", "", `{"email": "ada@example.com", "password": "`+password+`"`)
	s.ask(t, 401, "GET", "/auth/me?access_token="+url.QueryEscape(access)+"&code="+code, "", "")
	s.ask(t, 401, "GET", "/api/notes", refresh, "")
	s.ask(t, 401, "GET", "/api/notes", access[:len(access)-1], "")
	s.ask(t, 422, "POST", "/auth/password", access, body(map[string]any{"old": wrong, "new": password + password}))
	s.ask(t, 422, "POST", "/auth/password", access, body(map[string]any{"old": password, "new": email}))

	key := s.keep("key", s.ask(t, 201, "POST", "/auth/keys", access, body(map[string]any{"name": "ci"}))["key"])
	s.ask(t, 401, "GET", "/api/notes", key[:len(key)-2], "")
	s.ask(t, 200, "GET", "/api/notes", key, "")
	secret := s.ask(t, 200, "POST", "/auth/totp", access, "")["secret"]
	s.ask(t, 422, "POST", "/auth/totp/confirm", access, body(map[string]any{"code": s.keep("secret of the app", secret)}))
	s.ask(t, 422, "POST", "/auth/sign-in/factor", "", body(map[string]any{"flow": s.keep("foreign flow", "018f0000-0000-7000-8000-000000000000.NOTASECRETNOTASECRET"), "recovery": key}))

	s.ask(t, 202, "POST", "/auth/password/reset", "", body(map[string]any{"email": email}))
	code = s.keep("code of the reset", mailed(t, folder))
	s.ask(t, 422, "POST", "/auth/password/reset/confirm", "", body(map[string]any{"email": email, "code": code[1:], "password": s.keep("new password", "a horse of another colour")}))
	s.ask(t, 200, "POST", "/auth/password/reset/confirm?cookie=true", "", body(map[string]any{"email": email, "code": code, "password": s.secrets["new password"]}))
	s.ask(t, 401, "POST", "/auth/refresh", "", body(map[string]any{"refresh_token": refresh}))
}

// walkAbroad signs in at a provider.
func (s *spy) walkAbroad(t *testing.T, op *oidctest.Provider) {
	t.Helper()
	s.keep("secret of the client", oidctest.ClientSecret)
	back := s.depart(t, op, "?redirect=/welcome", map[string]any{"sub": "eve", "email": "eve@example.com", "email_verified": true})
	answer, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	s.keep("state", answer.Query().Get("state"))
	s.keep("code of the provider", answer.Query().Get("code"))
	if got := s.send(t, "GET", back, ""); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("callback = %s", got.Status)
	}
	s.ask(t, 401, "GET", back, "", "")
}

// searchTables looks for the secrets in the rows of all system tables, and in the file of SQLite.
func (s *spy) searchTables(t *testing.T, server *App) {
	t.Helper()
	rows := 0
	for _, name := range []string{"accounts", "sessions", "secrets", "recovery", "keys", "identities", "passkeys", "guesses", "jobs", "audit"} {
		table := server.Rows.Table("ashlar_" + name)
		page, err := server.Rows.List(context.WithoutCancel(t.Context()), caller.System("test"), table, record.Query{Limit: 500}, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows += strings.Count(string(page), `"id":`)
		s.missesIn(t, table.Name, string(page))
	}
	if rows < 20 {
		t.Errorf("%d rows prove nothing", rows)
	}
	files, err := filepath.Glob(filepath.Join(server.cfg.Data, "*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.missesIn(t, filepath.Base(file), string(text))
	}
}
