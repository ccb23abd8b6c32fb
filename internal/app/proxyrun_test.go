package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// documented returns a configuration of docs/proxies.md: the block of a language that holds a text.
func documented(t *testing.T, language, holds string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range strings.Split(string(page), "\n```"+language+"\n")[1:] {
		if block, _, _ := strings.Cut(rest, "\n```\n"); strings.Contains(block, holds) {
			return block + "\n"
		}
	}
	t.Fatalf("docs/proxies.md has no %s with %q", language, holds)
	return ""
}

// replaced replaces parts of a configuration, each of which must be there.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("no %q in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func runNginx(t *testing.T, block string) {
	t.Helper()
	config := "daemon off; pid " + filepath.Join(t.TempDir(), "pid") + "; error_log stderr; events {}\nhttp { access_log off;\n" + block + "}\n"
	runProxy(t, "nginx", config, func(file string) []string { return []string{"-c", file, "-e", "stderr"} })
}

func runHAProxy(t *testing.T, config string) {
	t.Helper()
	runProxy(t, "haproxy", config, func(file string) []string { return []string{"-f", file} })
}

// runCaddy runs Caddy without its management port, and without its port for redirects.
func runCaddy(t *testing.T, sites string) {
	t.Helper()
	config := "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n" + sites
	runProxy(t, "caddy", config, func(file string) []string { return []string{"run", "--adapter", "caddyfile", "--config", file} })
}

// below are the documented proxies below a prefix. Each gets its port, and the address of the app.
func below(t *testing.T) []proxyRun {
	t.Helper()
	holds := "/api-root/"
	return []proxyRun{
		{"nginx, kept", func(t *testing.T, port, app string) {
			runNginx(t, replaced(t, documented(t, "nginx", holds), "listen 80", "listen 127.0.0.1:"+port, "127.0.0.1:8080", app))
		}},
		{"nginx, stripped", func(t *testing.T, port, app string) {
			runNginx(t, replaced(t, documented(t, "nginx", holds), "listen 80", "listen 127.0.0.1:"+port, "127.0.0.1:8080", app+"/"))
		}},
		{"HAProxy, kept", func(t *testing.T, port, app string) {
			runHAProxy(t, replaced(t, documented(t, "haproxy", holds), ":80\n", "127.0.0.1:"+port+"\n", "127.0.0.1:8080", app))
		}},
		{"Caddy, kept", func(t *testing.T, port, app string) {
			runCaddy(t, replaced(t, documented(t, "caddyfile", holds), "http://example.com", "http://127.0.0.1:"+port, "127.0.0.1:8080", app))
		}},
		{"Caddy, stripped", func(t *testing.T, port, app string) {
			runCaddy(t, replaced(t, documented(t, "caddyfile", holds), "http://example.com", "http://127.0.0.1:"+port, "127.0.0.1:8080", app, "handle", "handle_path"))
		}},
	}
}

type proxyRun struct {
	name string
	run  func(t *testing.T, port, app string)
}

// runProxy runs a proxy until the end of the test.
func runProxy(t *testing.T, name, config string, args func(file string) []string) {
	t.Helper()
	program := os.Getenv("ASHLAR_" + strings.ToUpper(name))
	if program == "" {
		var err error
		if program, err = exec.LookPath(name); err != nil {
			program = "/usr/sbin/" + name
		}
	}
	if !exists(program) {
		t.Skipf("*** NOT TESTED BEHIND %s: install it", strings.ToUpper(name))
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args(file)...)
	cmd.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s with\n%s\nsays\n%s", name, config, output.String())
		}
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// awaitProxy waits until an address answers.
func awaitProxy(t *testing.T, client *http.Client, url string) {
	t.Helper()
	waitFor(t, "the proxy at "+url, func() bool {
		answer, err := client.Get(url)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	})
}

// The documented proxies pass on each event of a stream at once: the next row is written only when the event of the last one has
// come.
func TestStreamsBehindProxies(t *testing.T) {
	for _, proxy := range below(t) {
		t.Run(proxy.name, func(t *testing.T) {
			port := freePort(t)
			front := "http://127.0.0.1:" + port + prefix
			server := opened(t, app(t, watchedApp), Config{URL: front, Logger: (&log{}).logger(), Proxies: thisMachine})
			base := start(t, server).base
			proxy.run(t, port, strings.TrimPrefix(base, "http://"))
			awaitProxy(t, http.DefaultClient, front+"/healthz")
			events := follow(t, front+"/api/notes:watch", "", "")
			late := time.AfterFunc(time.Minute, func() { _ = events.body.Close() })
			defer late.Stop()
			events.until(t, "ready")
			for n := range 5 {
				if got := postTo(t, server, "/api/notes", fmt.Sprintf(`{"id": %d, "n": %d, "team_id": 1}`, n+1, 70+n)); got != http.StatusCreated {
					t.Fatalf("a row is answered %d", got)
				}
				if got := events.until(t, "enter").data; !strings.Contains(got, fmt.Sprintf(`"n":%d`, 70+n)) {
					t.Fatalf("event %d is %s", n, got)
				}
			}
		})
	}
}

// thisMachine is where the proxies of tests run.
var thisMachine = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
