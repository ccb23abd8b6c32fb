package faults

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	lite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
)

const shop = `
ashlar: 1
name: shop
tables:
  orders:
    key: int
    indexes: [[tag]]
    fields:
      body: {type: text, max: 100000}
      tag: {type: text, optional: true}
    access: {read: true, write: true}
  carts:
    key: int
    fields: {body: {type: text}}
    access: {read: true, write: true}
operate:
  slos:
    api: {available: 99.9, fast: {share: 99, below: 100ms}}
  logs: {slow: 100ms}
  alerts: {to: [{webhook: $ALERT_URL}]}
`

// shopping is what clients of the shop do.
func shopping(w *world) {
	w.send(w.somebody(), "GET", "/api/orders?limit=5", "")
	w.send(w.somebody(), "GET", "/api/carts?limit=5", "")
	w.send(w.somebody(), "GET", byTag("blue"), "")
	w.send(w.somebody(), "POST", "/api/carts", `{"body": "a book"}`)
}

func byTag(tag string) string {
	return "/api/orders?limit=5&filter=" + url.QueryEscape("tag == arg.t") + "&arg.t=" + tag
}

func contains(text string) string {
	return "/api/orders?limit=5&filter=" + url.QueryEscape("body.contains(arg.t)") + "&arg.t=" + text
}

// fill gives the shop many orders.
func fill(w *world) {
	w.stop()
	w.sqlite(`WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
INSERT INTO orders (id, body, tag, created_at, updated_at, _rev) SELECT i, hex(randomblob(100)), 'tag ' || i, 0, 0, 1 FROM n`)
	w.start()
}

// sqlite runs a statement in the database of the app, past the app.
func (w *world) sqlite(sql string) {
	w.t.Helper()
	conn, err := lite.OpenConn(filepath.Join(w.cfg.Data, "ashlar.db"), lite.OpenReadWrite)
	if err != nil {
		w.t.Fatal(err)
	}
	conn.SetBusyTimeout(5 * time.Second)
	if err := errors.Join(sqlitex.ExecuteTransient(conn, sql, nil), conn.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// postgres runs statements in the database of the app, past the app.
func (w *world) postgres(sql ...string) *pgx.Conn {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.cfg.Database)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, one := range sql {
		if _, err := conn.Exec(w.t.Context(), one); err != nil {
			w.t.Fatal(err)
		}
	}
	return conn
}

// A fault is one thing that goes wrong, with the words by which a person knows the cause.
type fault struct {
	name  string
	cheap bool // runs in each test run
	cause string
	seed  func(t *testing.T) incident.Report
}

func faults() []fault {
	return []fault{
		{"a bad build", true, `deploy: .*build v1 → v2`, badBuild},
		{"a new model with a slow rule", false, `deploy: model \w+ → \w+`, slowRule},
		{"a missing index", false, `index: .*no index helps|tag == `, missingIndex},
		{"one caller hammers", false, userID(7), hammering},
		{"a lock is held by another process", false, `lock: .*process \d+\) has held the write lock`, lockHeld},
		{"a lock is held by another session", false, `lock: .*night job.* has held a lock on orders`, sessionLock},
		{"the disk is full", false, `disk: The disk of the data folder is full|takes no writes`, diskFull},
		{"the mail server is slow", false, `job: The mails are slow`, slowMail},
		{"PostgreSQL restarts", false, `database: The database (server restarted|does not answer)`, restarted},
		{"the clock steps", true, `clock: The clock jumped forward by 2 h`, clockStep},
		{"a certificate expired", false, `certificate: The certificate of .* expired`, expired},
		{"a migration takes a column away", false, `migration: The tables were changed .*orders`, migration},
		{"one caller writes in bulk", false, userID(7), bulkWrites},
		{"one caller asks costly questions", false, `body\.contains|` + userID(7), costly},
		{"the sign-in provider is away", true, `cannot be reached now|/auth/oidc/`, providerAway},
		{"the pool has one connection", false, `setting: The setting --readers was changed`, onePool},
	}
}

// badBuild: the code of version 2 asks for a table that is not there.
func badBuild(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, nil, shopping)
	w.restart(func() { w.cfg.Version = "v2" })
	w.sqlite(`ALTER TABLE carts RENAME TO carts_of_another_version`)
	return w.incident(func() { shopping(w) })
}

