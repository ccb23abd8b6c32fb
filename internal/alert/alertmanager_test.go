package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// startAlertmanager starts a real Alertmanager that passes alerts on to a webhook, and returns its address.
func startAlertmanager(t *testing.T, webhook string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Skip("SKIPPED: there is no prometheus-alertmanager here (apt install prometheus-alertmanager)")
	}
	dir := t.TempDir()
	config := fmt.Sprintf("route: {receiver: hook, group_by: [alert], group_wait: 10ms, group_interval: 1s}\nreceivers: [{name: hook, webhook_configs: [{url: %q, send_resolved: true}]}]\n", webhook)
	file := filepath.Join(dir, "am.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	cmd := exec.Command(program, "--config.file="+file, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address=")
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	ready := func() bool {
		answer, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	for deadline := time.Now().Add(60 * time.Second); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the Alertmanager does not start")
		}
	}
	return "http://" + address
}

// notice is what an Alertmanager tells a webhook.
type notice struct {
	Status string
	Alerts []struct {
		Status      string
		Labels      map[string]string
		Annotations map[string]string
	}
}

func TestARealAlertmanagerTakesAlerts(t *testing.T) {
	notices := make(chan notice, 100)
	hook := http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notice
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Error(err)
		}
		notices <- n
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = hook.Serve(ln) }()
	t.Cleanup(func() { _ = hook.Shutdown(context.Background()) })
	base := startAlertmanager(t, "http://"+ln.Addr().String())

	s := NewSender([]model.AlertTarget{{Alertmanager: settingOf(base + "/")}}, Config{App: "careers", Node: "n1", Rows: sqliteRows(t)})
	run(t, s)
	a := page("api/available/page", true)
	a.Since, a.At = time.Now().Add(-time.Minute), time.Now()
	s.Send(a)
	wait := func(status string) {
		t.Helper()
		for deadline := time.After(60 * time.Second); ; {
			select {
			case n := <-notices:
				if n.Status != status {
					continue
				}
				if got := n.Alerts[0]; got.Labels["app"] != "careers" || got.Labels["severity"] != "page" || got.Labels["objective"] != "api" || got.Annotations["summary"] != a.Summary {
					t.Errorf("alert = %+v", got)
				}
				return
			case <-deadline:
				t.Fatalf("the Alertmanager never says %s", status)
			}
		}
	}
	wait("firing")
	a.Firing, a.At = false, time.Now()
	s.Send(a)
	wait("resolved")
}
