package record

import (
	"errors"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const vaultModel = `
ashlar: 1
name: vault
roles: [editor]
tables:
  factors:
    key: int
    fields: {n: {type: int}}
    access: {read: auth.mfa && 'editor' in auth.roles}
  recent:
    key: int
    fields: {n: {type: int}}
    access:
      read: "'editor' in auth.roles && (now - auth.since < duration('10m') || auth.mfa && auth.since > now - duration('1h'))"
  both:
    key: int
    fields: {n: {type: int}}
    access: {read: auth.mfa && auth.since > timestamp('2026-11-23T11:00:00Z')}
  papers:
    key: int
    fields:
      n:      {type: int}
      sealed: {type: bool, default: false}
      stamp:  {type: text, max: 10, optional: true, write: now - auth.since < duration('5m')}
    checks:
      - {expr: n >= 0, message: a number is not negative}
    access:
      read: true
      create: "!sealed || auth.mfa"
      update: "!sealed || now - auth.since < duration('5m')"
      delete: "!sealed || auth.mfa && now - auth.since < duration('1m')"
  plain:
    key: int
    fields: {n: {type: int}}
    access: {read: "'editor' in auth.roles", write: n > 0}
`

// signedIn returns a user who proved who it is some time ago.
func signedIn(mfa bool, ago time.Duration, roles ...string) caller.Caller {
	return caller.User(caller.Identity{ID: "00000000-0000-7000-8000-00000000000a", Roles: roles, MFA: mfa, Since: atNoon().Add(-ago)})
}

func atNoon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// challenge returns the challenge in an error, or nil.
func challenge(err error) *errs.StepUp {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.StepUp
	}
	return nil
}

// checkChallenge compares an error with the challenge that it should have. Without one it must be a plain refusal.
func checkChallenge(t *testing.T, what string, err error, want *errs.StepUp) {
	t.Helper()
	got, kind := challenge(err), errs.Forbidden
	if want != nil {
		kind = errs.Unauthenticated
	}
	if errs.KindOf(err) != kind || (got == nil) != (want == nil) || (got != nil && *got != *want) {
		t.Errorf("%s: %v with the challenge %+v, want %s with %+v", what, err, got, kind, want)
	}
}

// A table that is closed for want of a proof says which one. Whoever could not open it with a proof learns nothing.
func TestStepUpForATable(t *testing.T) {
	onEngines(t, vaultModel, func(t *testing.T, db *DB) {
		db.now = atNoon
		const unknown = 1000 * 24 * time.Hour
		key := caller.Key(caller.Identity{ID: "00000000-0000-7000-8000-00000000000a", Roles: []string{"editor"}})
		for _, tt := range []struct {
			name, table string
			who         caller.Caller
			want        *errs.StepUp
		}{
			{"a second factor", "factors", signedIn(false, time.Hour, "editor"), &errs.StepUp{MFA: true}},
			{"a second factor without the role", "factors", signedIn(false, time.Hour), nil},
			{"a key cannot step up", "factors", key, nil},
			{"fresh within the longest time that is enough", "recent", signedIn(false, unknown, "editor"), &errs.StepUp{MaxAge: 10 * time.Minute}},
			{"a second factor lets an older proof do", "recent", signedIn(true, unknown, "editor"), &errs.StepUp{MaxAge: time.Hour}},
			{"both, and no time to read off", "both", signedIn(false, unknown), &errs.StepUp{MFA: true}},
			{"fresh, and no time to read off", "both", signedIn(true, unknown), &errs.StepUp{}},
			{"a rule that asks for no proof", "plain", signedIn(false, unknown), nil},
		} {
			_, err := db.List(t.Context(), tt.who, db.rules.Model.Table(tt.table), Query{Limit: 1}, nil)
			checkChallenge(t, tt.name, err, tt.want)
			checkChallenge(t, tt.name+", asked by Allow", db.Allow(tt.who, db.rules.Model.Table(tt.table), Read), tt.want)
		}
		if err := db.Allow(caller.Caller{}, db.rules.Model.Table("factors"), Read); errs.KindOf(err) != errs.Unauthenticated || challenge(err) != nil {
			t.Errorf("an anonymous caller gets %v, %+v", err, challenge(err))
		}
		if err := db.Allow(signedIn(true, 0, "editor"), db.rules.Model.Table("factors"), Read); err != nil {
			t.Errorf("with the factor: %v", err)
		}
	})
}

