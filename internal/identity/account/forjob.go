package account

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ForJob returns a user as whom a job acts, with the roles that the user holds now without a second factor. A user without an
// account has no roles. The error has the kind errs.Forbidden if the account is suspended, or there is no such user any more.
func (s *Service) ForJob(ctx context.Context, user string) (who caller.Caller, err error) {
	defer errs.Wrap(&err, "account.ForJob")
	err = s.write(ctx, func(w *work) (err error) {
		who, err = s.actingAs(w, user)
		return err
	})
	return who, err
}

// ForJobIn does what ForJob does, in a transaction.
func (s *Service) ForJobIn(tx store.Tx, user string) (who caller.Caller, err error) {
	defer errs.Wrap(&err, "account.ForJobIn")
	w := &work{tx: tx, rows: s.rows.In(tx, self()), now: s.now()}
	defer w.rows.Done()
	return s.actingAs(w, user)
}

func (s *Service) actingAs(w *work, user string) (who caller.Caller, err error) {
	found, err := s.accounts.list(w, "user_id == arg.user", map[string]string{"user": user})
	if err != nil {
		return who, err
	}
	identity := caller.Identity{ID: user}
	if len(found) == 0 {
		if err := s.mustHaveUser(w, user); err != nil {
			return who, err
		}
	} else {
		a := &found[0]
		if a.SuspendedAt != nil {
			return who, errs.New(errs.Forbidden, "the account of the user %s is suspended", user)
		}
		identity.Email, identity.Verified = a.Email, a.Verified
		if identity.Roles, err = s.heldRoles(w, a, ""); err != nil {
			return who, err
		}
		identity.Roles = s.rolesWithoutMFA(identity)
	}
	return caller.User(identity), nil
}

// mustHaveUser returns an error unless there is a row of a user. The arguments of a job may name a user who was deleted since.
func (s *Service) mustHaveUser(w *work, user string) error {
	if s.users == nil {
		return nil
	}
	gone := errs.New(errs.Forbidden, "the user %s is gone", user)
	key, ok := value.ParseID(s.users, user)
	if !ok {
		return gone
	}
	_, err := w.rows.Get(s.users, key, record.Selection{Fields: s.users.ID().Name})
	if errs.KindOf(err) == errs.NotFound {
		return gone
	}
	return err
}
