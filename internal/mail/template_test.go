package mail

import (
	"bytes"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustFrom(t testing.TB, text string) From {
	t.Helper()
	from, err := ParseFrom(text)
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// templates returns the templates of an app with files in the folder mail.
func templates(t testing.TB, files map[string]string) *Templates {
	t.Helper()
	folder := fstest.MapFS{}
	for name, text := range files {
		folder["mail/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	all, err := NewTemplates(TemplateConfig{App: "Careers", Public: "https://app.example.com/", From: mustFrom(t, "Careers <no-reply@example.com>"), Files: folder, Folder: "mail"})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func mustRender(t testing.TB, all *Templates, message Message, wanted string) *outgoing {
	t.Helper()
	m, err := all.render(message, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEmbeddedTemplatesShowTheirData(t *testing.T) {
	all := templates(t, nil)
	for _, kind := range kinds {
		message := Message{Template: kind, To: "ada@example.com", Data: Data{
			Name: "Ada", By: "Grace", Code: "12345678", Path: "/account/verify?x=1#token", Minutes: 10, Change: "device", Device: "Firefox", Address: "192.0.2.1",
			At:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Alert: Alert{Severity: "page", Summary: "api: 60 of 3550 requests failed in 1h", Firing: true, Details: []string{"burn rate: 16.9", "bad\r\n: 60"}},
		}}
		m := mustRender(t, all, message, "")
		wanted := []string{"Hello Ada", "Careers", "https://app.example.com/account/verify?x=1#token"}
		switch kind {
		case "verify", "sign-in", "reset":
			wanted = append(wanted, "12345678", "10 minutes")
		case "invite":
			wanted = append(wanted, "12345678", "Grace invites you")
		case "changed":
			wanted = append(wanted, "2026-01-02 03:04 UTC", "Firefox", "192.0.2.1")
		case "alert":
			wanted = []string{"Careers", "api: 60 of 3550 requests failed in 1h", "2026-01-02 03:04 UTC", "burn rate: 16.9", "bad : 60", "You get another mail"}
			if m.subject != "[page] Careers: api: 60 of 3550 requests failed in 1h" {
				t.Errorf("subject = %q", m.subject)
			}
		case "endpoint":
			wanted = []string{"Careers", "api: 60 of 3550 requests failed in 1h", "burn rate: 16.9", "bad : 60"}
		}
		for _, want := range wanted {
			if !strings.Contains(m.text, want) || !strings.Contains(m.html, want) {
				t.Errorf("%s does not show %q:\n%s\n%s", kind, want, m.text, m.html)
			}
		}
		if m.subject == "" || strings.Contains(m.text, m.subject+"\n\nHello") || strings.Contains(m.text+m.html, "<no value>") {
			t.Errorf("%s has the subject %q and the text\n%s", kind, m.subject, m.text)
		}
	}
}

func TestOwnSubjectWins(t *testing.T) {
	m := mustRender(t, templates(t, nil), Message{Template: "known", Subject: "Hello\r\nBcc: eve@example.com"}, "")
	if m.subject != "Hello Bcc: eve@example.com" {
		t.Errorf("subject = %q", m.subject)
	}
}

func TestLanguageOrder(t *testing.T) {
	all := templates(t, map[string]string{
		"known.de.txt": "de\n", "known.pt-BR.txt": "pt-BR\n", "known.fr.txt": "fr\n",
		"changed.txt": "own\n", "changed.de.txt": "de\n",
	})
	for _, tt := range []struct{ kind, wanted, want string }{
		{"known", "", "You already"},
		{"known", "de", "de"},
		{"known", "de-AT,de;q=0.9,en;q=0.8", "de"},
		{"known", "pt-BR", "pt-BR"},
		{"known", "pt-PT", "You already"},
		{"known", "en-US,en;q=0.9,de;q=0.8", "You already"},
		{"known", "fr;q=0.5,de;q=0.9", "de"},
		{"known", "it,fr", "fr"},
		{"known", "*", "You already"},
		{"known", "nonsense;;;q=x", "You already"},
		{"known", strings.Repeat("xx-", 5000), "You already"},
		{"changed", "de", "de"},
		{"changed", "en", "own"}, // the app has replaced the embedded one
		{"changed", "it", "own"},
	} {
		if m := mustRender(t, all, Message{Template: tt.kind}, tt.wanted); !strings.HasPrefix(m.subject, tt.want) {
			t.Errorf("%s in %.40q has the subject %q, want %q", tt.kind, tt.wanted, m.subject, tt.want)
		}
	}
}

func TestUserTextIsEscaped(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"<script>alert(1)", "&lt;script&gt;alert(1)"},
		{`"><img src=x onerror=alert(1)>`, "&#34;&gt;&lt;img"},
		{"Ada & Söhne", "Ada &amp; Söhne"},
		{"A\r\n\r\nB\u202eC\x00", "Hello A BC"},
		{"win at evil.example", "Hello,"},
		{"https://evil", "Hello,"},
		{"write to eve@evil", "Hello,"},
		{"www\\evil", "Hello,"},
		{"J. R. Smith", "Hello J. R. Smith,"},
		{strings.Repeat("x", 500), strings.Repeat("x", 64) + "…,"},
	} {
		m := mustRender(t, templates(t, nil), Message{Template: "verify", Data: Data{Name: tt.name, Code: "1", Path: "/"}}, "")
		if !strings.Contains(m.html, tt.want) {
			t.Errorf("the name %q: want %q in\n%s", tt.name, tt.want, m.html)
		}
		if strings.Contains(m.html, "<script") || strings.Contains(m.html, "<img") {
			t.Errorf("the name %q is markup in\n%s", tt.name, m.html)
		}
	}
}

func TestNameOfTheAppIsEscaped(t *testing.T) {
	all, err := NewTemplates(TemplateConfig{App: "<b>A</b>\r\nBcc: x", Public: "https://a.example", From: mustFrom(t, "a@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	m := mustRender(t, all, Message{Template: "known"}, "")
	if strings.Contains(m.html, "<b>") || strings.ContainsAny(m.subject, "\r\n") {
		t.Errorf("subject %q\n%s", m.subject, m.html)
	}
}

// Links begin with the configured URL, whatever a composer passes on.
func TestLinksStayOnThePublicURL(t *testing.T) {
	all := templates(t, nil)
	for path, want := range map[string]string{
		"/account/verify#abc": "https://app.example.com/account/verify#abc",
		"/":                   "https://app.example.com/",
		"//evil.example/x":    "",
		"https://evil/x":      "",
		"/\\evil":             "",
		"@evil.example":       "",
		"account":             "",
		"/a b":                "",
		"/a\r\nBcc: x":        "",
		"javascript:alert(1)": "",
		"/%zz":                "",
	} {
		got, err := all.link(path)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("link(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
	for _, public := range []string{"", "app.example.com", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example?x=1", "https://a.example#x"} {
		if _, err := NewTemplates(TemplateConfig{App: "a", Public: public}); err == nil {
			t.Errorf("the public URL %q was accepted", public)
		}
	}
	if all, err := NewTemplates(TemplateConfig{App: "a", Public: "https://a.example/app/"}); err != nil || all.public.String() != "https://a.example/app" {
		t.Errorf("a public URL with a path: %v", err)
	}
}

func TestCheckNamesFileAndLine(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"sound", map[string]string{"verify.de.txt": "Code {{.Code}}\n\n{{.Link}}\n", "verify.de.html": "<a href=\"{{.Link}}\">x</a>", "README.md": "{{"}, nil},
		{"syntax of text", map[string]string{"known.txt": "Hello\n\n{{.Name}\n"}, []string{`mail/known.txt:3:1: bad character U+007D '}'`}},
		{"syntax of HTML", map[string]string{"known.txt": "Hello\n", "known.html": "<p>\n{{if .Name}}"}, []string{`mail/known.html:2:1: unexpected EOF`}},
		{"unknown field", map[string]string{"known.de.txt": "Hello\n\n{{.Nmae}}\n"}, []string{`mail/known.de.txt:3:3: executing "known.de.txt" at <.Nmae>: can't evaluate field Nmae`}},
		{"unknown field in HTML", map[string]string{"known.txt": "Hello\n", "known.html": "\n\n  {{.Password}}"}, []string{`mail/known.html:3:5: executing "known.html" at <.Password>: can't evaluate field Password`}},
		{"unknown field in a branch", map[string]string{"changed.txt": "Hello\n{{if eq .Change \"factor\"}}{{.Oops}}{{end}}"}, []string{`mail/changed.txt:2:29: executing "changed.txt" at <.Oops>: can't evaluate field Oops`}},
		{"unknown function", map[string]string{"known.txt": "Hello\n{{env \"HOME\"}}"}, []string{`mail/known.txt:2:1: function "env" not defined`}},
		{"unsafe HTML", map[string]string{"known.txt": "Hello\n", "known.html": "<a href={{if .Link}}\"{{.Link}}{{end}}"}, []string{`mail/known.html:1:`}},
		{"no such mail", map[string]string{"verfy.txt": "Hello\n"}, []string{"mail/verfy.txt:1:1: there is no mail called verfy; did you mean verify?"}},
		{"no such language", map[string]string{"known.deutsch.txt": "Hello\n"}, []string{"mail/known.deutsch.txt:1:1: deutsch is no language"}},
		{"no text", map[string]string{"known.de.html": "<p>Hello"}, []string{"mail/known.de.html:1:1: known.de.txt is missing"}},
		{"no subject", map[string]string{"known.txt": "\nHello\n"}, []string{"mail/known.txt:1:1: the first line is the subject, and it is empty"}},
		{"subject empty in a branch", map[string]string{"changed.txt": "{{if eq .Change \"password\"}}Hello{{end}}\n\nText"}, []string{"mail/changed.txt:1:1: the first line is the subject, and it is empty"}},
		{"no proof", map[string]string{"verify.txt": "Hello\n\nText\n", "reset.txt": "Code {{.Code}}\n\nText {{.Code}}", "reset.html": "<p>Hello"}, []string{"mail/reset.html:1:1: the mail shows neither", "mail/verify.txt:1:1: the mail shows neither"}},
		{"too large", map[string]string{"known.txt": strings.Repeat("x", maxTemplate+1)}, []string{"mail/known.txt:1:1: a mail template has at most"}},
		{"several", map[string]string{"known.txt": "a\n{{.A}}", "verfy.txt": "x"}, []string{"mail/known.txt:2:3", "mail/verfy.txt:1:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := fstest.MapFS{}
			for name, text := range tt.files {
				folder["mail/"+name] = &fstest.MapFile{Data: []byte(text)}
			}
			faults, _ := Check(folder, "mail", nil)
			if len(faults) != len(tt.want) {
				t.Fatalf("Check = %v, want %d faults", faults, len(tt.want))
			}
			for i, fault := range faults {
				if got := fault.Pos.String() + ": " + fault.Message; !strings.HasPrefix(got, tt.want[i]) {
					t.Errorf("fault %d is %q, want %q", i, got, tt.want[i])
				}
			}
			if _, err := NewTemplates(TemplateConfig{App: "a", Public: "https://a.example", Files: folder, Folder: "mail"}); (err != nil) != (len(tt.want) > 0) {
				t.Errorf("NewTemplates = %v", err)
			}
		})
	}
	if faults, _ := Check(fstest.MapFS{}, "mail", nil); len(faults) > 0 {
		t.Errorf("a missing folder has faults: %v", faults)
	}
}

func TestFaultsShowTheirLine(t *testing.T) {
	faults, _ := Check(fstest.MapFS{"mail/known.txt": {Data: []byte("Hello\n\nDear {{.Nmae}}\n")}}, "mail", nil)
	want := "mail/known.txt:3:8: executing \"known.txt\" at <.Nmae>: can't evaluate field Nmae\n  Dear {{.Nmae}}\n         ^"
	if diff := cmp.Diff(want, faults.Error()); diff != "" {
		t.Errorf("fault (-want +got):\n%s", diff)
	}
}

// No text from outside can add a header or a second recipient.
func FuzzHeadersCannotBeInjected(f *testing.F) {
	f.Add("Ada\r\nBcc: eve@example.com", "ada@example.com", "Hello\nX-Evil: 1", "Careers\r\n\r\nbody")
	f.Add("\u2028Bcc: x", "ada@example.com\r\nBcc: eve@example.com", "=?utf-8?q?=0d=0aBcc:_x?=", "\x00")
	f.Add("", "<ada@example.com>, eve@example.com", strings.Repeat("é", 300), "a")
	known := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	parsed := templates(f, nil)
	f.Fuzz(func(t *testing.T, name, to, subject, app string) {
		all := *parsed
		all.app = OneLine(app, maxName) // as NewTemplates does
		for _, message := range []Message{{Template: "verify", To: to, Data: Data{Name: name, Code: name, By: name}}, {Template: "known", To: to, Subject: subject}} {
			m := mustRender(t, &all, message, name)
			m.id, m.at = "018f0000-0000-7000-8000-0000000000a1", time.Unix(1e9, 0)
			var text bytes.Buffer
			if err := m.writeTo(&text); err != nil {
				if CheckAddress(to) == nil {
					t.Fatalf("a mail to %q: %v", to, err)
				}
				continue
			}
			read, err := mail.ReadMessage(&text)
			if err != nil {
				t.Fatalf("the mail cannot be read: %v\n%s", err, &text)
			}
			for header, values := range read.Header {
				if !slices.Contains(known, header) || len(values) != 1 {
					t.Errorf("header %s: %q", header, values)
				}
			}
			if addresses, err := read.Header.AddressList("To"); err != nil || len(addresses) != 1 || addresses[0].Address != to {
				t.Errorf("To is %v, %v, want %q", addresses, err, to)
			}
			if m.html == "" || strings.Contains(m.html, "<script") {
				t.Errorf("HTML:\n%s", m.html)
			}
		}
	})
}
