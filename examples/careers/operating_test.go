package careers_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOperatingPage runs what docs/operating.md shows against a server of this example: its calls, its commands, its settings.
// What other tests run is left to them.
func TestOperatingPage(t *testing.T) {
	page := readPage(t, "../../docs/operating.md")
	text, err := os.ReadFile(page.name)
	if err != nil {
		t.Fatal(err)
	}
	server := startOperated(t)

	t.Run("calls", func(t *testing.T) { server.runCalls(t, string(text)) })
	t.Run("commands", func(t *testing.T) { server.runCommands(t, string(text)) })
	t.Run("settings", func(t *testing.T) { server.checkSettings(t, page) })
	t.Run("health", func(t *testing.T) { server.compareHealth(t, string(text)) })
	t.Run("labels", func(t *testing.T) { server.findLabels(t, page) })
	t.Run("expressions", func(t *testing.T) { server.findMetrics(t, string(text)) })
	t.Run("lines", func(t *testing.T) { server.compareLines(t, page) })
}

// operated is a server of the example with its operate listener.
type operated struct {
	top             string // folder like the top of the repository
	public, operate string // addresses
	id              string // of a request that it has answered
	log             *bytes.Buffer
	stop            func()
}

func startOperated(t *testing.T) *operated {
	t.Helper()
	s := &operated{top: topOfRepository(t), public: freeAddress(t), operate: freeAddress(t), log: new(bytes.Buffer)}
	cmd := s.command("serve", "examples/careers", "--listen", s.public, "--operate-listen", s.operate, "--log-format", "json")
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	s.stop = func() {
		if ended {
			return
		}
		ended = true
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v\n%s", err, s.log)
		}
	}
	t.Cleanup(s.stop)
	deadline := time.Now().Add(time.Minute)
	for {
		res, err := http.Get("http://" + s.public + "/api/occupations?filter=title.contains(arg.t)&arg.t=a&sort=-id")
		if err == nil {
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatal(err)
			}
			s.id = res.Header.Get("X-Request-Id")
			if res.StatusCode != http.StatusOK || s.id == "" {
				t.Fatalf("status %d of request %q", res.StatusCode, s.id)
			}
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not answer: %v\n%s", err, s.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// command returns the program with arguments, in the folder.
func (s *operated) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.top, "bin", "ashlar"), args...)
	cmd.Dir = s.top
	return cmd
}

