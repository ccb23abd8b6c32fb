package mail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestFilesAreReadAsTheyWereSent(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "mail")
	for i, html := range []string{"<p>Größe = \"1\" &amp; more\n" + fmt.Sprintf("%0200d", 7), ""} {
		m := letterOf(t)
		m.text, m.html, m.at = "Hello Ü\n.\nfoo  \n", html, m.at.Add(time.Duration(i)*time.Second)
		if err := Files(folder).send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	box := OpenMailbox(folder)
	all, err := box.List(10)
	if err != nil || len(all) != 2 || !all[0].At.After(all[1].At) {
		t.Fatalf("List = %v, %v, want the newest first", all, err)
	}
	if few, err := box.List(1); err != nil || len(few) != 1 || few[0] != all[0] {
		t.Errorf("List(1) = %v, %v", few, err)
	}
	m := letterOf(t)
	want := Mail{
		Envelope: Envelope{Name: all[1].Name, From: `"Careers" <no-reply@example.com>`, To: "<ada@example.com>", Subject: "Grüße", At: all[1].At},
		Text:     "Hello Ü\n.\nfoo  \n", HTML: "<p>Größe = \"1\" &amp; more\n" + fmt.Sprintf("%0200d", 7),
	}
	got, err := box.Read(all[1].Name)
	if diff := cmp.Diff(want, got); err != nil || diff != "" || !all[1].At.Equal(m.at) {
		t.Errorf("Read (-want +got), %v:\n%s", err, diff)
	}
	if got, err := box.Read(all[0].Name); err != nil || got.HTML != "" || got.Text != want.Text {
		t.Errorf("a mail of text alone is %+v, %v", got, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, mode := range map[string]os.FileMode{folder: 0o700 | os.ModeDir, filepath.Join(folder, all[0].Name): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s has the mode %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
}

func TestFolderKeepsTheNewest(t *testing.T) {
	folder := t.TempDir()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	name := func(i int) string {
		return start.Add(time.Duration(i)*time.Second).Format("20060102T150405.000000Z") + "-018f0000-0000-7000-8000-0000000000a1.eml"
	}
	for i := range maxFiles + 5 {
		if err := os.WriteFile(filepath.Join(folder, name(i)), []byte("Subject: x\r\n\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := letterOf(t)
	m.at = start.Add(time.Hour)
	if err := Files(folder).send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	names, err := mailFiles(folder)
	if err != nil || len(names) != maxFiles || names[maxFiles-1] != name(6) {
		t.Errorf("%d files are left, the oldest %s, %v", len(names), names[len(names)-1], err)
	}
	if _, err := os.Stat(filepath.Join(folder, "notes.txt")); err != nil {
		t.Errorf("a file of somebody else is gone: %v", err)
	}
}

// Names of files come from a URL later.
func TestMailboxStaysInItsFolder(t *testing.T) {
	parent := t.TempDir()
	folder := filepath.Join(parent, "mail")
	secret := "20260101T000000.000000Z-018f0000-0000-7000-8000-0000000000a1.eml"
	if err := os.WriteFile(filepath.Join(parent, secret), []byte("Subject: secret\r\nContent-Type: text/plain\r\n\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	box := OpenMailbox(folder)
	if all, err := box.List(10); len(all) > 0 || err != nil {
		t.Errorf("a missing folder has %v, %v", all, err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("..", secret), filepath.Join(folder, secret)); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"", ".", "..", "../" + secret, secret + "/..", "/" + secret, "x.eml", "..\\" + secret, secret + "\x00"} {
		if m, err := box.Read(name); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Read(%q) = %v, %v", name, m, err)
		}
	}
	if m, err := box.Read(secret); err == nil {
		t.Errorf("Read followed a link out of the folder: %v", m)
	}
	if all, err := box.List(10); len(all) > 0 || err != nil {
		t.Errorf("List = %v, %v", all, err)
	}
}

func FuzzReadMail(f *testing.F) {
	var seed bytes.Buffer
	if err := letterOf(f).writeTo(&seed); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	f.Add([]byte("Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--x--"))
	f.Fuzz(func(t *testing.T, text []byte) {

		m, err := readMail(bytes.NewReader(text))
		if err == nil && len(m.Text)+len(m.HTML) > 3*len(text) {
			t.Errorf("%d bytes became %d", len(text), len(m.Text)+len(m.HTML))
		}
	})
}
