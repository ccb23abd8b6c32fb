// Package promtest runs Prometheus and its promtool for tests.
package promtest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/programs"
)

const advice = "there is no Prometheus to test with: install it (apt-get install -y prometheus, brew install prometheus)"

// find returns the path of a program of Prometheus. Without it, find skips the test with a loud message, or fails it if CI
// is set.
func find(t testing.TB, name string) string {
	t.Helper()
	installed := func() bool {
		_, err := exec.LookPath(name)
		return err == nil
	}
	if !installed() {
		if err := programs.Install("prometheus", installed); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s\n%v", advice, err)
			}
			fmt.Fprintf(os.Stderr, "\n*** NOT TESTED WITH PROMETHEUS: %s\n*** %s\n*** %v\n\n", t.Name(), advice, err)
			t.Skip(advice)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Promtool runs promtool in a folder, with a text as its input. It must succeed and complain of nothing. Promtool returns
// what it printed.
func Promtool(t testing.TB, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(find(t, "promtool"), args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Start starts a Prometheus that scrapes the address of a server each second, as its job "ashlar". It returns the URL of
// that Prometheus, which ends with the test.
func Start(t testing.TB, target string, flags ...string) (url string) {
	t.Helper()
	program, dir := find(t, "prometheus"), t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: ashlar\n  static_configs:\n  - targets: ['" + target + "']\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + address}, flags...)
	cmd := exec.Command(program, flags...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	url = "http://" + address
	waitReady(t, url, log.Name())
	return url
}

func waitReady(t testing.TB, url, log string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(url + "/-/ready")
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
	text, _ := os.ReadFile(log)
	t.Fatalf("Prometheus is not ready after a minute:\n%s", text)
}
