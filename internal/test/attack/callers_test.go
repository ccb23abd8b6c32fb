package attack

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// The answer to an invalid token is 401, even if an anonymous client would get a 200. The server never takes its bearer for
// an anonymous client or for the system.
func TestForgery_InvalidTokensAreRefused(t *testing.T) {
	server, ann, _ := attacked(t)
	foreign, err := token.Open(filepath.Join(t.TempDir(), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := foreign.Sign(caller.Identity{ID: annID, Roles: []string{"editor"}}, time.Hour, time.UnixMicro(server.now.Load()))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(ann, ".")
	raw := base64.RawURLEncoding.EncodeToString
	none := raw([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "."
	system := parts[0] + "." + raw([]byte(`{"iss":"ashlar","aud":"ashlar","sub":"system","kind":"system","exp":99999999999}`)) + "." + parts[2]
	server.must(200, "GET", "/api/notes", "", "") // anonymous may
	for _, header := range []string{"", " ", "Bearer", "Bearer ", "Bearer  " + ann, "Bearer " + ann + " ", "Basic " + ann, "Bearer null", "Bearer undefined", "Bearer " + forged,
		"Bearer " + none, "Bearer " + system, "Bearer " + strings.ToUpper(ann), "Bearer " + ann[:len(ann)-4], "Bearer " + ann + "." + ann, "Token " + ann, ann,
		"Bearer " + strings.Repeat("a", 8000), "Bearer \"" + ann + "\"", "System cli", "Bearer system:seed"} {
		for _, path := range []string{"/api/notes", "/api/vaults", "/api/nowhere", "/api/users/" + annID} {
			req, err := http.NewRequest("GET", server.base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header["Authorization"] = []string{header}
			res, err := server.plain.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			// net/http trims blanks around a header's value, so a token with a trailing blank is valid.
			if trimmed := strings.TrimSpace(header); res.StatusCode != 401 && trimmed != "Bearer "+ann {
				t.Errorf("GET %s with %.60q: %d, want 401", path, header, res.StatusCode)
			}
			if res.StatusCode == 401 && !strings.Contains(res.Header.Get("WWW-Authenticate"), "invalid_token") {
				t.Errorf("GET %s with %.60q: %q", path, header, res.Header.Get("WWW-Authenticate"))
			}
		}
	}
	req, _ := http.NewRequest("GET", server.base+"/api/notes", nil)
	req.Header["Authorization"] = []string{"Bearer " + ann, "Bearer " + ann}
	if res, err := server.plain.Do(req); err != nil || res.StatusCode != 401 {
		t.Errorf("two tokens: %v %v", res, err)
	} else {
		res.Body.Close()
	}
}

// No id in a token makes its bearer the system.
func TestEscalation_NobodyIsTheSystem(t *testing.T) {
	server, _, _ := attacked(t)
	for _, id := range []string{"system", "system:seed", "seed", "cli", "*", "admin", "null"} {
		token := server.token(id, "editor", "system", "admin")
		server.must(403, "GET", "/api/vaults", token, "")
		server.must(403, "POST", "/api/vaults", token, `{"code":"x"}`)
	}
	server.must(401, "GET", "/api/vaults", "", "")
}

// A cached token expires in time too. A token counts only in the Authorization header.
func TestReplay_TokensExpireAndStayOutOfURLs(t *testing.T) {
	server, ann, _ := attacked(t)
	server.must(200, "PATCH", "/api/users/"+annID, ann, `{"name":"Ann"}`)
	for _, name := range []string{"access_token", "token", "authorization", "auth", "jwt", "api_key"} {
		server.must(400, "GET", "/api/notes?"+name+"="+ann, "", "")
		server.must(401, "PATCH", "/api/users/"+annID+"?"+name+"="+ann, "", `{"name":"Eve"}`)
	}
	server.must(401, "PATCH", "/api/users/"+annID, "", `{"name":"Eve"}`, "Cookie", "token="+ann+"; Authorization=Bearer "+ann)
	server.now.Add(time.Hour.Microseconds())
	server.must(401, "GET", "/api/notes", ann, "")
}

// Values from headers, queries and bodies stay out of the log, for every outcome of the request.
func TestLeak_NoSecretsInTheLog(t *testing.T) {
	server, ann, bob := attacked(t)
	server.must(201, "POST", "/api/notes", ann, `{"title":"TOPSECRET","owner_id":"`+annID+`"}`)
	server.must(422, "POST", "/api/notes", ann, `{"title":"TOPSECRET","owner_id":"TOPSECRET","TOPSECRET":1}`)
	server.must(403, "POST", "/api/notes", bob, `{"title":"TOPSECRET","owner_id":"`+annID+`"}`)
	server.must(400, "POST", "/api/notes", ann, `{"TOPSECRET`)
	server.must(200, "PATCH", "/api/users/"+annID, ann, `{"recovery":"TOPSECRET","reset_token":"TOPSECRET"}`)
	server.must(400, "GET", "/api/notes?access_token="+ann, "", "")
	server.must(200, "GET", "/api/notes?filter=title%20==%20arg.x&arg.x=TOPSECRET", bob, "")
	server.must(400, "GET", "/api/notes?filter=nope%20==%20'TOPSECRET'", bob, "")
	server.must(400, "GET", "/api/notes?access_token=TOPSECRET;x", bob, "")
	server.must(400, "GET", "/api/notes?limit=TOPSECRET", bob, "")
	server.must(400, "GET", "/api/notes?filter=owner_id%20==%20arg.x&arg.TOPSECRET=1", bob, "")
	server.must(401, "GET", "/api/notes", ann+"x", "", "X-Secret", "TOPSECRET")
	server.must(201, "POST", "/api/pages", ann, `{"id":"a","body":"TOPSECRET"}`)
	server.must(409, "POST", "/api/pages", ann, `{"id":"a","body":"TOPSECRET"}`)
	server.stop()
	log := server.log.String()
	signature := ann[strings.LastIndexByte(ann, '.')+1:]
	for _, secret := range []string{"TOPSECRET", ann, bob, signature} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log holds %.20q: …%s…", secret, log[max(0, i-300):min(len(log), i+100)])
		}
	}
	if n := strings.Count(log, `"msg":"request"`); n < 9 {
		t.Errorf("%d requests in the log: it proves nothing", n)
	}
}

// Secrets print as REDACTED, in every format.
func TestLeak_SecretsAreRedactedByType(t *testing.T) {
	server, _, _ := attacked(t)
	keys, err := token.Open(filepath.Join(app.DefaultData(server.dir), "signing-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	var out lines
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for _, secret := range []any{telemetry.Secret("TOPSECRET"), []telemetry.Secret{"TOPSECRET"}, map[string]telemetry.Secret{"a": "TOPSECRET"}, struct{ S telemetry.Secret }{"TOPSECRET"}, keys,
		app.Config{Database: "postgres://u:TOPSECRET@h/d", Direct: "postgres://u:TOPSECRET@h/d"}, &app.MoveConfig{From: "postgres://u:TOPSECRET@h/d"}} {
		log.Info("x", "secret", secret)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", secret)
		}
	}
	if text := out.String(); strings.Contains(text, "TOPSECRET") || strings.Contains(text, fmt.Sprintf("%x", "TOPSECRET")) || strings.Contains(text, "private") {
		t.Error(text)
	}
}

// Only the Authorization header names the caller, and no header changes the method, path or address of a request.
func TestForgery_NoHeaderChoosesIdentity(t *testing.T) {
	server, ann, bob := attacked(t)
	note := server.must(201, "POST", "/api/notes", ann, `{"id":5,"title":"x","owner_id":"`+annID+`","hidden":true}`)
	want := server.must(404, "GET", "/api/notes/5", bob, "").String()
	for _, header := range [][2]string{{"X-User", annID}, {"X-Remote-User", annID}, {"Remote-User", annID}, {"X-Forwarded-User", annID}, {"X-Forwarded-For", "127.0.0.1"}, {"Forwarded", "for=127.0.0.1"},
		{"X-Real-IP", "127.0.0.1"}, {"X-Forwarded-Host", "evil"}, {"X-Original-URL", "/api/notes"}, {"X-Rewrite-URL", "/api/notes"}, {"X-HTTP-Method-Override", "DELETE"}, {"X-Method-Override", "DELETE"},
		{"X-HTTP-Method", "DELETE"}, {"Proxy-Authorization", "Bearer " + ann}, {"X-Authorization", "Bearer " + ann}, {"Cookie", "token=" + ann}, {"X-Api-Key", "x"}, {"X-Caller", "system"}, {"X-Role", "editor"}, {"Via", "x"}} {
		if got := server.ask("GET", "/api/notes/5", bob, "", header[0], header[1]).String(); got != want {
			t.Errorf("%s: %s\n%s\n%s", header[0], header[1], got, want)
		}
		if got := server.ask("POST", "/api/notes/5", ann, `{}`, header[0], header[1]); got.status != 405 {
			t.Errorf("POST to a row with %s: %d", header[0], got.status)
		}
	}
	if got := server.must(200, "GET", "/api/notes/5", ann, ""); got.body != note.body {
		t.Errorf("the row has changed: %s", got.body)
	}
	server.stop()
	for line := range strings.Lines(server.log.String()) {
		if strings.Contains(line, `"msg":"request"`) && !strings.Contains(line, `"remote":"127.0.0.1:`) {
			t.Errorf("the peer is not who connected: %s", line)
		}
	}
}
