package tlscert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

// plainSealer seals nothing. It opens what was sealed with its own name.
type plainSealer string

func (s plainSealer) Seal(_ string, secret []byte, context string) (string, error) {
	return string(s) + context + "\n" + string(secret), nil
}

func (s plainSealer) Open(_, text, context string) ([]byte, error) {
	secret, ok := strings.CutPrefix(text, string(s)+context+"\n")
	if !ok {
		return nil, errors.New("other keys")
	}
	return []byte(secret), nil
}

// deadAuthority refuses every call.
type deadAuthority struct{ calls int }

func (d *deadAuthority) RoundTrip(*http.Request) (*http.Response, error) {
	d.calls++
	return nil, errors.New("no route to the authority")
}

// nodes are two nodes of one database, with a clock of the test and an authority that is away.
type nodes struct {
	db        store.DB
	now       time.Time
	authority deadAuthority
	said      bytes.Buffer
}

func (n *nodes) open(t *testing.T, owner string, seal Sealer) *ACME {
	t.Helper()
	a, err := NewACME(t.Context(), ACMEConfig{
		Domains: []string{"app.example.com"}, Directory: "https://authority.example/dir", Client: &http.Client{Transport: &n.authority},
		Store: n.db, Seal: seal, Owner: owner, Logger: slog.New(slog.NewTextHandler(&n.said, nil)), Now: func() time.Time { return n.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// eachEngine runs a test on both engines.
func eachEngine(t *testing.T, test func(t *testing.T, n *nodes)) {
	modeltest.Each(t, "ashlar: 1\nname: app\n", func(t *testing.T, db store.DB, rules *rule.Rules) {
		if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
			t.Fatal(err)
		}
		test(t, &nodes{db: db, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)})
	})
}

// put stores a certificate that lasts from one time to another.
func (n *nodes) put(t *testing.T, a *ACME, from, to time.Time) {
	t.Helper()
	cert, key := pebbletest.NewPair(t, from, to, "app.example.com")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.table.putCertificate(t.Context(), a.id(certificateRow, a.domains[0]), &pair, to); err != nil {
		t.Fatal(err)
	}
}

// After a failure all nodes wait, longer each time, and a node that restarts waits too. The certificate stays in use.
func TestNodesWaitTogetherAfterAFailure(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *nodes) {
		first, second := n.open(t, "first", plainSealer("k")), n.open(t, "second", plainSealer("k"))
		for _, tt := range []struct {
			after time.Duration
			calls int // of the authority, since the last step
		}{{0, 1}, {59 * time.Second, 0}, {2 * time.Second, 1}, {4 * time.Minute, 0}, {time.Minute, 1}, {14 * time.Minute, 0}, {time.Minute, 1}, {59 * time.Minute, 0}, {time.Minute, 1}, {59 * time.Minute, 0}, {time.Minute, 1}} {
			n.now, n.authority.calls = n.now.Add(tt.after), 0
			second.look(t.Context())
			first.look(t.Context())
			n.open(t, "third", plainSealer("k")).look(t.Context())
			if n.authority.calls != tt.calls {
				t.Errorf("at %s the authority was called %d times, want %d", n.now.Format(time.TimeOnly), n.authority.calls, tt.calls)
			}
		}
		if status := first.Status()[0]; !strings.Contains(status.Error, "no route to the authority") || !status.Next.Equal(n.now.Add(time.Hour)) || !status.NotAfter.IsZero() {
			t.Errorf("Status = %+v", status)
		}
		if _, err := first.Certificate(&tls.ClientHelloInfo{ServerName: "app.example.com"}); !errors.Is(err, errNoCertificate) {
			t.Errorf("a handshake without a certificate: %v", err)
		}
	})
}

// A certificate is taken from the table by each node, renewed when a third of its life is left, and served while that fails.
func TestNodesTakeCertificatesFromTheTable(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *nodes) {
		first, second := n.open(t, "first", plainSealer("k")), n.open(t, "second", plainSealer("k"))
		begin, end := n.now, n.now.Add(90*24*time.Hour)
		n.put(t, first, begin, end)
		second.look(t.Context())
		for _, name := range []string{"app.example.com", "APP.example.com.", "", "other.example"} {
			if pair, err := second.Certificate(&tls.ClientHelloInfo{ServerName: name}); err != nil || !pair.Leaf.NotAfter.Equal(end) {
				t.Errorf("a handshake for %q: %v", name, err)
			}
		}
		n.now = begin.Add(60*24*time.Hour - time.Second)
		second.look(t.Context())
		if n.authority.calls != 0 {
			t.Error("it was renewed with more than a third of its life left")
		}
		n.now = begin.Add(60 * 24 * time.Hour)
		second.look(t.Context())
		if status := second.Status()[0]; n.authority.calls == 0 || status.Error == "" || !status.NotAfter.Equal(end) {
			t.Errorf("a renewal that failed: %d calls, %+v", n.authority.calls, status)
		}
		ends, failed, err := Stored(t.Context(), n.db, "app.example.com", "https://authority.example/dir")
		if err != nil || !ends.Equal(end) || failed == "" {
			t.Errorf("Stored = %v, %q, %v", ends, failed, err)
		}
		if other := n.open(t, "third", plainSealer("other")).Status()[0]; !other.NotAfter.IsZero() {
			t.Errorf("a node with other keys has %+v", other)
		}
	})
}

// The lock of a name has one owner, until its time is over.
func TestOneNodeHasTheLock(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *nodes) {
		a := n.open(t, "first", plainSealer("k"))
		take := func(owner string) bool {
			t.Helper()
			taken, err := a.table.writeLock(t.Context(), takeRow, "lock x", lock{Owner: owner}, n.now.Add(lockTime))
			if err != nil {
				t.Fatal(err)
			}
			return taken
		}
		if !take("first") || take("second") || take("first") {
			t.Error("a lock was taken twice, or not at all")
		}
		n.now = n.now.Add(lockTime - time.Second)
		if take("second") {
			t.Error("a lock was taken before its end")
		}
		n.now = n.now.Add(time.Second)
		if !take("second") {
			t.Error("the lock of a node that is gone was not taken")
		}
		if found, err := a.table.readLock(t.Context(), "lock x"); err != nil || found.Owner != "second" {
			t.Errorf("readLock = %+v, %v", found, err)
		}
	})
}

// Answers to challenges go to whoever asks with their token, and are removed when they are old.
func TestAnswersToChallenges(t *testing.T) {
	eachEngine(t, func(t *testing.T, n *nodes) {
		a := n.open(t, "first", plainSealer("k"))
		if _, err := a.table.write(t.Context(), putRow, tokenRow+"abc_-1", "abc_-1.thumb", n.now.Add(lockTime)); err != nil {
			t.Fatal(err)
		}
		n.put(t, a, n.now, n.now.Add(time.Hour))
		answers := func(want map[string]string) {
			t.Helper()
			for token, text := range want {
				if got, err := a.Answer(context.Background(), token); err != nil || got != text {
					t.Errorf("Answer(%q) = %q, %v; want %q", token, got, err, text)
				}
			}
		}
		answers(map[string]string{"abc_-1": "abc_-1.thumb", "abc": "", "": "", "../abc_-1": "", "abc_-1 ": "", strings.Repeat("a", longestToken+1): ""})
		n.now = n.now.Add(lockTime)
		a.look(t.Context())
		answers(map[string]string{"abc_-1": ""})
		if a.Status()[0].NotAfter.IsZero() {
			t.Error("the certificate was removed too")
		}
	})
}
