package doctor_test

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/doctor"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

const notes = `ashlar: 1
name: notes
accounts: {signup: open, mail: {from: Notes <no-reply@example.com>}}
tables:
  notes:
    fields: {text: {type: text}}
    access: {read: auth.id != null}
`

// A patient is a deployment with an app that has served before.
type patient struct {
	doctor.Deployment
	dir string
}

func load(t *testing.T, model string) *app.Loaded {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(model), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := app.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// admit makes the database of an app, with rows in its audit log, and closes it.
func admit(t *testing.T, model, database string) *patient {
	t.Helper()
	loaded := load(t, model)
	p := &patient{dir: loaded.Dir, Deployment: doctor.Deployment{
		Rules: loaded.Rules, Data: app.DefaultData(loaded.Dir), Database: database, Listen: "127.0.0.1:8080", MaxConcurrent: 16, Watch: time.Millisecond,
		Layout: doctor.Layout{Database: "ashlar.db", Key: "signing-key.pem", Secret: "secret-key.pem", Keys: "signing-keys", Queries: "queries.json"},
		System: []system.Fragment{account.Tables, audit.Tables},
	}}
	a := p.open(t)
	for range 3 {
		err := a.Rows.Transact(t.Context(), caller.System("test"), func(tx *record.Tx) error { return a.Audit.Append(tx, audit.Event{Action: "session.ended"}) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *patient) open(t *testing.T) *app.App {
	t.Helper()
	loaded, err := app.Load(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), loaded, app.Config{Database: p.Database})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (p *patient) file(name string) string { return filepath.Join(p.Data, name) }

// exec runs statements on the database as another program would.
func (p *patient) exec(t *testing.T, statements ...string) {
	t.Helper()
	raw, err := lite.OpenConn(p.file("ashlar.db"), lite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range statements {
		stmt, _, err := raw.PrepareTransient(sql)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stmt.Step(); err != nil {
			t.Fatal(err)
		}
		if err := stmt.Finalize(); err != nil {
			t.Fatal(err)
		}
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
}

// number returns the first column of the first row.
func (p *patient) number(t *testing.T, query string) int64 {
	t.Helper()
	raw, err := lite.OpenConn(p.file("ashlar.db"), lite.OpenReadOnly)
	must(t, err)
	stmt, _, err := raw.PrepareTransient(query)
	must(t, err)
	_, err = stmt.Step()
	must(t, err)
	n := stmt.ColumnInt64(0)
	must(t, errors.Join(stmt.Finalize(), raw.Close()))
	return n
}

// copied returns the same deployment in a folder of its own, for a test to spoil.
func (p *patient) copied(t *testing.T) *patient {
	t.Helper()
	clone := &patient{Deployment: p.Deployment, dir: t.TempDir()}
	clone.Data = app.DefaultData(clone.dir)
	must(t, os.CopyFS(clone.dir, os.DirFS(p.dir)))
	must(t, os.MkdirAll(clone.Data, 0o700))
	must(t, filepath.WalkDir(clone.Data, func(path string, entry fs.DirEntry, err error) error {
		mode := fs.FileMode(0o600)
		if entry.IsDir() {
			mode = 0o700
		}
		return errors.Join(err, os.Chmod(path, mode))
	}))
	return clone
}

// has reports whether there is a finding "severity check: … part …".
func has(r *doctor.Report, want string) bool {
	head, part, _ := strings.Cut(want, ": ")
	for _, f := range r.Findings {
		if string(f.Severity)+" "+f.Check == head && strings.Contains(f.What+" "+f.Do, part) {
			return true
		}
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestASoundDeploymentHasNoErrors(t *testing.T) {
	for name, database := range engines(t) {
		t.Run(name, func(t *testing.T) {
			p := admit(t, notes, database)
			for _, f := range doctor.Examine(t.Context(), p.Deployment).Findings {
				onTestServer := strings.Contains(f.What, " = off") || strings.Contains(f.What, "superuser") || f.Check == "disk" // our test servers are quick and dirty
				if f.Severity != doctor.Note && f.Check != "backups" && !onTestServer {
					t.Errorf("found %+v", f)
				}
			}
		})
	}
}

func engines(t *testing.T) map[string]string {
	all := map[string]string{"sqlite": ""}
	if pgtest.Available() {
		all["postgresql"] = pgtest.URL(t)
	}
	return all
}

// Each fault is planted, and found.
// withCertificate gives the server a certificate in files.
func (p *patient) withCertificate(t *testing.T, from, to time.Time) {
	t.Helper()
	dir := t.TempDir()
	p.TLSCert, p.TLSKey = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	pebbletest.WritePair(t, p.TLSCert, p.TLSKey, from, to, "app.example.com")
}

func TestPlantedFaultsAreFound(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	smtp, err := mail.ParseServer("smtp://" + closed.Addr().String())
	must(t, err)
	site := httptest.NewTLSServer(nil)
	t.Cleanup(site.Close)
	roots := x509.NewCertPool()
	roots.AddCert(site.Certificate())
	ends := site.Certificate().NotAfter

	withProvider := strings.Replace(notes, "{signup: open,", "{signup: open, providers: {google: {client_id: $DOCTOR_ID, client_secret: 'file:/none/secret'}},", 1)
	sound, reports := map[string]*patient{}, map[string]*doctor.Report{} // by model
	folders := t                                                         // outlives each subtest
	admitted := func(model string) *patient {
		if model == withProvider { // cannot be opened without its settings
			loaded := load(folders, model)
			return &patient{dir: loaded.Dir, Deployment: doctor.Deployment{Rules: loaded.Rules, Data: filepath.Join(loaded.Dir, "none"), Watch: time.Millisecond}}
		}
		return admit(folders, model, "")
	}
	for _, tt := range []struct {
		name  string
		model string
		spoil func(t *testing.T, p *patient)
		want  string
	}{
		{"variable that is not set", withProvider, nil, "error settings: the environment variable DOCTOR_ID is not set"},
		{"file that is not there", withProvider, nil, "error settings: cannot read the file"},
		{"open folder", "", func(t *testing.T, p *patient) { must(t, os.Chmod(p.Data, 0o755)) }, "error files: Other users may look into the data folder"},
		{"open key", "", func(t *testing.T, p *patient) { must(t, os.Chmod(p.file("signing-key.pem"), 0o644)) }, "error files: run `ashlar rotate` and delete it"},
		{"open secret", "", func(t *testing.T, p *patient) { must(t, os.Chmod(p.file("secret-key.pem"), 0o640)) }, "error files: end all sessions"},
		{"open database", "", func(t *testing.T, p *patient) { must(t, os.Chmod(p.file("ashlar.db"), 0o666)) }, "error files: ashlar.db (mode 0666)"},
		{"link", "", func(t *testing.T, p *patient) { must(t, os.Symlink("/elsewhere", p.file("linked"))) }, "warning files: is a symbolic link"},
		{"time in the future", "", func(t *testing.T, p *patient) {
			must(t, os.Chtimes(p.file("ashlar.db"), time.Now(), time.Now().Add(time.Hour)))
		}, "warning files: in the future"},
		{"no data folder", "", func(t *testing.T, p *patient) { p.Data = filepath.Join(t.TempDir(), "none") }, "note files: There is no data folder yet"},
		{"data folder that is a file", "", func(_ *testing.T, p *patient) { p.Data = filepath.Join(p.dir, "ashlar.yaml") }, "error files: is a file"},
		{"no signing key", "", func(t *testing.T, p *patient) { must(t, os.Remove(p.file("signing-key.pem"))) }, "error keys: no signing key"},
		{"no secret key", "", func(t *testing.T, p *patient) { must(t, os.Remove(p.file("secret-key.pem"))) }, "warning keys: has no secret-key.pem"},
		{"old key", "", func(t *testing.T, p *patient) {
			must(t, os.Chtimes(p.file("signing-key.pem"), time.Now(), time.Now().Add(-500*24*time.Hour)))
		}, "warning keys: 500 days old"},
		{"clock of the past", "", func(_ *testing.T, p *patient) { p.Now = func() time.Time { return time.Unix(0, 0) } }, "error clock: says 1970"},
		{"many requests", "", func(_ *testing.T, p *patient) { p.MaxConcurrent = 1 << 30 }, "warning limits: --max-concurrent is 1073741824"},
		{"damaged page", "", func(t *testing.T, p *patient) {
			f, err := os.OpenFile(p.file("ashlar.db"), os.O_RDWR, 0)
			must(t, err)
			_, err = f.WriteAt([]byte(strings.Repeat("\xa5", 600)), (p.number(t, "SELECT rootpage FROM sqlite_schema WHERE name = 'ashlar_audit'")-1)*4096)
			must(t, errors.Join(err, f.Close()))
		}, "error sqlite: The database is damaged"},
		{"no database at all", "", func(t *testing.T, p *patient) {
			must(t, os.WriteFile(p.file("ashlar.db"), []byte(strings.Repeat("no database. ", 1000)), 0o600))
		}, "error sqlite: cannot be opened"},
		{"database of another program", "", func(t *testing.T, p *patient) { p.exec(t, "PRAGMA application_id = 7") }, "error sqlite: belongs to another program"},
		{"changed audit log", "", func(t *testing.T, p *patient) { p.exec(t, `UPDATE ashlar_audit SET account = 'forged' WHERE id = 2`) }, "error sqlite: row 2 of the audit log"},
		{"removed audit row", "", func(t *testing.T, p *patient) { p.exec(t, `DELETE FROM ashlar_audit WHERE id = 3`) }, "error sqlite: The audit log was changed"},
		{"other tables", "", func(t *testing.T, p *patient) {
			p.Rules = load(t, strings.Replace(notes, "text: {type: text}", "text: {type: text}, more: {type: text, optional: true}", 1)).Rules
		}, "warning sqlite: The tables are not those of the model"},
		{"interrupted change", "", func(t *testing.T, p *patient) { p.exec(t, `UPDATE ashlar_migrations SET state = 'preparing'`) }, "error sqlite: A change of the tables was interrupted"},
		{"public address in the clear", "", func(_ *testing.T, p *patient) { p.URL = "http://notes.example.com" }, "error address: not encrypted"},
		{"no public address", "", func(_ *testing.T, p *patient) { p.Listen = ":8080" }, "error address: No public address is set"},
		{"page in the clear", "", func(_ *testing.T, p *patient) { p.CORS = []string{"http://app.example.com"} }, "warning address: http://app.example.com may read answers"},
		{"untrusted proxy", "", func(_ *testing.T, p *patient) { p.URL, p.Roots = site.URL, roots }, "warning proxies: no proxy is trusted"},
		{"trusted internet", "", func(_ *testing.T, p *patient) {
			p.Proxies = []netip.Prefix{netip.MustParsePrefix("16.0.0.0/4")}
		}, "warning proxies: choose their own address"},
		{"unknown authority", "", func(_ *testing.T, p *patient) { p.URL = site.URL }, "error certificate: is refused"},
		{"expired certificate", "", func(_ *testing.T, p *patient) {
			p.URL, p.Roots, p.Now = site.URL, roots, func() time.Time { return ends.Add(time.Hour) }
		}, "error certificate: has expired"},
		{"certificate that ends soon", "", func(_ *testing.T, p *patient) {
			p.URL, p.Roots, p.Now = site.URL, roots, func() time.Time { return ends.Add(-73 * time.Hour) }
		}, "warning certificate: ends in 3 days"},
		{"site out of reach", "", func(_ *testing.T, p *patient) { p.URL = "https://" + closed.Addr().String() }, "note certificate: could not be reached"},
		{"certificate file that is not there", "", func(_ *testing.T, p *patient) { p.TLSCert, p.TLSKey = "/none/tls.crt", "/none/tls.key" }, "error tls: would not start with its certificate"},
		{"certificate file that has expired", "", func(t *testing.T, p *patient) {
			p.withCertificate(t, time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
		}, "error tls: has expired"},
		{"certificate file that ends soon", "", func(t *testing.T, p *patient) {
			p.withCertificate(t, time.Now().Add(-80*24*time.Hour), time.Now().Add(10*24*time.Hour))
		}, "warning tls: ends on"},
		{"open key of a certificate", "", func(t *testing.T, p *patient) {
			p.withCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(90*24*time.Hour))
			must(t, os.Chmod(p.TLSKey, 0o644))
		}, "warning tls: not secret"},
		{"certificate that was never ordered", "", func(_ *testing.T, p *patient) {
			p.ACME, p.ACMEDirectory = []string{"app.example.com"}, "https://authority.example/dir"
		}, "note sqlite: There is no certificate for app.example.com yet"},
		{"no mail server", "", func(_ *testing.T, p *patient) { p.Listen, p.URL = ":8080", "https://"+closed.Addr().String() }, "error mail: reach nobody"},
		{"mail server out of reach", "", func(_ *testing.T, p *patient) { p.SMTP = smtp }, "error mail: does not take mails"},
		{"mails from nobody", strings.Replace(notes, ", mail: {from: Notes <no-reply@example.com>}", "", 1), func(_ *testing.T, p *patient) { p.SMTP = smtp }, "warning mail: no-reply@localhost"},
		{"no backups", "", nil, "warning backups: no backups"},
		{"open personal data", strings.Replace(notes, "text: {type: text}}\n    access: {read: auth.id != null}", "phone: {type: text}}\n    access: {read: true}", 1), nil, "warning exposure: Everybody may read phone of notes"},
		{"open writes", strings.Replace(notes, "read: auth.id != null", "read: true, create: true", 1), nil, "warning exposure: Everybody may create rows of notes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			model := tt.model
			if model == "" {
				model = notes
			}
			if sound[model] == nil {
				sound[model] = admitted(model)
				reports[model] = doctor.Examine(t.Context(), sound[model].Deployment)
			}
			if tt.spoil != nil && has(reports[model], tt.want) {
				t.Fatal("it is found before it is there")
			}
			p := sound[model].copied(t)
			if tt.spoil != nil {
				tt.spoil(t, p)
			}
			report := doctor.Examine(t.Context(), p.Deployment)
			if !has(report, tt.want) {
				t.Errorf("not found: %s\n%+v", tt.want, report.Findings)
			}
			if severity, _, _ := strings.Cut(tt.want, " "); severity == "error" && !report.Failed() {
				t.Error("the report does not count as failed")
			}
		})
	}
}

func TestFaultsOnPostgreSQLAreFound(t *testing.T) {
	p := admit(t, notes, pgtest.URL(t))
	p.Rules = load(t, strings.Replace(notes, "text: {type: text}", "text: {type: text}, more: {type: text, optional: true}", 1)).Rules
	if r := doctor.Examine(t.Context(), p.Deployment); !has(r, "warning postgresql: The tables are not those of the model") || !has(r, "warning backups: pgBackRest") {
		t.Errorf("found %+v", r.Findings)
	}
	p.Data = t.TempDir()
	if r := doctor.Examine(t.Context(), p.Deployment); !has(r, "warning keys: Copy the keys of the other servers") {
		t.Errorf("found %+v", r.Findings)
	}
	p.Database = "postgres://nobody:hushhush@127.0.0.1:1/none"
	r := doctor.Examine(t.Context(), p.Deployment)
	if !has(r, "error postgresql: cannot be reached") || strings.Contains(fmt.Sprint(r), "hushhush") {
		t.Errorf("found %+v", r.Findings)
	}
	p.Database = pgtest.URL(t)
	if r := doctor.Examine(t.Context(), p.Deployment); !has(r, "note postgresql: The first start of a server makes its tables") {
		t.Errorf("found %+v", r.Findings)
	}
}

// contents tells everything about a folder that could change.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		sum := "folder"
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = fmt.Sprintf("%x", sha256.Sum256(data))
		}
		all[path] = fmt.Sprint(info.Mode(), info.ModTime(), sum)
		return nil
	}))
	return all
}

func TestExaminationsChangeNothing(t *testing.T) {
	closed := admit(t, notes, "")
	must(t, os.Chmod(closed.file("ashlar.db"), 0o644)) // a server would mend it
	none := &patient{Deployment: closed.Deployment, dir: t.TempDir()}
	none.Data = app.DefaultData(none.dir)

	// A folder as a killed server leaves it.
	served := admit(t, notes, "")
	a := served.open(t)
	t.Cleanup(func() { must(t, a.Close()) })
	must(t, a.Store.TryWrite(t.Context()))
	killed := served.copied(t)
	must(t, os.Remove(killed.file("ashlar.db-shm")))
	must(t, os.Remove(killed.file("lock")))

	for _, tt := range []struct {
		name string
		p    *patient
		want string
	}{
		{"closed database", closed, "error files: ashlar.db (mode 0644)"},
		{"no database", none, "note sqlite: There is no database yet."},
		{"killed server", killed, "note sqlite: ended without closing the database"},
	} {
		before := contents(t, tt.p.dir)
		report := doctor.Examine(t.Context(), tt.p.Deployment)
		if d := cmp.Diff(before, contents(t, tt.p.dir)); d != "" {
			t.Errorf("%s: the folder has changed (-before +after):\n%s", tt.name, d)
		}
		if !has(report, tt.want) || has(report, "error sqlite: ") {
			t.Errorf("%s: found %+v, want %s", tt.name, report.Findings, tt.want)
		}
	}
	if r := doctor.Examine(t.Context(), served.Deployment); r.Failed() && has(r, "error sqlite: ") {
		t.Errorf("beside a server: %+v", r.Findings)
	}
	must(t, a.Store.TryWrite(t.Context())) // the server goes on
}

func TestAnonymousListsWhatTheRulesOpen(t *testing.T) {
	rules := load(t, `ashlar: 1
name: forum
tables:
  posts:
    fields:
      author: {ref: users, default: auth.id}
      title: {type: text}
      draft: {type: bool, default: false}
      email: {type: text, read: auth.id == author_id}
      phone: {type: text, read: "!draft"}
    access: {read: "!draft", create: auth.id != null, update: auth.id == author_id, delete: false}
  hidden: {fields: {text: {type: text}}, access: {read: "'staff' in auth.roles"}}
  closed: {fields: {text: {type: text}}}
  later: {fields: {at: {type: timestamp}}, access: {read: at < now}}
  inbox: {fields: {text: {type: text}}, access: {create: auth.kind == 'anonymous'}}
roles: [staff]
`).Rules
	want := []doctor.Exposure{
		{Table: "posts", Operations: []string{"read"}, Some: true, Fields: []string{"author", "title", "draft"}, SomeFields: []string{"phone"}, Personal: []string{"phone"}},
		{Table: "later", Operations: []string{"read"}, Some: true, Fields: []string{"at"}},
		{Table: "inbox", Operations: []string{"create"}},
	}
	if d := cmp.Diff(want, doctor.Anonymous(rules)); d != "" {
		t.Errorf("Anonymous (-want +got):\n%s", d)
	}
}
