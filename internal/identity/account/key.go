package account

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/apikey"
)

// A Key is an API key as its owner sees it. The key itself is shown once, when it is made.
type Key struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Prefix  string     `json:"prefix"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created_at"`
	Expires *time.Time `json:"expires_at"`
	Used    *time.Time `json:"used_at"`
	Text    string     `json:"key,omitempty"`
}

// String prints no key.
func (k Key) String() string   { return "account.Key{" + k.ID + "}" }
func (k Key) GoString() string { return k.String() }

// A NewKey describes a wanted key.
type NewKey struct {
	Name    string
	Scopes  []string   // names of accounts.keys.scopes; at least one if the model has any
	Expires *time.Time // nil: the longest life that the model allows
}

// maxKeys is the number of keys of one account.
const maxKeys = 100

// MakeKey makes a key for the caller's account. It needs a recent proof, because a key outlives the session.
func (s *Service) MakeKey(ctx context.Context, who caller.Caller, want NewKey, client Client) (key Key, err error) {
	defer errs.Wrap(&err, "account.MakeKey")
	if who.IsAnonymous() {
		return Key{}, errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	if err := s.checkKey(&want); err != nil {
		return Key{}, err
	}
	err = s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		key, err = s.makeKey(w, m.account, want, client)
		return err
	})
	return key, err
}

// checkKey returns what is wrong with a wanted key, and sets what it leaves out.
func (s *Service) checkKey(want *NewKey) error {
	var faults []errs.Fault
	if n := len([]rune(want.Name)); n == 0 || n > 100 {
		faults = append(faults, errs.Fault{Pointer: "/name", Code: "length", Detail: "a key has a name of 1 to 100 characters"})
	}
	if len(want.Scopes) == 0 && len(s.rules.Keys.Scopes) > 0 {
		faults = append(faults, errs.Fault{Pointer: "/scopes", Code: "required", Detail: "choose scopes: " + strings.Join(s.scopeNames(), ", ")})
	}
	for i, name := range want.Scopes {
		if _, ok := s.rules.Keys.Scope(name); !ok {
			faults = append(faults, errs.Fault{Pointer: fmt.Sprintf("/scopes/%d", i), Code: "unknown", Detail: "there is no such scope; there are: " + strings.Join(s.scopeNames(), ", ")})
		}
	}
	now := s.now()
	latest := micros(now.Add(s.longestKey()))
	switch {
	case want.Expires == nil:
		want.Expires = &latest
	case want.Expires.After(latest):
		faults = append(faults, errs.Fault{Pointer: "/expires_at", Code: "max", Detail: "a key ends at the latest at " + latest.Format(time.RFC3339)})
	case !want.Expires.After(now):
		faults = append(faults, errs.Fault{Pointer: "/expires_at", Code: "min", Detail: "this time is over"})
	}
	if len(faults) > 0 {
		return &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
	}
	at := micros(*want.Expires)
	want.Expires = &at
	return nil
}

func (s *Service) scopeNames() (names []string) {
	for _, scope := range s.rules.Keys.Scopes {
		names = append(names, scope.Name)
	}
	return names
}

func (s *Service) longestKey() time.Duration {
	if s.rules.Keys.Longest > 0 {
		return s.rules.Keys.Longest
	}
	return 365 * 24 * time.Hour
}

func (s *Service) makeKey(w *work, a *accountRow, want NewKey, client Client) (Key, error) {
	all, err := s.apiKeys.list(w, "account_id == arg.account", map[string]string{"account": a.ID})
	if err != nil {
		return Key{}, err
	}
	if len(all) >= maxKeys {
		return Key{}, errs.New(errs.Conflict, "an account has at most %d keys: delete one first", maxKeys)
	}
	text, id, hash := apikey.New()
	row := keyRow{ID: id, Account: a.ID, Stamp: 1, Name: want.Name, Prefix: apikey.Prefix(id), Hash: hex.EncodeToString(hash[:]), Scopes: append([]string{}, want.Scopes...), ExpiresAt: want.Expires}
	if _, err := s.apiKeys.create(w, row); err != nil {
		return Key{}, err
	}
	made := micros(w.now)
	row.CreatedAt = &made
	key := row.public()
	key.Text = text
	return key, s.note(w, a, client, event{action: "key.created", key: id, detail: map[string]any{"scopes": want.Scopes, "name": want.Name}})
}

func (r *keyRow) public() Key {
	return Key{ID: r.ID, Name: r.Name, Prefix: r.Prefix, Scopes: append([]string{}, r.Scopes...), Created: *r.CreatedAt, Expires: r.ExpiresAt, Used: r.UsedAt}
}

// Keys returns the keys of the caller's account, the oldest first.
func (s *Service) Keys(ctx context.Context, who caller.Caller) (all []Key, err error) {
	defer errs.Wrap(&err, "account.Keys")
	err = s.as(ctx, who, func(w *work, m *member) error {
		all = []Key{}
		rows, err := s.apiKeys.list(w, "account_id == arg.account", map[string]string{"account": m.account.ID})
		for _, row := range rows {
			all = append(all, row.public())
		}
		return err
	})
	return all, err
}

