package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TokenRequest describes a wanted token.
type TokenRequest struct {
	ID    string // of the row in users; NewToken makes a missing row
	Email string // default: the email of the row
	Roles []string
	TTL   time.Duration // 1 s to one year
}

// A Token is a signed token.
type Token struct {
	Text  string
	Notes []string // actions and remarks of NewToken, for people
}

// NewToken signs a token with the key of an app. A server may run at the same time. If none ever ran, NewToken makes the
// database and loads the seed first.
func NewToken(ctx context.Context, loaded *Loaded, cfg Config, want TokenRequest) (t Token, err error) {
	id, err := want.check(loaded.Rules.Model)
	if err != nil {
		return Token{}, err
	}
	a, err := OpenOrAttach(ctx, loaded, cfg)
	if err != nil {
		return Token{}, err
	}
	defer func() { err = errors.Join(explainNoRoom(err, a.cfg.Data), a.Close()) }()
	return a.newToken(ctx, id, want)
}

func (a *App) newToken(ctx context.Context, id value.Value, want TokenRequest) (Token, error) {
	u := user{rows: a.Rows, table: a.Rules.Model.Table("users"), id: id, email: want.Email}
	if err := u.ensure(ctx); err != nil {
		return Token{}, err
	}
	who := caller.Identity{ID: id.Text, Email: u.email, Roles: want.Roles}
	text, err := a.Keys.Sign(who, want.TTL, a.cfg.Now())
	return Token{Text: text, Notes: u.notes}, err
}

// RotateKey makes the next signing key in a data folder. A server may run at the same time. It returns what RotateKey did,
// for people.
func RotateKey(data string, now time.Time) (notes []string, err error) {
	made, removed, err := token.Rotate(folder{path: data}.key(), now)
	if made != "" {
		notes = append(notes, "made "+made+": running servers sign with it in ten minutes")
	}
	for _, path := range removed {
		notes = append(notes, "deleted "+path+": its last token has expired")
	}
	return notes, err
}

// check returns the id as a key of users, or the fault of the request.
func (want TokenRequest) check(m *model.Model) (value.Value, error) {
	for _, role := range want.Roles {
		if !slices.Contains(m.Roles, role) {
			return value.Value{}, fmt.Errorf("the model declares no role %s%s%s", role, suggest.DidYouMean(role, m.Roles), declared(m.Roles))
		}
	}
	if want.TTL < time.Second || want.TTL > token.MaxTTL {
		return value.Value{}, fmt.Errorf("invalid life of a token %v: give 1s to %dh", want.TTL, int(token.MaxTTL.Hours()))
	}
	users := m.Table("users")
	id, ok := value.ParseID(users, want.ID)
	if !ok {
		return value.Value{}, fmt.Errorf("invalid id %q: the key of users is %s%s", want.ID, users.Key, keyExample(users.Key))
	}
	return id, nil
}

// declared lists the roles of a model, for an error.
func declared(roles []string) string {
	if len(roles) == 0 {
		return " (it declares none: add `roles: […]`)"
	}
	return " (it declares " + strings.Join(roles, ", ") + ")"
}

// keyExample returns an example of a key that needs one, for an error.
func keyExample(key model.Type) string {
	if key == model.UUID {
		return ", such as 018f0000-0000-7000-8000-0000000000a1"
	}
	return ""
}
