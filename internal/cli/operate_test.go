package cli

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
)

// operateOf returns the address of the operate listener that the log tells.
func operateOf(t *testing.T, p *process) string {
	t.Helper()
	for _, line := range p.lines() {
		var record struct{ Msg, Operate string }
		if json.Unmarshal([]byte(line), &record) == nil && record.Msg == "serving" {
			return record.Operate
		}
	}
	t.Fatalf("the log tells no address:\n%s", strings.Join(p.lines(), "\n"))
	return ""
}

func TestOperateListenerIsToldAndAnswers(t *testing.T) {
	p := startProcess(t, writeApp(t, ledger), "--operate-listen", "127.0.0.1:0")
	if body := getBody(t, http.DefaultClient, operateOf(t, p)+"/readyz"); !strings.Contains(body, `"free_bytes"`) {
		t.Errorf("/readyz = %s", body)
	}
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
	p = startProcess(t, writeApp(t, ledger), "--operate-listen", "off")
	if got := operateOf(t, p); got != "off" {
		t.Errorf("operate = %q, want off", got)
	}
}

// Several apps run on one machine: the second goes on without, unless somebody chose its address.
func TestOperateAddressInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var lines strings.Builder
	usual := operateFlags{listen: ln.Addr().String()}
	own, err := usual.bind(listen, (&serveFlags{logLevel: oneOf("info")}).logger(&lines, "text"))
	if err != nil || own != nil || !strings.Contains(lines.String(), "perhaps a second app; choose another one with --operate-listen") {
		t.Errorf("bind = %v, %v\n%s", own, err, lines.String())
	}
	out, code := command(t, "serve", writeApp(t, ledger), "--listen", "127.0.0.1:0", "--operate-listen", ln.Addr().String())
	if code != 1 || !strings.Contains(out, ln.Addr().String()+" is in use by another program: stop it, or choose another address with --operate-listen\n") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
