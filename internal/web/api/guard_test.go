package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const openModel = `
ashlar: 1
name: open
tables:
  notes:
    key: int
    fields: {title: {type: text}}
    access: {read: true, write: true}
`

// guardByUser takes the row of a user for a session.
func guardByUser(who caller.Caller) (store.Step, bool) {
	proof := who.Proof()
	if proof.Kind == caller.ProofNone {
		return store.Step{}, false
	}
	return store.Step{Statement: store.Statement{SQL: `SELECT 1 FROM users WHERE id = $1`, Args: []value.Value{value.OfUUID(proof.ID)}}}, true
}

// A token of an ended session is not valid, for tables and rows that anybody may see too.
func TestTokenOfAnEndedSession(t *testing.T) {
	modeltest.Each(t, openModel, func(t *testing.T, db store.DB, rules *rule.Rules) {
		rows, users := record.New(db, rules, record.Config{Guard: guardByUser}), rules.Model.Table("users")
		keys, err := token.Open(filepath.Join(t.TempDir(), "key.pem"))
		if err != nil {
			t.Fatal(err)
		}
		verifier := token.NewVerifier(keys, token.Config{})
		receiver, err := web.NewReceiver(web.Config{Logger: telemetry.NewLogger(io.Discard, "json", slog.LevelInfo), Identify: web.Bearer(verifier.Verify)})
		if err != nil {
			t.Fatal(err)
		}
		handler := receiver.Handler(web.NewMux(New(rows, rules.Model).Routes()...))
		session, err := rows.Create(t.Context(), caller.System("sign in"), users, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := keys.Sign(caller.Identity{ID: uuid.NewString(), Proof: caller.Proof{Kind: caller.ProofSession, ID: session.ID.Text}}, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		send := func(method, path, body, authorization string) *http.Response {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w.Result()
		}
		requests := []struct {
			method, path, body string
			status             int
		}{
			{"POST", "/api/notes", `{"id": 1, "title": "a"}`, 201},
			{"GET", "/api/notes/1", "", 200},
			{"GET", "/api/notes/99", "", 404},
			{"GET", "/api/notes?total=true", "", 200},
			{"PATCH", "/api/notes/1", `{"title": "b"}`, 200},
			{"POST", "/api/notes", `{"id": 1, "title": "taken"}`, 409},
			{"DELETE", "/api/notes/99", "", 404},
			{"DELETE", "/api/notes/1", "", 204},
		}
		for _, tt := range requests {
			if res := send(tt.method, tt.path, tt.body, "Bearer "+signed); res.StatusCode != tt.status {
				t.Errorf("%s %s: %d, want %d", tt.method, tt.path, res.StatusCode, tt.status)
			}
		}
		if err := rows.Delete(t.Context(), caller.System("sign out"), users, session.ID, nil); err != nil {
			t.Fatal(err)
		}
		for _, tt := range requests {
			res := send(tt.method, tt.path, tt.body, "Bearer "+signed)
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != `Bearer realm="ashlar", error="invalid_token"` || !strings.Contains(string(body), "the session has ended: sign in again") {
				t.Errorf("%s %s of an ended session: %d %v %s", tt.method, tt.path, res.StatusCode, res.Header, body)
			}
		}
		if res := send("GET", "/api/notes", "", ""); res.StatusCode != 200 {
			t.Errorf("GET without a token: %d", res.StatusCode)
		}
	})
}