// EndKey deletes a key of the caller's account.
func (s *Service) EndKey(ctx context.Context, who caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndKey")
	return s.as(ctx, who, func(w *work, m *member) error {
		row, err := s.ownKey(w, m, id)
		if err != nil {
			return err
		}
		if err := s.apiKeys.remove(w, row.ID, 0); err != nil {
			return err
		}
		return s.note(w, m.account, client, event{action: "key.ended", key: id})
	})
}

// EndKeys deletes all keys of the caller's account. Keys survive a new password, since programs need them; a thief may have made
// some.
func (s *Service) EndKeys(ctx context.Context, who caller.Caller, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndKeys")
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := s.endKeys(w, m.account.ID); err != nil {
			return err
		}
		return s.note(w, m.account, client, event{action: "key.all_ended", session: m.session.ID})
	})
}

// shownKeys is the number of keys that a mail names.
const shownKeys = 10

// liveKeys returns how the keys of an account begin, as a text for a mail.
func (s *Service) liveKeys(w *work, account string) (string, error) {
	rows, err := s.apiKeys.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return "", err
	}
	rows = slices.DeleteFunc(rows, func(row keyRow) bool { return row.ExpiresAt != nil && !w.now.Before(*row.ExpiresAt) })
	var prefixes []string
	for _, row := range rows[:min(shownKeys, len(rows))] {
		prefixes = append(prefixes, row.Prefix)
	}
	if more := len(rows) - shownKeys; more > 0 {
		prefixes = append(prefixes, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(prefixes, ", "), nil
}

func (s *Service) ownKey(w *work, m *member, id string) (keyRow, error) {
	row, _, err := s.apiKeys.get(w, id)
	if err == nil && row.Account != m.account.ID {
		err = errs.New(errs.NotFound, "no such key")
	}
	return row, err
}

// overlap is how long a rotated key still works beside its successor.
const overlap = 24 * time.Hour

// RotateKey makes a key with the name, scopes and life of another one, which ends after the overlap.
func (s *Service) RotateKey(ctx context.Context, who caller.Caller, id string, client Client) (key Key, err error) {
	defer errs.Wrap(&err, "account.RotateKey")
	err = s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		old, err := s.ownKey(w, m, id)
		if err != nil {
			return err
		}
		want := NewKey{Name: old.Name, Scopes: old.Scopes}
		if old.ExpiresAt != nil {
			ends := micros(w.now.Add(old.ExpiresAt.Sub(*old.CreatedAt)))
			want.Expires = &ends
		}
		if key, err = s.makeKey(w, m.account, want, client); err != nil {
			return err
		}
		ends := micros(w.now.Add(overlap))
		if old.ExpiresAt != nil && old.ExpiresAt.Before(ends) {
			return nil
		}
		// The stamp moves so that every node reads the new end.
		return s.apiKeys.update(w, old.ID, 0, map[string]any{"expires_at": ends, "stamp": old.Stamp + 1})
	})
	return key, err
}

// keyCaller returns the caller with a key. A key holds the roles of its owner that need no second factor.
func (s *Service) keyCaller(w *work, a *accountRow, row *keyRow) (caller.Caller, error) {
	roles, err := s.heldRoles(w, a, "")
	if err != nil {
		return caller.Caller{}, err
	}
	who := caller.Identity{
		ID: a.userID(), Email: a.Email, Roles: roles, Verified: a.Verified,
		Proof: caller.Proof{Kind: caller.ProofKey, ID: row.ID, Stamp: row.Stamp}, Scopes: s.scopesOf(row.Scopes),
	}
	if a.Kind == KindService {
		who.ID = a.ID
		return caller.Service(who), nil
	}
	who.Roles = s.rolesWithoutMFA(who)
	return caller.Key(who), nil
}

// scopesOf joins named scopes. A name that the model no longer has allows nothing. Without names there is no bound.
func (s *Service) scopesOf(names []string) *caller.Scopes {
	if len(names) == 0 {
		return nil
	}
	all := &caller.Scopes{Names: names, Tables: map[string]caller.Operations{}}
	for _, name := range names {
		scope, _ := s.rules.Keys.Scope(name)
		for table, operations := range maps.All(scope.Tables) {
			all.Tables[table] |= operations
		}
		all.Jobs = append(all.Jobs, scope.Jobs...)
	}
	slices.Sort(all.Jobs)
	return all
}

// granularity is how exact the times of the last use are. So a busy key or cookie costs one write in five minutes.
const granularity = 5 * time.Minute

func (s *Service) touchKey(w *work, row *keyRow, revision int64) error {
	if row.UsedAt != nil && w.now.Sub(*row.UsedAt) < granularity {
		return nil
	}
	return s.apiKeys.update(w, row.ID, revision, map[string]any{"used_at": micros(w.now)})
}

func (s *Service) touchSession(w *work, kind Kind, row *sessionRow, revision int64) error {
	if w.now.Sub(row.SeenAt) < granularity {
		return nil
	}
	idle, _ := s.livesOf(kind)
	return s.sessions.update(w, row.ID, revision, map[string]any{"seen_at": micros(w.now), "idle_at": micros(w.now.Add(idle))})
}
