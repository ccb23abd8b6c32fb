package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// keptFolder holds a database of each layout, made by a release of that time: see docs/upgrades.md.
const keptFolder = "../migrate/testdata"

// The account of the kept databases.
const (
	keptEmail    = "ada@example.com"
	keptPassword = "compilers are fun"
)

// keptFacts is kept.json of a kept database.
type keptFacts struct {
	Key string `json:"key"` // a key of the account; "" without accounts
}

// TestKeepDatabases makes kept databases with a binary of a release, for the model that is in their folder already:
//
//	ASHLAR_TEST_KEEP=/path/to/ashlar ASHLAR_TEST_KEEP_IN=layout2-v1.0.0 go test ./internal/app -run TestKeepDatabases
func TestKeepDatabases(t *testing.T) {
	binary, name := os.Getenv("ASHLAR_TEST_KEEP"), os.Getenv("ASHLAR_TEST_KEEP_IN")
	if binary == "" {
		t.Skip("SKIPPED: only with ASHLAR_TEST_KEEP, to add test data")
	}
	folder := filepath.Join(keptFolder, name)
	model, err := os.ReadFile(filepath.Join(folder, "ashlar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	facts := fillKept(t, binary, dir, filepath.Join(dir, ".ashlar"), bytes.Contains(model, []byte("accounts:")), bytes.Contains(model, []byte("endpoints:")))
	data, err := os.ReadFile(filepath.Join(dir, ".ashlar", databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	address := pgtest.URL(t)
	ofPostgres := fillKept(t, binary, dir, filepath.Join(dir, "pg"), facts.Key != "", bytes.Contains(model, []byte("endpoints:")), "--database", address)
	text, err := json.MarshalIndent(map[string]keptFacts{"sqlite": facts, "postgres": ofPostgres}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{databaseFile: data, "postgres.sql": dumpOf(t, address), "kept.json": append(text, '\n')} {
		if err := os.WriteFile(filepath.Join(folder, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dumpOf returns the database as statements without comments, which one Exec can run.
func dumpOf(t *testing.T, address string) []byte {
	t.Helper()
	programs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump") // the pattern is well-formed
	program := "pg_dump"
	if len(programs) > 0 {
		program = programs[0]
	}
	out, err := exec.Command(program, "--no-owner", "--no-privileges", "--inserts", address).Output()
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^(--.*|\\.*)\n|^\n(\n)+`).ReplaceAll(out, nil)
}

// fillKept serves the app with the binary, makes rows over HTTP and stops the server.
func fillKept(t *testing.T, binary, dir, data string, accounts, endpoints bool, flags ...string) (facts keptFacts) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"serve", dir, "--listen", "127.0.0.1:0", "--log-format", "json", "--data", data}, flags...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			t.Errorf("the server: %v", err)
		}
	}()
	lines := bufio.NewScanner(stderr)
	base := ""
	var said []string
	for base == "" && lines.Scan() {
		said = append(said, lines.Text())
		if url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(lines.Text()); url != "" && strings.Contains(lines.Text(), `"serving"`) {
			base = url
		}
	}
	if base == "" {
		t.Fatalf("the server did not start:\n%s", strings.Join(said, "\n"))
	}
	go func() {
		for lines.Scan() { // keeps the server from blocking
		}
	}()
	do := func(method, path, token, body string) map[string]any {
		t.Helper()
		req, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var got map[string]any
		err = json.NewDecoder(res.Body).Decode(&got)
		if res.StatusCode >= 300 || err != nil {
			t.Fatalf("%s %s = %d %v %v", method, path, res.StatusCode, got, err)
		}
		return got
	}
	token := ""
	if !accounts {
		do("POST", "/api/users", "", `{"nick": "Ada"}`)
	} else {
		flow := do("POST", "/auth/sign-up", "", fmt.Sprintf(`{"email": %q, "password": %q, "name": "Ada"}`, keptEmail, keptPassword))["flow"]
		code := mailedCode(t, data)
		session := do("POST", "/auth/verify", "", fmt.Sprintf(`{"email": %q, "code": %q, "flow": %q}`, keptEmail, code, flow))
		token = session["access_token"].(string)
		key := do("POST", "/auth/keys", token, `{"name": "script", "scopes": ["script"], "expires_at": "2036-11-01T00:00:00Z"}`)
		facts.Key = key["key"].(string)
	}
	if endpoints {
		do("POST", "/api/endpoints", token, `{"url": "https://hooks.invalid/notes"}`)
	}
	for n, title := range []string{"Milk", "Report", "Train"} {
		due := ""
		if accounts {
			due = `, "due_at": "2099-01-01T00:00:00Z"`
		}
		do("POST", "/api/notes", token, fmt.Sprintf(`{"title": %q, "stars": %d%s}`, title, n+1, due))
	}
	time.Sleep(3 * time.Second) // deliveries, nodes and timers are written a moment later
	return facts
}

// mailedCode waits for the mail of a sign-up and returns its code.
func mailedCode(t *testing.T, data string) string {
	t.Helper()
	for range 100 {
		mails, _ := filepath.Glob(filepath.Join(data, "mail", "*.eml")) // the pattern is well-formed
		for _, mail := range mails {
			text, err := os.ReadFile(mail)
			if found := regexp.MustCompile(`(?m)^Subject: (\d+) is`).FindSubmatch(text); err == nil && found != nil {
				return string(found[1])
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("no mail came")
	return ""
}