// A rule about the row asks for a proof too, and the tried write leaves nothing behind.
func TestStepUpForARow(t *testing.T) {
	onEngines(t, vaultModel, func(t *testing.T, db *DB) {
		db.now = atNoon
		papers := db.rules.Model.Table("papers")
		must(t, db, system, "papers", `{"id":1,"n":1}`)
		must(t, db, system, "papers", `{"id":2,"n":2,"sealed":true}`)
		old, fresh := signedIn(false, time.Hour), signedIn(false, time.Minute)
		updated := func(who caller.Caller, id int64, body string) error {
			_, err := db.Update(t.Context(), who, papers, value.OfInt(id), members(t, body), nil)
			return err
		}
		created := func(who caller.Caller, body string) error { _, err := create(t, db, who, "papers", body); return err }
		deleted := func(who caller.Caller, id int64) error {
			return db.Delete(t.Context(), who, papers, value.OfInt(id), nil)
		}
		checkChallenge(t, "create", created(old, `{"n":3,"sealed":true}`), &errs.StepUp{MFA: true})
		checkChallenge(t, "create in spite of a check", created(old, `{"n":-3,"sealed":true}`), &errs.StepUp{MFA: true})
		checkChallenge(t, "create with a field", created(old, `{"n":3,"stamp":"x"}`), &errs.StepUp{MaxAge: 5 * time.Minute})
		checkChallenge(t, "create with both", created(old, `{"n":3,"stamp":"x","sealed":true}`), &errs.StepUp{MFA: true, MaxAge: 5 * time.Minute})
		checkChallenge(t, "update", updated(old, 2, `{"n":4}`), &errs.StepUp{MaxAge: 5 * time.Minute})
		checkChallenge(t, "update of a field", updated(old, 1, `{"stamp":"x"}`), &errs.StepUp{MaxAge: 5 * time.Minute})
		checkChallenge(t, "delete", deleted(old, 2), &errs.StepUp{MFA: true, MaxAge: time.Minute})
		checkChallenge(t, "delete when fresh", deleted(signedIn(false, 0), 2), &errs.StepUp{MFA: true})
		err := updated(old, 1, `{"stamp":"x"}`)
		if e, ok := errors.AsType[*errs.Error](err); !ok || len(e.Faults) != 1 || e.Faults[0].Pointer != "/stamp" {
			t.Errorf("the field is not named: %#v", err)
		}
		for name, err := range map[string]error{"update": updated(fresh, 2, `{"n":5}`), "field": updated(fresh, 1, `{"stamp":"y"}`)} {
			if err != nil {
				t.Errorf("%s after a proof: %v", name, err)
			}
		}
		if err := updated(old, 9, `{"n":4}`); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a missing row: %v", err)
		}
		rows, err := db.List(t.Context(), system, papers, Query{Selection: Selection{Fields: "id,n"}, Limit: 10}, nil)
		if want := `{"items":[{"id":1,"n":1},{"id":2,"n":5}],"next":null}`; err != nil || string(rows) != want {
			t.Errorf("rows = %s, %v, want %s", rows, err, want)
		}
	})
}

// A row that no proof opens is refused as before, without a second try.
func TestNoStepUpWhereNoRuleAsks(t *testing.T) {
	onBoth(t, vaultModel, func(t *testing.T, db *DB, spy *watched) {
		spy.forget()
		_, err := create(t, db, signedIn(false, time.Hour, "editor"), "plain", `{"n":0}`)
		checkChallenge(t, "create", err, nil)
		if n := spy.writes.Load(); n != 1 {
			t.Errorf("%d transactions, want 1", n)
		}
	})
}