// slowRule: the new model lets everybody read the orders whose texts do not have a word.
func slowRule(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, fill, shopping)
	w.restart(func() {
		w.model = strings.Replace(shop, "access: {read: true, write: true}", "access: {read: \"body.contains('zzz') || body.contains('yyy')\", write: true}", 1)
	})
	return w.incident(func() { w.together(shopping, 2) })
}

func missingIndex(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, fill, shopping)
	conn, err := lite.OpenConn(filepath.Join(w.cfg.Data, "ashlar.db"), lite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	var index string
	err = sqlitex.ExecuteTransient(conn, `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'orders' AND sql LIKE '%tag%'`, &sqlitex.ExecOptions{
		ResultFunc: func(stmt *lite.Stmt) error { index = stmt.ColumnText(0); return nil },
	})
	if err := errors.Join(err, conn.Close()); err != nil || index == "" {
		t.Fatalf("the index is %q, %v", index, err)
	}
	w.sqlite(`DROP INDEX "` + index + `"`)
	return w.incident(func() { w.together(shopping, 6) })
}

func hammering(t *testing.T) incident.Report {
	large := fmt.Sprintf(`{"body": %q}`, strings.Repeat("x", 90_000))
	w := newWorld(t, shop, app.Config{}, func(w *world) { w.many(30, userID(3), "POST", "/api/orders", large) }, shopping)
	return w.incident(func() {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			w.many(60, userID(7), "GET", "/api/orders?limit=50", "")
		}()
		shopping(w)
		<-asked
	})
}

func lockHeld(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, nil, shopping)
	w.holdLock()
	return w.incident(func() {
		w.together(shopping, 4)
	})
}

func sessionLock(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{Database: pgtest.URL(t)}, nil, shopping)
	w.postgres("SET application_name = 'night job'", "BEGIN", "LOCK TABLE orders")
	return w.incident(func() {
		w.together(shopping, 4)
	})
}

// diskFull: the telemetry database is on the full disk too. So the incident is opened after somebody made room.
func diskFull(t *testing.T) incident.Report {
	folder, crowd := smallDisk(t)
	w := newWorld(t, shop, app.Config{Data: filepath.Join(folder, "data")}, nil, shopping)
	room := crowd()
	body := fmt.Sprintf(`{"body": %q}`, strings.Repeat("x", 90_000))
	return w.incident(func() {
		if len(w.app.Objectives.Firing()) > 0 {
			room()
			shopping(w)
			time.Sleep(100 * time.Millisecond) // the incident is tried again every ten seconds
			return
		}
		w.send(w.somebody(), "POST", "/api/orders", body)
		shopping(w)
	})
}

const club = `
ashlar: 1
name: club
accounts:
  signup: open
  password: {}
  providers:
    corp: {issuer: $ISSUER_PLACE, client_id: CLIENT_PLACE, client_secret: $CORP_SECRET}
tables:
  notes:
    fields: {title: {type: text, max: 100}}
    access: {read: true}
operate:
  alerts: {to: [{webhook: $ALERT_URL}]}
`

// clubOf returns the model of a club with a provider.
func clubOf(t *testing.T, provider *oidctest.Provider) string {
	t.Setenv("CORP_SECRET", oidctest.ClientSecret)
	return strings.NewReplacer("$ISSUER_PLACE", provider.Issuer, "CLIENT_PLACE", oidctest.ClientID).Replace(club)
}

func visiting(w *world) {
	w.send("", "GET", "/api/notes?limit=5", "")
	w.send("", "GET", "/auth/oidc/corp", "")
}

func slowMail(t *testing.T) incident.Report {
	server, err := mail.ParseServer("smtp://" + silentServer(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, clubOf(t, oidctest.New(t)), app.Config{SMTP: server}, nil, visiting)
	w.send("", "POST", "/auth/sign-up", `{"email": "ann@example.com", "password": "correct horse battery staple"}`)
	return w.handWhen("People get no codes", "job")
}

// silentServer takes connections and says nothing.
func silentServer(t *testing.T) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		var kept []net.Conn
		for {
			conn, err := ln.Accept()
			if err != nil {
				break
			}
			kept = append(kept, conn)
		}
		for _, conn := range kept {
			_ = conn.Close()
		}
	}()
	return ln.Addr().String()
}