// runCalls runs the page's calls of the server with curl.
func (s *operated) runCalls(t *testing.T, text string) {
	calls := regexp.MustCompile(`(?m)^(?:\$ )?(curl .*)$`).FindAllStringSubmatch(text, -1)
	if len(calls) < 3 {
		t.Fatalf("the page has %d calls", len(calls))
	}
	exampleID := regexp.MustCompile(`[A-Z0-9]{26}`)
	for _, call := range calls {
		line := strings.NewReplacer("127.0.0.1:9464", s.operate, "127.0.0.1:8080", s.public).Replace(call[1])
		line = exampleID.ReplaceAllString(line, s.id)
		line = strings.Replace(line, "curl ", "curl -sS --fail-with-body --max-time 30 ", 1)
		deadline := time.Now().Add(10 * time.Second)
		for {
			out, err := exec.Command("bash", "-c", line).CombinedOutput()
			if err == nil {
				break
			}
			if time.Now().After(deadline) { // the trace of a request is there a moment after its answer
				t.Errorf("%s: %v\n%s", call[1], err, out)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// othersRun are commands that tests of their own run, or that this one has run.
var othersRun = []string{"serve", "advise", "cost"}

// runCommands runs the page's commands of the program. They end with 0, or with 1 for findings.
func (s *operated) runCommands(t *testing.T, text string) {
	ran := 0
	for _, found := range regexp.MustCompile(`(?m)^(?:\$ )?ashlar ([^\\\n#]*)$`).FindAllStringSubmatch(text, -1) {
		args := strings.Fields(found[1])
		if slices.Contains(othersRun, args[0]) || strings.Contains(found[1], "tasks") {
			continue
		}
		for i, arg := range args {
			switch {
			case arg == "/srv/careers":
				args[i] = "examples/careers"
			case arg == "/var/lib/careers":
				args[i] = filepath.Join(s.top, "examples", "careers", ".ashlar")
			}
		}
		for _, flag := range []string{"--url", "--public"} {
			if i := slices.Index(args, flag); i >= 0 {
				args[i+1] = "http://" + s.public
			}
		}
		ran++
		cmd := s.command(args...)
		if args[0] == "health" {
			cmd.Env = append(cmd.Environ(), "ASHLAR_OPERATE_LISTEN="+s.operate)
		}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() > 1 || (err != nil && args[0] != "doctor") {
			t.Errorf("ashlar %s: %v\n%s", found[1], err, out)
		}
	}
	if ran < 4 {
		t.Errorf("the page has %d commands", ran)
	}
}

// checkSettings checks the example with each of the page's settings of the model.
func (s *operated) checkSettings(t *testing.T, page *page) {
	model, err := os.ReadFile(filepath.Join(s.top, "examples", "careers", "ashlar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, block := range page.blocks {
		if block.language != "yaml" || !strings.HasPrefix(block.text, "operate:") {
			continue
		}
		checked++
		settings := strings.ReplaceAll(block.text, "POST /api/orders", "POST /api/profiles")
		dir := filepath.Join(t.TempDir(), "app")
		for _, sub := range []string{"tables", "mail"} {
			if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(sub)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), append(slices.Clone(model), "\n"+settings...), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := s.command("check", dir).CombinedOutput(); err != nil {
			t.Errorf("with\n%s\nthe model is refused: %s", block.text, out)
		}
	}
	if checked < 2 {
		t.Errorf("the page has %d settings", checked)
	}
}

// compareHealth compares the checks of a server that is ready with the checks of the page.
func (s *operated) compareHealth(t *testing.T, text string) {
	shown := regexp.MustCompile(`(?s)\{"status":"ready".*?\]\}`).FindString(text)
	answer := s.get(t, "http://"+s.public+"/readyz")
	names := func(what string, document []byte) (list []string) {
		var health struct {
			Checks []struct{ Name string }
		}
		if err := json.Unmarshal(document, &health); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, document)
		}
		for _, check := range health.Checks {
			list = append(list, check.Name)
		}
		return list
	}
	got, want := names("the server", answer), names("the page", []byte(shown))
	if !slices.Equal(got, want) {
		t.Errorf("the checks are %q, on the page %q", got, want)
	}
}

// findMetrics looks for each name of the page's expressions among the metrics.
func (s *operated) findMetrics(t *testing.T, text string) {
	metrics := string(s.get(t, "http://"+s.operate+"/metrics"))
	_, table, _ := strings.Cut(text, "| question | expression |")
	table, _, _ = strings.Cut(table, "\n\n")
	names := regexp.MustCompile(`\b(?:http|ashlar|db)_[a-z_]+\b`).FindAllString(table, -1)
	found := 0
	for _, name := range names {
		if slices.Contains([]string{"http_route", "http_response_status_code", "db_collection_name"}, name) {
			continue
		}
		found++
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("there is no metric %s", name)
		}
	}
	if found < 8 {
		t.Errorf("the page has %d expressions", found)
	}
}

// findLabels sends a request to each route of the API that the page's answers name, and looks for its labels among the metrics.
// The tables of the page's profiles must be in the example.
func (s *operated) findLabels(t *testing.T, page *page) {
	routes, tables := map[string]bool{}, map[string]bool{}
	for _, block := range page.blocks {
		for _, found := range regexp.MustCompile(`"route": ?"(GET /api/[^"]+)"`).FindAllStringSubmatch(block.text, -1) {
			routes[found[1]] = true
		}
		for _, found := range regexp.MustCompile(`"table": "(\w+)"`).FindAllStringSubmatch(block.text, -1) {
			tables[found[1]] = true
		}
	}
	if len(routes) < 2 || len(tables) < 2 {
		t.Fatalf("the page has the routes %v and the tables %v", routes, tables)
	}
	for table := range tables {
		for route := range routes {
			path := strings.NewReplacer("GET ", "", "{table}", table, "{id}", "none").Replace(route)
			res, err := http.Get("http://" + s.public + path)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		}
	}
	metrics := string(s.get(t, "http://"+s.operate+"/metrics"))
	for route := range routes {
		_, pattern, _ := strings.Cut(route, " ")
		if label := `http_request_method="GET",http_route="` + pattern + `"`; !strings.Contains(metrics, label) {
			t.Errorf("no metric has the labels %s", label)
		}
	}
	for table := range tables {
		for _, operation := range []string{"list", "get"} {
			if label := `ashlar_table_operation_duration_seconds_count{operation="` + operation + `",table="` + table + `"}`; !strings.Contains(metrics, label) {
				t.Errorf("there is no metric %s", label)
			}
		}
	}
}

// compareLines compares the members of the page's line about a request with the members in the server's log.
func (s *operated) compareLines(t *testing.T, page *page) {
	s.stop()
	var shown map[string]any
	for _, block := range page.blocks {
		if block.language == "json" && strings.Contains(block.text, `"msg":"request"`) {
			if err := json.Unmarshal([]byte(block.text), &shown); err != nil {
				t.Fatal(err)
			}
		}
	}
	if shown == nil {
		t.Fatal("the page has no line about a request")
	}
	for line := range bytes.Lines(s.log.Bytes()) {
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if got["id"] != s.id {
			continue
		}
		for member := range shown {
			if _, ok := got[member]; !ok {
				t.Errorf("the line has no %s: %s", member, line)
			}
		}
		return
	}
	t.Errorf("the log has no line of request %s:\n%s", s.id, s.log)
}

func (s *operated) get(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, res.StatusCode, err)
	}
	return body
}
