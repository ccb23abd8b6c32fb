package deploytest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// Paths from the folder of this package.
const (
	root   = "../../.."
	deploy = root + "/deploy"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// The image serves careers in 64 MB, as a user without rights, on a file system that it cannot write, under load and after a
// restart.
func TestImageServesCareers(t *testing.T) {
	effort.SkipRaced(t)
	b := newBuilder(t)
	folder := imageFolder(t)
	if first, second := b.build(folder), b.build(folder); first != second {
		t.Errorf("two builds have the layers %s and %s", first, second)
	}
	app, err := filepath.Abs(filepath.Join(root, "examples", "careers"))
	if err != nil {
		t.Fatal(err)
	}
	c := b.start(app)

	if got := c.inspect(".HostConfig.ReadonlyRootfs"); got != "true" {
		t.Errorf("the root is read-only: %s", got)
	}
	status := c.process("status")
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("the process has not %q:\n%s", want, status)
		}
	}
	if writable := regexp.MustCompile(`(?m)^.* rwx[ps] .*$`).FindString(c.process("maps")); writable != "" {
		t.Errorf("MemoryDenyWriteExecute of the unit would forbid %s", writable)
	}
	c.load()
	if got := c.inspect(".State.OOMKilled"); got != "false" || c.inspect(".State.Running") != "true" {
		t.Errorf("after the load: killed for its memory: %s", got)
	}
	c.checkRoots()

	if _, err := b.podman("restart", "--time", "60", "app"); err != nil {
		t.Fatal(err)
	}
	c.wait()
	if body := c.get("/api/skills/sql"); !strings.Contains(body, `"name":"SQL"`) {
		t.Errorf("after a restart: %s", body)
	}
	if _, err := b.podman("stop", "--time", "60", "app"); err != nil {
		t.Fatal(err)
	}
	if got := c.inspect(".State.ExitCode"); got != "0" {
		t.Errorf("a stopped server exits with %s", got)
	}
}

// load sends 2,400 requests from 24 clients, whose lists have related rows. The check of the image runs beside them, in the same
// memory.
func (c *container) load() {
	c.t.Helper()
	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() {
			for range 100 {
				if body := c.get("/api/occupations?expand=skills"); !strings.Contains(body, `"skills"`) {
					c.t.Errorf("an answer without related rows: %.200s", body)
					return
				}
			}
		})
	}
	c.wait()
	clients.Wait()
	c.t.Log(regexp.MustCompile(`VmHWM.*|RssAnon.*`).FindAllString(c.process("status"), -1))
}

func (c *container) get(path string) string {
	res, err := http.Get(c.url + path)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// checkRoots checks that the binary has authorities: without any, the refusal of a certificate is another one.
func (c *container) checkRoots() {
	c.t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	_, err := c.podman("exec", "app", "/ashlar", "health", "--url", server.URL)
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		c.t.Errorf("the certificate of a stranger: %v", err)
	}
}

// Every variable of the server in deploy is a setting: the server refuses others.
func TestDeployNamesRealSettings(t *testing.T) {
	known := regexp.MustCompile(`ASHLAR_[A-Z_]+`)
	found := map[string]bool{}
	err := filepath.WalkDir(deploy, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range known.FindAllString(string(text), -1) {
			found[name] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(found, "ASHLAR_IMAGE") // of the compose files
	if len(found) < 5 {
		t.Fatalf("found only %v", found)
	}
	help := settings(t)
	for name := range found {
		flag := "--" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "ASHLAR_")), "_", "-")
		if name != "ASHLAR_DATABASE_URL" && !strings.Contains(help, flag+" ") {
			t.Errorf("deploy names %s, and ashlar serve has no flag %s", name, flag)
		}
	}
}
