package app

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Behind each documented proxy people sign up, follow the link of the mail and sign in below a prefix.
func TestSignUpBelowAPrefix(t *testing.T) {
	for _, proxy := range below(t) {
		t.Run(proxy.name, func(t *testing.T) {
			port := freePort(t)
			front := "http://127.0.0.1:" + port
			dir := app(t, openSignUp)
			data := filepath.Join(dir, "data")
			server := opened(t, dir, Config{Data: data, URL: front + prefix, Logger: (&log{}).logger(), Proxies: thisMachine})
			base := start(t, server).base
			proxy.run(t, port, strings.TrimPrefix(base, "http://"))
			awaitProxy(t, http.DefaultClient, front+prefix+"/healthz")
			post := func(path, body string, want int) string {
				t.Helper()
				answer, err := http.Post(front+prefix+path, "application/json", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				text, _ := io.ReadAll(answer.Body)
				if answer.StatusCode != want {
					t.Fatalf("POST %s = %s %s", path, answer.Status, text)
				}
				return string(text)
			}
			var begun struct {
				Flow string `json:"flow"`
			}
			signUp := post("/auth/sign-up", `{"email": "ada@example.com", "password": "a horse that nobody sees"}`, http.StatusAccepted)
			if err := json.Unmarshal([]byte(signUp), &begun); err != nil || begun.Flow == "" {
				t.Fatal(err, signUp)
			}
			var mail string
			waitFor(t, "the mail", func() bool {
				files, _ := filepath.Glob(filepath.Join(data, "mail", "*.eml"))
				if len(files) == 0 {
					return false
				}
				text, err := os.ReadFile(files[0])
				mail = string(text)
				return err == nil
			})
			link := regexp.MustCompile(regexp.QuoteMeta(front+prefix+"/account/verify#ada@example.com/") + `([0-9A-Za-z-]+)`).FindStringSubmatch(mail)
			if link == nil {
				t.Fatalf("the link does not have the prefix\n%s", mail)
			}
			if got := get(t, strings.Split(link[0], "#")[0]); got.status != http.StatusOK || !strings.Contains(got.body, `action="`+prefix+`/account/verify"`) {
				t.Errorf("the page of the link is %d %s", got.status, got.body)
			}
			post("/auth/verify", `{"email": "ada@example.com", "code": "`+link[1]+`", "flow": "`+begun.Flow+`"}`, http.StatusOK)
			var tokens struct {
				Access string `json:"access_token"`
			}
			if err := json.Unmarshal([]byte(post("/auth/sign-in", `{"email": "ada@example.com", "password": "a horse that nobody sees"}`, http.StatusOK)), &tokens); err != nil || tokens.Access == "" {
				t.Fatal(err, tokens)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front+prefix+"/api/notes", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+tokens.Access)
			answer, err := http.DefaultClient.Do(r)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatal(answer, err)
			}
			_ = answer.Body.Close()
		})
	}
}
