package mailbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// write puts a mail into a folder, and returns its name.
func write(t *testing.T, folder string, second int, subject, text, page string) string {
	t.Helper()
	name := fmt.Sprintf("20270101T1200%02d.000000Z-018f0000-0000-7000-8000-00000000beef.eml", second)
	content := "From: Notes <no-reply@example.com>\r\nTo: ann@example.com\r\nSubject: " + subject + "\r\nDate: Fri, 01 Jan 2027 12:00:00 +0000\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n" +
		"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page + "\r\n--x--\r\n"
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// get asks a mailbox for a page as a client on an address, by a host.
func get(t *testing.T, folder, path, remote, host string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+path, nil)
	r.RemoteAddr = remote
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	receiver.Handler(web.NewMux(New(mail.OpenMailbox(folder), "Notes").Routes()...)).ServeHTTP(w, r)
	return w
}

func TestNewestMailIsFirst(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, 1, "older", "a", "b")
	write(t, folder, 2, "newer", "a", "b")
	page := get(t, folder, "/mailbox", "127.0.0.1:5", "127.0.0.1:8080").Body.String()
	older, newer := strings.Index(page, "older"), strings.Index(page, "newer")
	if newer < 0 || older < newer {
		t.Errorf("the page is\n%s", page)
	}
}

func TestMailboxWithoutMails(t *testing.T) {
	w := get(t, filepath.Join(t.TempDir(), "missing"), "/mailbox", "[::1]:5", "localhost:8080")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "No mails yet.") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOnlyThisMachineSeesMails(t *testing.T) {
	folder := t.TempDir()
	name := write(t, folder, 1, "your code", "12345678", "12345678")
	for _, tt := range []struct {
		remote, host, header string
		want                 int
	}{
		{"127.0.0.1:5", "127.0.0.1:8080", "", 200},
		{"127.3.2.1:5", "localhost:8080", "", 200},
		{"127.0.0.1:5", "localhost", "", 200},
		{"127.0.0.1:5", "notes.localhost:8080", "", 200},
		{"[::1]:5", "[::1]:8080", "", 200},
		{"[::ffff:127.0.0.1]:5", "[::1]", "", 200},
		{"192.0.2.1:5", "127.0.0.1:8080", "", 404},
		{"10.0.0.1:5", "localhost", "", 404},
		{"127.0.0.1:5", "evil.example", "", 404},
		{"127.0.0.1:5", "localhost.evil.example:8080", "", 404},
		{"127.0.0.1:5", "127.0.0.1.evil.example", "", 404},
		{"127.0.0.1:5", "192.0.2.1:8080", "", 404},
		{"127.0.0.1:5", "127.0.0.1:8080", "X-Forwarded-For", 404},
		{"127.0.0.1:5", "127.0.0.1:8080", "Forwarded", 404},
		{"127.0.0.1:5", "127.0.0.1:8080", "Via", 404},
		{"127.0.0.1:5", "127.0.0.1:8080", "X-Real-Ip", 404},
	} {
		for _, path := range []string{"/mailbox", "/mailbox/" + name} {
			headers := []string{}
			if tt.header != "" {
				headers = []string{tt.header, "127.0.0.1"}
			}
			w := get(t, folder, path, tt.remote, tt.host, headers...)
			if w.Code != tt.want || (tt.want == 404 && strings.Contains(w.Body.String(), "code")) {
				t.Errorf("%s from %s to %s with %q = %d, want %d", path, tt.remote, tt.host, tt.header, w.Code, tt.want)
			}
		}
	}
}

func TestPathsOutsideOfTheMailbox(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(filepath.Dir(folder), "key.pem"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "..%2fkey.pem", "%2e%2e%2fkey.pem", "..", "key.pem", "%00", "20270101T120001.000000Z-..%2f..%2fkey.eml"} {
		if w := get(t, folder, "/mailbox/"+name, "127.0.0.1:5", "localhost"); w.Code != http.StatusNotFound {
			t.Errorf("%s = %d %s", name, w.Code, w.Body)
		}
	}
}

func TestXSS_Mails(t *testing.T) {
	folder := t.TempDir()
	const script = `"><script>alert(1)</script>`
	name := write(t, folder, 1, script, script+" javascript:alert(1) https://example.com/a#b/1. https://x\"onclick=alert(1)", `<html><head></head>`+script+`</html>`)
	for _, path := range []string{"/mailbox", "/mailbox/" + name} {
		w := get(t, folder, path, "127.0.0.1:5", "localhost")
		page := w.Body.String()
		if w.Code != http.StatusOK || strings.Contains(page, "<script") || strings.Contains(page, `href="javascript:`) || strings.Contains(page, `"onclick`) {
			t.Errorf("%s = %d\n%s", path, w.Code, page)
		}
		if csp := w.Header().Get("Content-Security-Policy"); csp != policy {
			t.Errorf("%s has the policy %q", path, csp)
		}
	}
	page := get(t, folder, "/mailbox/"+name, "127.0.0.1:5", "localhost").Body.String()
	for _, want := range []string{`<a href="https://example.com/a#b/1">`, `sandbox="allow-popups allow-popups-to-escape-sandbox" srcdoc="&lt;html&gt;&lt;head&gt;&lt;base target=`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s\n%s", want, page)
		}
	}
}
