package account

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/session"
)

// A Grant is what a client gets that has signed in.
type Grant struct {
	Access  string // access token; "" for a session in a cookie
	Refresh string // refresh token; "" for a session in a cookie
	Cookie  string // value of the session's cookie, or ""
	Device  string // value of the device cookie, or "" if the client has it already
	Expires time.Duration
	Session string
	EndsAt  time.Time
	User    Person
}

// Format prints no token.
func (Grant) String() string   { return "account.Grant{REDACTED}" }
func (Grant) GoString() string { return "account.Grant{REDACTED}" }

// A Person is a user as the user may see himself.
type Person struct {
	ID       json.RawMessage `json:"id"`
	Email    string          `json:"email,omitempty"`
	Name     string          `json:"name,omitempty"`
	Roles    []string        `json:"roles"`
	Verified bool            `json:"verified"`
}

// A proof is how somebody just showed who he is.
type proof struct {
	methods []string // of caller.Methods
	mfa     bool
}

// open opens a session of an account. It ends the session that the client came with, and the oldest ones beyond the model's
// bound.
func (s *Service) open(w *work, a *accountRow, how proof, client Client) (*Grant, error) {
	if err := s.replace(w, a.ID, client); err != nil {
		return nil, err
	}
	if err := s.makeRoom(w, a.ID); err != nil {
		return nil, err
	}
	idle, longest := s.livesOf(a.Kind)
	row := sessionRow{
		Account: a.ID, Stamp: 1, Counter: 1, Methods: how.methods, MFA: how.mfa, Since: micros(w.now),
		Address: client.Address, Agent: session.Label(client.Agent), Cookie: client.Cookie,
		SeenAt: micros(w.now), IdleAt: micros(w.now.Add(idle)), EndsAt: micros(w.now.Add(longest)),
	}
	id, err := s.sessions.create(w, row)
	if err != nil {
		return nil, err
	}
	row.ID = id
	if err := s.accounts.update(w, a.ID, 0, map[string]any{"last_at": micros(w.now)}); err != nil {
		return nil, err
	}
	if err := s.note(w, a, client, event{action: "session.opened", session: id, detail: map[string]any{"methods": how.methods, "mfa": how.mfa}}); err != nil {
		return nil, err
	}
	grant, err := s.grant(w, a, &row)
	if err == nil && !s.knows(a.Kind, a.Email, client.Device) {
		grant.Device = s.newDevice(a.Kind, a.Email)
	}
	return grant, err
}

// replace ends the session of an account that a client came with: who proves again gets a new session in its place.
func (s *Service) replace(w *work, account string, client Client) error {
	id, ok := client.Who.Session()
	if !ok {
		return nil
	}
	row, revision, err := s.sessions.get(w, id)
	if err != nil || row.Account != account {
		return ignoreMissing(err)
	}
	return lostRace(s.sessions.remove(w, id, revision))
}

// The longest lives of an operator's session. An operator may do more than any user.
const (
	operatorIdle    = 24 * time.Hour
	operatorLongest = 7 * 24 * time.Hour
)

// livesOf returns how long a session lives unused, and in all.
func (s *Service) livesOf(kind Kind) (idle, longest time.Duration) {
	idle, longest = s.rules.Sessions.Idle, s.rules.Sessions.Longest
	if kind == KindOperator {
		return min(idle, operatorIdle), min(longest, operatorLongest)
	}
	return idle, longest
}

