package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answering returns the address of a server with such an answer of /readyz.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/root/readyz" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/root/"
}

func TestHealthSaysInOneLineWhatIsWrong(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, url string
		code      int
		want      string
	}{
		{"ready", answering(t, 200, `{"status":"ready","checks":[{"name":"disk","status":"ok"}]}`), 0, "/root\n"},
		{"with a warning", answering(t, 200, `{"status":"ready","checks":[{"name":"disk","status":"warning","reason":"nearly full"}]}`), 0, "/root; disk: nearly full\n"},
		{"not ready", answering(t, 503, `{"status":503,"detail":"x","checks":[{"name":"a","status":"ok"},{"name":"writes","status":"failed","reason":"Writes fail."}]}`), 1, "/root is not ready: writes: Writes fail.\n"},
		{"overloaded", answering(t, 503, `{"status":503,"detail":"too many\u001b[1m requests"}`), 1, "/root is not ready: too many?[1m requests\n"},
		{"another program", answering(t, 200, "<html>"), 1, "answers with the status 200, which is no answer of Ashlar: is this the address of the server?\n"},
		{"another path", strings.TrimSuffix(answering(t, 200, `{"status":"ready"}`), "root/"), 1, "answers with the status 404, which"},
		{"silent", "http://" + silent.Addr().String(), 1, " does not answer within 300ms\n"},
		{"gone", "http://" + gone.Addr().String(), 1, "no server answers at http://" + gone.Addr().String() + ": "},
		{"no address", "careers.example.com", 2, `--url must be like https://careers.example.com, not "careers.example.com"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timeout := "30s"
			if tt.name == "silent" {
				timeout = "300ms"
			}
			out, code := command(t, "health", "--url", tt.url, "--timeout", timeout)
			if code != tt.code || !strings.Contains(out, tt.want) || (code < 2 && strings.Count(out, "\n") != 1) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, tt.code, tt.want, out)
			}
		})
	}
}

func TestHealthAsksAServer(t *testing.T) {
	p := startProcess(t, writeApp(t, ledger), "--operate-listen", "127.0.0.1:0")
	for _, url := range []string{operateOf(t, p), p.url} {
		if out, code := command(t, "health", "--url", url); code != 0 || !strings.HasPrefix(out, "ready: "+url) {
			t.Errorf("exit code %d:\n%s", code, out)
		}
	}
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
	if out, code := command(t, "health", "--url", p.url); code != 1 {
		t.Errorf("after the stop: exit code %d:\n%s", code, out)
	}
}

func TestHealthFindsTheAddressOfTheServer(t *testing.T) {
	for _, tt := range []struct{ operate, listen, want string }{
		{"", "", "127.0.0.1:9464"},
		{":9465", "", "127.0.0.1:9465"},
		{"0.0.0.0:9465", "", "127.0.0.1:9465"},
		{"[::]:9465", "", "[::1]:9465"},
		{"10.0.0.7:9465", "", "10.0.0.7:9465"},
		{"off", "", "127.0.0.1:8080"},
		{"off", ":80", "127.0.0.1:80"},
	} {
		got, err := listenerOf(environOf(map[string]string{"ASHLAR_OPERATE_LISTEN": tt.operate, "ASHLAR_LISTEN": tt.listen}))
		if err != nil || got != tt.want {
			t.Errorf("listenerOf(%q, %q) = %q, %v, want %q", tt.operate, tt.listen, got, err, tt.want)
		}
	}
	if got, err := listenerOf(environOf(map[string]string{"ASHLAR_OPERATE_LISTEN": "9464"})); err == nil {
		t.Errorf("listenerOf(9464) = %q", got)
	}
	secure := map[string]string{"ASHLAR_TLS_CERT": "cert.pem"}
	if got, err := listenerOf(environOf(secure)); err != nil || got != "127.0.0.1:9464" {
		t.Errorf("with TLS: listenerOf = %q, %v", got, err)
	}
	secure["ASHLAR_OPERATE_LISTEN"] = "off"
	if got, err := listenerOf(environOf(secure)); err == nil || !strings.Contains(err.Error(), "--url https://") {
		t.Errorf("with TLS alone: listenerOf = %q, %v", got, err)
	}
}

func environOf(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}
