package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/auth"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// maxTTL is how long a token may live: nothing ends one before its time but a new signing key.
const maxTTL = 365 * 24 * time.Hour

// TokenRequest says what a token is for.
type TokenRequest struct {
	ID    string // of the users row, which is made where there is none
	Email string // "": that of the row, if any
	Roles []string
	TTL   time.Duration // more than 0, at most a year
}

// Token is a signed token, and what whoever asked for it should know.
type Token struct {
	Text  string
	Notes []string
}

// NewToken signs a token with the key of the app in dir. A server may run meanwhile; where none ever did, the database
// is made and filled first.
func NewToken(ctx context.Context, dir string, cfg Config, want TokenRequest) (t Token, err error) {
	cfg = cfg.withDefaults(dir)
	rules, err := Load(dir)
	if err != nil {
		return t, err
	}
	id, err := want.check(rules.Model)
	if err != nil {
		return t, err
	}
	defer func() { err = noRoom(err, cfg.Data) }()
	data, db, err := openBeside(ctx, dir, cfg, rules)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, db.Close(), data.unlock()) }()
	u := user{
		rows: record.New(db, rules, record.Config{Now: cfg.Now}), table: rules.Model.Table("users"),
		id: id, email: want.Email,
	}
	if err := u.ensure(ctx); err != nil {
		return t, err
	}
	keys, err := auth.Open(data.key())
	if err != nil {
		return t, err
	}
	who := caller.Identity{ID: id.Text, Email: u.email, Roles: want.Roles}
	text, err := keys.Sign(who, want.TTL, cfg.Now())
	return Token{Text: text, Notes: u.notes}, err
}

// check returns the id as a key of users, which is text or a UUID, or what is wrong with the request.
func (want TokenRequest) check(m *model.Model) (value.Value, error) {
	for _, role := range want.Roles {
		if !slices.Contains(m.Roles, role) {
			return value.Value{}, fmt.Errorf("the model declares no role %s%s%s", role, suggest.DidYouMean(role, m.Roles), declared(m.Roles))
		}
	}
	if want.TTL < time.Second || want.TTL > maxTTL {
		return value.Value{}, fmt.Errorf("a token may live from 1s to %dh, not %v", int(maxTTL.Hours()), want.TTL)
	}
	users := m.Table("users")
	id, ok := value.ParseID(users, want.ID)
	if !ok {
		return value.Value{}, fmt.Errorf("%q is no id of users, whose key is %s%s", want.ID, users.Key, keyExample(users.Key))
	}
	return id, nil
}

func declared(roles []string) string {
	if len(roles) == 0 {
		return " (it declares none: add `roles: […]`)"
	}
	return " (it declares " + strings.Join(roles, ", ") + ")"
}

func keyExample(key model.Type) string {
	if key == model.UUID {
		return ", as 018f0000-0000-7000-8000-0000000000a1"
	}
	return ""
}