// makeRoom ends the oldest sessions of an account, so that one more is within the bound.
func (s *Service) makeRoom(w *work, account string) error {
	all, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for i := range len(all) - s.rules.Sessions.EachUser + 1 {
		if err := ignoreMissing(s.sessions.remove(w, all[i].ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// grant makes the tokens of a session.
func (s *Service) grant(w *work, a *accountRow, row *sessionRow) (*Grant, error) {
	who, err := s.identity(w, a, row)
	if err != nil {
		return nil, err
	}
	grant := &Grant{Session: row.ID, EndsAt: row.EndsAt, Expires: s.rules.Sessions.Access, User: s.person(a, who.Roles)}
	if row.Cookie {
		grant.Cookie = s.cookiesOf(a.Kind).Encode(session.Refresh{Session: row.ID, Counter: 1})
		grant.Expires = row.EndsAt.Sub(w.now)
		return grant, nil
	}
	access, err := s.keys.Sign(who, s.rules.Sessions.Access, w.now)
	if err != nil {
		return nil, err
	}
	grant.Access, grant.Refresh = access, s.refreshes.Encode(session.Refresh{Session: row.ID, Counter: uint32(row.Counter)})
	return grant, nil
}

// identity returns who the holder of a session is.
func (s *Service) identity(w *work, a *accountRow, row *sessionRow) (who caller.Identity, err error) {
	roles, err := s.heldRoles(w, a, "")
	if err != nil {
		return who, err
	}
	who = caller.Identity{
		ID: a.userID(), Email: a.Email, Roles: roles, Verified: a.Verified, MFA: row.MFA, Methods: row.Methods, Since: row.Since,
		Proof: caller.Proof{Kind: caller.ProofSession, ID: row.ID, Stamp: row.Stamp},
	}
	if !row.MFA {
		who.Roles = s.rolesWithoutMFA(who)
	}
	return who, nil
}

// cookiesOf returns the codec of the cookies for a kind of account. The cookie of an operator opens nothing but the console.
func (s *Service) cookiesOf(kind Kind) *session.Codec {
	if kind == KindOperator {
		return s.consoleCookies
	}
	return s.cookies
}

// rolesWithoutMFA returns the roles that an identity holds without a second factor: those for which accounts.require does not
// ask for one.
func (s *Service) rolesWithoutMFA(who caller.Identity) []string {
	held := []string{}
	for _, role := range who.Roles {
		one := who
		one.Roles = []string{role}
		if !s.needsMFA(caller.User(one)) {
			held = append(held, role)
		}
	}
	return held
}

func (s *Service) person(a *accountRow, roles []string) Person {
	return Person{ID: a.User, Email: a.Email, Name: a.Name, Roles: slices.Clip(roles), Verified: a.Verified}
}

// Refresh exchanges a refresh token for new tokens. The token before the newest works again as long as nobody used the
// newest, so tabs and lost answers sign nobody out. An older one is stolen or was stolen: it ends the session.
func (s *Service) Refresh(ctx context.Context, text string, client Client) (grant *Grant, err error) {
	defer errs.Wrap(&err, "account.Refresh")
	given, err := s.refreshes.Decode(text)
	if err != nil {
		return nil, errs.Wrapf(err, errs.Unauthenticated, "%s", sessionEnded)
	}
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			grant, err = s.refresh(w, given, client)
			return err
		})
	})
	if err == nil && grant == nil {
		err = errEnded()
	}
	return grant, err
}

const sessionEnded = "the session has ended: sign in again"

func errEnded() error { return errs.New(errs.Unauthenticated, sessionEnded) }

// refresh returns nil if the session has ended, or ends now.
func (s *Service) refresh(w *work, given session.Refresh, client Client) (*Grant, error) {
	row, revision, err := s.sessions.get(w, given.Session)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	if row.Cookie || row.Counter < 1 || row.Counter >= math.MaxUint32 {
		return nil, nil
	}
	a, _, err := s.accounts.get(w, row.Account)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	if row.over(w.now) || a.SuspendedAt != nil {
		return nil, lostRace(s.sessions.remove(w, row.ID, revision))
	}
	switch session.Judge(uint32(row.Counter), uint32(row.Used), given.Counter) {
	case session.Next:
		row.Used, row.Counter = row.Counter, row.Counter+1
	case session.Again:
	case session.Reused:
		if err := s.note(w, &a, client, event{action: "session.reused", session: row.ID}); err != nil {
			return nil, err
		}
		return nil, lostRace(s.sessions.remove(w, row.ID, revision))
	default:
		return nil, nil
	}
	row.SeenAt, row.IdleAt = micros(w.now), micros(w.now.Add(s.rules.Sessions.Idle))
	if err := s.sessions.update(w, row.ID, revision, map[string]any{
		"counter": row.Counter, "used": row.Used, "seen_at": row.SeenAt, "idle_at": row.IdleAt, "address": client.Address,
	}); err != nil {
		return nil, lostRace(err)
	}
	return s.grant(w, &a, &row)
}
