package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// secret prints REDACTED, as the types of secrets do.
type secret string

func (secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (secret) String() string               { return redacted }

func TestTamperingShows(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for _, tt := range []struct {
		name string
		sql  []string
		bad  int64
		want string
	}{
		{"changed", []string{`UPDATE ashlar_audit SET actor_id = 'eve' WHERE id = 4`}, 4, "was changed"},
		{"changed time", []string{`UPDATE ashlar_audit SET at = created_at WHERE id = 4`}, 4, "was changed"},
		{"changed last", []string{`UPDATE ashlar_audit SET address = NULL WHERE id = 9`}, 9, "was changed"},
		{"detail added", []string{`UPDATE ashlar_audit SET detail = '{"a":1}' WHERE id = 4`}, 4, "was changed"},
		{"another hash", []string{`UPDATE ashlar_audit SET hash = '` + hash + `' WHERE id = 4`}, 4, "was changed"},
		{"removed", []string{`DELETE FROM ashlar_audit WHERE id = 4`}, 4, "is missing"},
		{"first removed", []string{`DELETE FROM ashlar_audit WHERE id = 1`}, 1, "is missing"},
		{"truncated", []string{`DELETE FROM ashlar_audit WHERE id >= 8`}, 8, "is missing"},
		{"emptied", []string{`DELETE FROM ashlar_audit`}, 1, "is missing"},
		{"renumbered", []string{`DELETE FROM ashlar_audit WHERE id = 4`, `UPDATE ashlar_audit SET id = 4 WHERE id = 5`}, 4, "does not follow"},
		{"reordered", []string{`UPDATE ashlar_audit SET id = 100 WHERE id = 4`, `UPDATE ashlar_audit SET id = 4 WHERE id = 5`, `UPDATE ashlar_audit SET id = 5 WHERE id = 100`}, 4, "does not follow"},
		{"head lost", []string{`DELETE FROM ashlar_meta WHERE id = 'audit'`}, 1, "stands behind the head"},
		{"row behind the head", []string{`INSERT INTO ashlar_audit (id, at, action, prev, hash, created_at, updated_at, _rev)
			SELECT 10, at, action, hash, '` + hash + `', created_at, updated_at, _rev FROM ashlar_audit WHERE id = 9`}, 10, "was changed"},
		{"row before the first", []string{`INSERT INTO ashlar_audit (id, at, action, hash, created_at, updated_at, _rev)
			SELECT 0, at, action, '` + hash + `', created_at, updated_at, _rev FROM ashlar_audit WHERE id = 1`}, 0, "before the first"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, a, b *node) {
				for _, event := range some(9) {
					event.At = time.Now().Add(-time.Hour)
					a.append(t, event)
				}
				for _, sql := range tt.sql {
					a.exec(t, sql)
				}
				_, err := b.verify(t, "")
				broken, ok := errors.AsType[*ChainError](err)
				if !ok || broken.ID != tt.bad || !strings.Contains(broken.Reason, tt.want) {
					t.Errorf("Verify = %v, want row %d that %s", err, tt.bad, tt.want)
				}
			})
		})
	}
}

// Who makes the chain anew from a row on, and the head with it, is found out only by a head that was kept elsewhere.
func TestKeptHeadShowsAChainMadeAnew(t *testing.T) {
	each(t, func(t *testing.T, a, b *node) {
		a.append(t, some(9)...)
		kept, err := a.verify(t, "")
		if err != nil {
			t.Fatal(err)
		}
		a.append(t, some(2)...)
		if _, err := b.verify(t, kept.Head.Hash); err != nil {
			t.Errorf("Verify of a sound log with an earlier head: %v", err)
		}
		forge(t, a, 4)
		if _, err := b.verify(t, ""); err != nil {
			t.Errorf("Verify without a head finds a chain that was made anew: %v", err)
		}
		if _, err := b.verify(t, kept.Head.Hash); err == nil || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("Verify with the head that was kept = %v", err)
		}
	})
}

