package cli

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// toEnd runs ashlar to its end, or kills it after a time other than 0.
func toEnd(t *testing.T, killAfter time.Duration, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = asCommand(), &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if killAfter > 0 {
		timer := time.AfterFunc(killAfter, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		defer timer.Stop()
	}
	err = cmd.Wait()
	return out.String(), errs.String(), err
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := toEnd(t, 0, args...)
	if err != nil {
		t.Fatalf("ashlar %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}

// The commands of docs/move.md, one after another. The server gives the same answers after each of them.
func TestMoveGuide(t *testing.T) {
	effort.SkipRaced(t)
	page, err := os.ReadFile("../../docs/move.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sh\nashlar (.*?)\n```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 4 {
		t.Fatalf("the page has %d commands, this test knows 4", len(blocks))
	}
	work := t.TempDir()
	app := filepath.Join(work, "careers")
	if err := os.CopyFS(app, os.DirFS("../../examples/careers")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(app, ".ashlar")); err != nil { // data of a server that ran in this clone
		t.Fatal(err)
	}
	address := pgtest.URL(t)
	replace := strings.NewReplacer("examples/careers", app, "postgres://ashlar@db.example.com/careers", address, "--to moved", "--to "+work+"/moved", "--data moved", "--data "+work+"/moved")
	want := served(t, app)
	var sums []string
	for _, block := range blocks {
		args := strings.Fields(replace.Replace(block[1]))
		switch args[0] {
		case "move":
			said := mustRun(t, args...)
			sums = append(sums, regexp.MustCompile("(?m)^ashlar_(telemetry|happenings) .*\n").ReplaceAllString(said, "")) // servers on PostgreSQL write them
		case "serve":
			if got := served(t, args[1], args[2:]...); got != want {
				t.Errorf("ashlar %s serves\n%s\nwant\n%s", block[1], got, want)
			}
		default:
			t.Errorf("a command that this test does not know: %s", block[1])
		}
	}
	if len(sums) != 2 || sums[0] != sums[1] || !strings.Contains(sums[0], "occupation_skills") {
		t.Errorf("the two moves said\n%s", strings.Join(sums, "\n"))
	}
}

// served returns the answer of a server of the app.
func served(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	p := startProcess(t, dir, append(flags, "--log-level", "error")...)
	body := getBody(t, http.DefaultClient, p.url+"/api/occupations?expand=skills&limit=500&total=true")
	if _, err := p.stop(); err != nil {
		t.Fatal(err)
	}
	return body
}

const archive = `
-- ashlar.yaml --
ashlar: 1
name: archive
tables:
  letters:
    key: int
    fields:
      text: {type: text, index: true}
      answers: {ref: letters, optional: true, reverse: answered}
    access: {read: true}
`

// After a kill at any moment, the next move starts over and succeeds.
func TestKilledMove(t *testing.T) {
	effort.SkipRaced(t)
	kills := effort.Cases(4, 100)
	dir := writeApp(t, archive)
	var rows strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&rows, "{\"text\": \"letter %d %s\"}\n", i, strings.Repeat("x", 200))
	}
	seed := filepath.Join(dir, "seed")
	if err := os.Mkdir(seed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(seed, "letters.ndjson"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "token", "--id", "018f0000-0000-7000-8000-0000000000a1", dir)
	data, address := filepath.Join(dir, ".ashlar"), pgtest.URL(t)
	other, begun := pgtest.URL(t), time.Now()
	want := mustRun(t, "move", dir, "--from", data, "--to", other)
	most := time.Since(begun) * 9 / 10 // so that some are killed on any machine
	if !strings.Contains(strings.Join(strings.Fields(want), " "), " letters 10000 ") {
		t.Fatalf("moved:\n%s", want)
	}
	killed := killedUntilWhole(t, kills, most, want, dir, "--from", data, "--to", address)
	killed += killedUntilWhole(t, kills, most, want, dir, "--from", address, "--to", filepath.Join(t.TempDir(), "back"))
	if killed == 0 {
		t.Error("no move was killed")
	}
	t.Logf("killed %d times", killed)
}

// killedUntilWhole kills a move some times and counts the kills before its end. The last move must succeed. The first
// kill comes early, and later ones up to most, so that some hit on a machine with a changing speed.
func killedUntilWhole(t *testing.T, kills int, most time.Duration, want string, args ...string) (killed int) {
	t.Helper()
	args = append([]string{"move"}, args...)
	for i := range kills {
		sums, stderr, err := toEnd(t, rand.N(most*time.Duration(i+1)/time.Duration(kills)), args...)
		if err == nil { // it was faster
			if sums != want {
				t.Errorf("after %d kills:\n%s\nwant\n%s", killed, sums, want)
			}
			return killed
		}
		if strings.Contains(stderr, "the target is not empty") && killed > 0 {
			return killed // the one before was killed when all was done, and not yet said
		}
		if stderr != "" && !strings.Contains(stderr, "power cut") {
			t.Errorf("a move that was killed said: %s", stderr)
		}
		killed++
	}
	sums, stderr, err := toEnd(t, 0, args...)
	if killed > 0 && strings.Contains(stderr, "the target is not empty") {
		return killed
	}
	if err != nil || sums != want {
		t.Errorf("after %d kills:\n%s\nwant\n%s", killed, sums, want)
	}
	return killed
}
