package careers_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The commands of the README's tour, as a newcomer pastes them, and what each must answer.
func TestTour(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the README's commands need %s, which is not installed", tool)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, shown := blocks(string(readme), "sh"), blocks(string(readme), "json")
	if len(shown) != 1 {
		t.Fatalf("the README shows %d answers, want 1", len(shown))
	}
	want := []string{
		``, // API=
		`"level":"entry","low":"90000.00","high":"125000.00"`,
		`{"to":{"title":"Technical Lead"},"kind":"leads_to"}`,
		``, // ADA=
		strings.TrimSpace(shown[0]),
		`"skill_id":"system-design","level":2`,
		``, // ETAG=
		`"headline":"Backend engineer in the making"…"salary":"109000.00"`,
		`{"items":[{"headline":"Backend engineer in the making","salary":null}],"next":null}`,
		`"status":404`,
		`"status":401`,
		`"status":403`,
		`"pointer":"/skill_id"`,
	}
	if len(commands) != len(want) {
		t.Fatalf("the README has %d commands, this test knows %d", len(commands), len(want))
	}
	const lacks, patch = 4, 7 // which are run again: the skill is gone, the revision stale
	commands = append(commands, commands[lacks], commands[patch])
	want = append(want, `{"items":[{"skill":{"name":"Data modeling"}`, `"status":412`)

	dir, address := startGuide(t)
	for i, got := range runCommands(t, dir, address, commands) {
		if !matches(got, want[i]) {
			t.Errorf("%s\nanswered %s\nwant it to hold %s", commands[i], got, want[i])
		}
	}
}

// blocks returns the fenced blocks of a language.
func blocks(markdown, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(markdown, -1) {
		found = append(found, m[1])
	}
	return found
}

// matches says whether got holds want, in which … stands for anything.
func matches(got, want string) bool {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")).MatchString(got)
}

// runCommands runs all commands in one shell, since later ones use the variables of earlier ones.
func runCommands(t *testing.T, dir, address string, commands []string) []string {
	t.Helper()
	const end = "-- end of an answer --"
	script := "set -eu\n"
	for _, c := range commands {
		script += strings.ReplaceAll(c, "127.0.0.1:8080", address) + "printf '\\n" + end + "\\n'\n"
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir, shell.Stderr = dir, t.Output()
	out, err := shell.Output()
	answers := strings.Split(string(out), "\n"+end+"\n")
	if err != nil || len(answers) != len(commands)+1 {
		t.Fatalf("the commands ended early: %v\n%s", err, out)
	}
	return answers[:len(commands)]
}

// startGuide builds the command and serves a copy of the example, whose data folder the test may fill. It returns the folder
// that stands for the top of the repository, and the address.
func startGuide(t *testing.T) (dir, address string) {
	t.Helper()
	dir, address = t.TempDir(), freeAddress(t)
	if err := os.CopyFS(filepath.Join(dir, "examples", "careers", "seed"), os.DirFS("seed")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "examples", "careers", "tables"), os.DirFS("tables")); err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile("ashlar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "examples", "careers", "ashlar.yaml"), model, 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "bin", "ashlar")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/ashlar").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	serve(t, dir, binary, address)
	return dir, address
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func serve(t *testing.T, dir, binary, address string) {
	t.Helper()
	server := exec.Command(binary, "serve", "examples/careers", "--listen", address)
	server.Dir, server.Stdout, server.Stderr = dir, t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := awaitReady(ctx, "http://"+address+"/readyz"); err != nil {
		t.Fatal(err)
	}
}

func awaitReady(ctx context.Context, url string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready: %w (last: %v)", ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