// A front that was cut off without Trim shows, although the head says so too.
func TestFrontCutOffShows(t *testing.T) {
	each(t, func(t *testing.T, a, b *node) {
		a.append(t, some(9)...)
		page, err := a.log.pageAfter(t.Context(), 4)
		if err != nil {
			t.Fatal(err)
		}
		a.exec(t, `DELETE FROM ashlar_audit WHERE id <= 4`)
		head, err := a.log.head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		head.First, head.Prev = 5, page.Entries[0].Prev
		a.exec(t, `UPDATE ashlar_meta SET value = $1 WHERE id = 'audit'`, value.OfText(head.text()))
		if _, err := b.verify(t, ""); err == nil || !strings.Contains(err.Error(), "row 5 of the audit log is the first one") {
			t.Errorf("Verify = %v", err)
		}
	})
}

// forge changes a row and makes the rest of the chain anew.
func forge(t *testing.T, n *node, id int64) {
	t.Helper()
	page, err := n.log.pageAfter(t.Context(), id-1)
	if err != nil {
		t.Fatal(err)
	}
	page.Entries[0].ActorID = "eve"
	prev := page.Entries[0].Prev
	for _, e := range page.Entries {
		e.Prev = prev
		if e.Hash, err = e.computeHash(); err != nil {
			t.Fatal(err)
		}
		n.exec(t, `UPDATE ashlar_audit SET actor_id = $1, prev = $2, hash = $3 WHERE id = $4`,
			value.OfText(e.ActorID), value.OfText(e.Prev), value.OfText(e.Hash), value.OfInt(e.ID))
		prev = e.Hash
	}
	head, err := n.log.head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head.Hash = prev
	n.exec(t, `UPDATE ashlar_meta SET value = $1 WHERE id = 'audit'`, value.OfText(head.text()))
}

// Secrets that a caller passes by mistake are not written.
func TestPlantedSecretsAreNotWritten(t *testing.T) {
	secrets := []string{
		"ashl_0123456789abcdef_SECRETsecretSECRET_9f8e7d6c",
		"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJlLXNlY3JldA",
		"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaC1zZWNyZXQ",
		"$2b$12$abcdefghijklmnopqrstuuSECRETSECRETSECRET",
		"postgres://ada:hunter2-secret@host/db",
		"Bearer c2VjcmV0LXNlY3JldA",
		"https://app.example.com/account/verify?token=secret-of-a-link",
		"otpauth://totp/App:ada?secret=JBSWY3DPEHPK3PXP",
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIsecret\n-----END PRIVATE KEY-----",
	}
	marks := []string{"SECRETsecret", "c2lnbmF0dXJl", "aGFzaC1z", "SECRETSECRET", "hunter2", "c2VjcmV0LX", "secret-of-a-link", "JBSWY3DP", "MC4CAQ", "named-secret", "typed-secret"}
	var events []Event
	for i, s := range secrets {
		s = "before " + s
		events = append(events, Event{
			Action: "test.planted", ActorKind: s, ActorID: s, Account: s, Target: s, Address: s, Session: s, Key: s, Request: s,
			Detail: map[string]any{
				"text": s, "list": []string{s}, "nested": map[string]any{fmt.Sprint("n", i): s}, s: 1,
				"password": "named-secret", "new_password": []string{"named-secret"}, "refreshToken": "named-secret", "code": "named-secret", "Cookie": "named-secret",
				"typed": secret("typed-secret"),
			},
		})
	}
	each(t, func(t *testing.T, a, _ *node) {
		a.append(t, events...)
		var out bytes.Buffer
		if _, err := a.log.Export(t.Context(), &out, Filter{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "before REDACTED") {
			t.Error("what stands around a secret is lost")
		}
		for _, mark := range marks {
			if at := strings.Index(out.String(), mark); at >= 0 {
				t.Errorf("the log holds the secret %s: …%s", mark, out.String()[max(0, at-60):at+20])
			}
		}
	})
}

func TestNamesOfSecrets(t *testing.T) {
	for name, want := range map[string]bool{"password": true, "NewPassword": true, "client_secret": true, "code": true, "codes": false, "country_code": false, "key": false, "scopes": false} {
		if got := namesSecret(name); got != want {
			t.Errorf("namesSecret(%q) = %t", name, got)
		}
	}
	text, err := json.Marshal(map[string]any{"s": secret("x")})
	if err != nil || strings.Contains(string(text), "x") {
		t.Errorf("a type that prints REDACTED is written as %s, %v", text, err)
	}
}
