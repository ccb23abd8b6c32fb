package careers_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A page is a Markdown file with commands to run.
type page struct {
	name   string
	blocks []block
}

// A block is a fenced block of a page.
type block struct{ language, text string }

func readPage(t *testing.T, name string) *page {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the commands of %s need %s, which is not installed", name, tool)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	read := &page{name: name}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		read.blocks = append(read.blocks, block{m[1], m[2]})
	}
	return read
}

// run runs all blocks of commands in one shell, because later blocks use the variables of earlier ones. If an answer follows
// a block, run compares the output with it. It returns the number of these answers.
func (p *page) run(t *testing.T) (compared int) {
	t.Helper()
	var commands []string
	answers := map[int]block{} // by the number of the command
	for i, block := range p.blocks {
		if block.language != "sh" {
			continue
		}
		if i+1 < len(p.blocks) && p.blocks[i+1].language != "sh" {
			answers[len(commands)] = p.blocks[i+1]
		}
		commands = append(commands, block.text)
	}
	for i, got := range runCommands(t, commands) {
		want, shown := answers[i]
		if !shown {
			continue
		}
		compared++
		if !want.matches(got) {
			t.Errorf("%s shows that\n%s\nanswers\n%s\nbut it answers\n%s", p.name, commands[i], want.text, got)
		}
	}
	return compared
}

// matches compares got with the answer in the block. In the block, … matches anything. Blanks and line breaks between the
// tokens of JSON do not count.
func (b block) matches(got string) bool {
	want := strings.TrimSpace(b.text)
	if b.language == "json" {
		want = compact(want)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")
	return regexp.MustCompile("^(?s:" + pattern + ")$").MatchString(strings.TrimSpace(got))
}

// compact removes the blanks of JSON outside of its strings.
func compact(json string) string {
	var text strings.Builder
	inString, escaped := false, false
	for _, char := range json {
		if !inString && strings.ContainsRune(" \n\t", char) {
			continue
		}
		if char == '"' && !escaped {
			inString = !inString
		}
		escaped = char == '\\' && !escaped
		text.WriteRune(char)
	}
	return text.String()
}

// shellHeader defines the function serve. It starts a server in the background and waits for its readiness. When the shell
// ends, it stops the servers and fails if one does not stop cleanly.
const shellHeader = `set -eu
servers=
serve() {
	./bin/ashlar serve "$1" --listen "$2" --log-level error >&2 &
	servers="$servers $!"
	for i in $(seq 300); do
		if curl -sf "http://$2/readyz" >/dev/null; then return 0; fi
		sleep 0.1
	done
	echo "the server of $1 was not ready after 30 s" >&2
	return 1
}
stop() {
	status=$?
	for server in $servers; do
		kill "$server"
		wait "$server" || { echo "a server did not stop cleanly" >&2; status=1; }
	done
	exit "$status"
}
trap stop EXIT
`

var serveLine = regexp.MustCompile(`(?m)^\./bin/ashlar serve (\S+) --listen (\S+)$`)

// runCommands runs blocks of commands in a folder like the top of the repository, and returns the output of each block.
func runCommands(t *testing.T, commands []string) []string {
	t.Helper()
	const end = "-- end of an answer --"
	addresses := strings.NewReplacer("127.0.0.1:8080", freeAddress(t), "127.0.0.1:8081", freeAddress(t))
	script := shellHeader
	for _, command := range commands {
		command = strings.ReplaceAll(command, "make run\n", "./bin/ashlar serve examples/careers --listen 127.0.0.1:8080\n")
		command = serveLine.ReplaceAllString(addresses.Replace(command), "serve $1 $2")
		script += command + "printf '\\n" + end + "\\n'\n"
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir, shell.Stderr = topOfRepository(t), t.Output()
	shell.Cancel = func() error { return shell.Process.Signal(syscall.SIGTERM) }
	shell.WaitDelay = 30 * time.Second
	out, err := shell.Output()
	answers := strings.Split(string(out), "\n"+end+"\n")
	if err != nil || len(answers) != len(commands)+1 {
		t.Fatalf("the commands ended early: %v\n%s", err, out)
	}
	return answers[:len(commands)]
}

// topOfRepository makes a folder with the command and a copy of the example. The commands may write to it.
func topOfRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	app := filepath.Join(dir, "examples", "careers")
	for _, sub := range []string{"seed", "tables", "mail"} {
		if err := os.CopyFS(filepath.Join(app, sub), os.DirFS(sub)); err != nil {
			t.Fatal(err)
		}
	}
	model, err := os.ReadFile("ashlar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "ashlar.yaml"), model, 0o644); err != nil {
		t.Fatal(err)
	}
	build(t, filepath.Join(dir, "bin"))
	return dir
}

// TestMain removes the command after all tests.
func TestMain(m *testing.M) {
	code := m.Run()
	command.remove()
	os.Exit(code)
}

// A builder builds the command once for all tests. The race detector does not watch the command.
type builder struct {
	mu  sync.Mutex
	dir string // "" before the first build
}

// command is changed only through its methods.
var command = &builder{}

// build returns the path of the command.
func (b *builder) build(t *testing.T) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "ashlar-careers-")
		if err != nil {
			t.Fatal(err)
		}
		b.dir = dir
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "ashlar"), "../../cmd/ashlar").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	return filepath.Join(b.dir, "ashlar")
}

func (b *builder) remove() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// build puts the command into a folder and returns its name.
func build(t *testing.T, dir string) string {
	t.Helper()
	effort.SkipRaced(t)
	binary := filepath.Join(dir, "ashlar")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Link(command.build(t), binary)); err != nil {
		t.Fatal(err)
	}
	return binary
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
