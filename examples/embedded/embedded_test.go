package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A block is a fenced block of a page.
type block struct{ language, text string }

// readPage returns the blocks of docs/embedding.md.
func readPage(t *testing.T) (blocks []block) {
	t.Helper()
	text, err := os.ReadFile("../../docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block{m[1], m[2]})
	}
	return blocks
}

// The page shows the files of this example as they are.
func TestEmbeddingPageShowsTheExample(t *testing.T) {
	shown := map[string]string{}
	for _, b := range readPage(t) {
		if shown[b.language] == "" {
			shown[b.language] = b.text
		}
	}
	for language, file := range map[string]string{"yaml": "ashlar.yaml", "go": "main.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if shown[language] != string(text) {
			t.Errorf("docs/embedding.md shows another %s:\n%s", file, shown[language])
		}
	}
}

// outside makes a module of its own with the files of the page, and returns its folder. It uses this repository instead of a
// release, and no network.
func outside(t *testing.T) string {
	t.Helper()
	effort.SkipRaced(t)
	dir := t.TempDir()
	for _, file := range []string{"ashlar.yaml", "main.go"} {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sums, err := os.ReadFile("../../go.sum")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs a command of the page in the folder of the module, and returns its output.
func shell(t *testing.T, dir, command string) (string, error) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// go get would write the requirements of this module into go.mod. Without a network they are copied.
	here := "grep -v -e ^module -e ^go " + root + "/go.mod >>go.mod\n" +
		"go mod edit -require=github.com/ashlar-dev/ashlar@v0.0.0 -replace=github.com/ashlar-dev/ashlar=" + root + "\n"
	command = strings.ReplaceAll(command, "go get github.com/ashlar-dev/ashlar@latest\n", here)
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return string(out), err
}

// buildOutside builds the program as the page says.
func buildOutside(t *testing.T, dir string) {
	t.Helper()
	for _, b := range readPage(t) {
		if b.language == "sh" && strings.Contains(b.text, "go build") {
			if out, err := shell(t, dir, b.text); err != nil {
				t.Fatalf("%s\n%s\n%v", b.text, out, err)
			}
			return
		}
	}
	t.Fatal("docs/embedding.md shows no go build")
}

// served is a running program.
type served struct {
	url string
	mu  sync.Mutex
	log []string
}

// serve starts the program and waits until it serves. At the end of the test it must stop cleanly.
func serve(t *testing.T, dir string, flags ...string) *served {
	t.Helper()
	args := append([]string{"serve", ".", "--listen", "127.0.0.1:0", "--operate-listen", "off", "--log-format", "json", "--data", t.TempDir()}, flags...)
	cmd := exec.Command(filepath.Join(dir, "members"), args...)
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s, serving, ended := &served{}, make(chan string, 1), make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var record struct{ Msg, URL string }
			if json.Unmarshal(lines.Bytes(), &record) == nil && record.Msg == "serving" {
				serving <- record.URL
			}
			s.mu.Lock()
			s.log = append(s.log, lines.Text())
			s.mu.Unlock()
		}
		close(serving)
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v:\n%s", err, s.lines())
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Errorf("the program did not stop:\n%s", s.lines())
		}
	})
	select {
	case s.url = <-serving:
	case <-time.After(30 * time.Second):
	}
	if s.url == "" {
		t.Fatalf("the program does not serve:\n%s", s.lines())
	}
	return s
}

func (s *served) lines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

func (s *served) do(method, path, body string) (string, error) {
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, text), err
}

// A program in a module of its own serves a model, and its function does the job that a create starts.
func TestAProgramOutsideOfTheModule(t *testing.T) {
	dir := outside(t)
	buildOutside(t, dir)
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			var flags []string
			if engine == "postgres" {
				if !pgtest.Available() {
					t.Skip("LOUD SKIP: there is no PostgreSQL")
				}
				flags = []string{"--database", pgtest.URL(t)}
			}
			s := serve(t, dir, flags...)
			if got, err := s.do("POST", "/api/members", `{"name": "Eve", "avatar": "data:"}`); err != nil || !strings.HasPrefix(got, "401 ") {
				t.Errorf("a client that draws itself gets %s, %v", got, err)
			}
			if got, err := s.do("POST", "/api/members", `{"name": "Ada"}`); err != nil || !strings.HasPrefix(got, "201 ") {
				t.Fatalf("create: %s, %v", got, err)
			}
			for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				got, err := s.do("GET", "/api/members?fields=name,avatar", "")
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(got, `200 {"items":[{"name":"Ada","avatar":"data:image/png;base64,iVBOR`) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("nobody drew: %s\n%s", got, s.lines())
				}
			}
		})
	}
	for command, want := range map[string]string{
		"./members version":          "ashlar development build, in example.com/members development build",
		"./members check .":          "ok: members has",
		"./members migrate --plan .": "",
		"./members schema":           `"$schema"`,
		"go version -m members":      "golang.org/x/crypto/x509roots/fallback",
	} {
		if out, err := shell(t, dir, command); err != nil || !strings.Contains(out, want) || strings.Contains(out, "note: only a program") {
			t.Errorf("%s: %s, %v; want %q", command, out, err, want)
		}
	}
	model := filepath.Join(dir, "ashlar.yaml")
	text, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(model, bytes.Replace(text, []byte("  draw:"), []byte("  paint:"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"./members check .", "./members serve . --data other"} {
		_, err := shell(t, dir, command)
		for _, want := range []string{"the job paint calls a Go function, and this program gives none of that name", "this program gives a function draw, and the model has no job of that name", "2 faults"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", command, err, want)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "other")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused server made its data folder (%v)", err)
	}
}

// The commands of the page do what it shows. The server of the page runs beside them.
func TestEmbeddingPage(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the commands of docs/embedding.md need %s, which is not installed", tool)
		}
	}
	dir := outside(t)
	buildOutside(t, dir)
	s, compared := serve(t, dir), 0
	blocks := readPage(t)
	for i, b := range blocks {
		if b.language != "sh" || strings.Contains(b.text, "go build") || strings.HasPrefix(b.text, "./members serve") {
			continue
		}
		command := strings.ReplaceAll(b.text, "http://127.0.0.1:8080", s.url)
		want := "(?s:.*)"
		if i+1 < len(blocks) && (blocks[i+1].language == "" || blocks[i+1].language == "json") {
			want = strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(blocks[i+1].text)), "…", ".*")
			compared++
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			got, err := shell(t, dir, command)
			if err == nil && regexp.MustCompile("^(?s:"+want+")$").MatchString(strings.TrimSpace(got)) {
				break
			}
			if strings.Contains(command, "POST") || time.Now().After(deadline) { // the job may take a moment
				t.Errorf("docs/embedding.md shows that\n%s\nanswers\n%s\nbut it answers\n%s %v", b.text, blocks[i+1].text, got, err)
				break
			}
		}
	}
	if compared < 2 {
		t.Errorf("docs/embedding.md shows %d answers, want 2 or more", compared)
	}
}