// handWhen opens an incident by hand after the timeline has an event of a kind.
func (w *world) handWhen(title, kind string) incident.Report {
	w.t.Helper()
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(100 * time.Millisecond) {
		w.app.Watch.Look(w.t.Context())
		list, err := w.app.Archive.Events(w.t.Context(), w.now().Add(-time.Hour), w.now().Add(time.Hour), 1, kind)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) > 0 {
			return w.byHand(title)
		}
	}
	w.t.Fatalf("the timeline has no event of kind %s", kind)
	return incident.Report{}
}

func restarted(t *testing.T) incident.Report {
	cluster := pgtest.StartCluster(t)
	w := newWorld(t, shop, app.Config{Database: cluster.URL("postgres")}, nil, shopping)
	if err := cluster.Stop("QUIT"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		shopping(w)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	return w.incident(func() { shopping(w) })
}

func clockStep(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, nil, shopping)
	w.shift.Store(int64(2 * time.Hour))
	shopping(w)
	return w.handWhen("Everybody is signed out", "clock")
}

func expired(t *testing.T) incident.Report {
	proxy := httptest.NewUnstartedServer(http.NotFoundHandler())
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{shortCertificate(t, 3*time.Second)}}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	w := newWorld(t, shop, app.Config{URL: proxy.URL}, nil, shopping)
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(100 * time.Millisecond) {
		if r := w.handWhen("Nobody can open the app", "certificate"); strings.Contains(fmt.Sprint(r.Timeline), "expired") {
			return r
		}
	}
	t.Fatal("the certificate does not expire")
	return incident.Report{}
}

func shortCertificate(t *testing.T, life time.Duration) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// migration: somebody migrates the database to the next model while a server of the former one runs.
func migration(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{Database: pgtest.URL(t)}, nil, shopping)
	dir := t.TempDir()
	next := strings.Replace(strings.Replace(shop, "      tag: {type: text, optional: true}\n", "", 1), "    indexes: [[tag]]\n", "", 1)
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(next), 0o644); err != nil {
		t.Fatal(err)
	}
	loaded, err := app.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := app.OpenDatabase(t.Context(), loaded, app.Config{Database: w.cfg.Database, Data: w.cfg.Data})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Migrate(t.Context(), []string{"orders.tag"}, nil)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return w.incident(func() { shopping(w) })
}

func bulkWrites(t *testing.T) incident.Report {
	w := newWorld(t, strings.Replace(shop, "below: 100ms", "below: 20ms", 1), app.Config{}, nil, shopping)
	body := fmt.Sprintf(`{"body": %q}`, strings.Repeat("x", 90_000))
	return w.incident(func() {
		bulk := make(chan struct{})
		go func() {
			defer close(bulk)
			w.many(300, userID(7), "POST", "/api/orders", body)
		}()
		shopping(w)
		<-bulk
	})
}

func costly(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, fill, shopping)
	return w.incident(func() {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			w.many(12, userID(7), "GET", contains("zzz"), "")
		}()
		shopping(w)
		<-asked
	})
}

// providerAway: a server starts while the sign-in provider is away. One that knows the provider already would send people there.
func providerAway(t *testing.T) incident.Report {
	provider := oidctest.New(t)
	var away atomic.Bool
	gate := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		answer, err := provider.Transport().RoundTrip(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer answer.Body.Close()
		maps.Copy(rw.Header(), answer.Header)
		rw.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(rw, answer.Body)
	}))
	t.Cleanup(gate.Close)
	provider.Issuer = gate.URL
	w := newWorld(t, clubOf(t, provider), app.Config{}, nil, visiting)
	w.restart(func() { away.Store(true) })
	return w.incident(func() { visiting(w) })
}

func onePool(t *testing.T) incident.Report {
	w := newWorld(t, shop, app.Config{}, fill, shopping)
	w.restart(func() { w.cfg.Readers = 1 })
	return w.incident(func() {
		w.many(12, userID(5), "GET", contains("zzz"), "")
		shopping(w)
	})
}
