package account

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// ForJob returns a user as whom a job acts, with the roles that the user holds now without a second factor. A user without an
// account has no roles. The error has the kind errs.Forbidden if the account is suspended.
func (s *Service) ForJob(ctx context.Context, user string) (who caller.Caller, err error) {
	defer errs.Wrap(&err, "account.ForJob")
	err = s.write(ctx, func(w *work) error {
		found, err := s.accounts.list(w, "user_id == arg.user", map[string]string{"user": user})
		if err != nil {
			return err
		}
		identity := caller.Identity{ID: user}
		if len(found) > 0 {
			a := &found[0]
			if a.SuspendedAt != nil {
				return errs.New(errs.Forbidden, "the account of the user %s is suspended", user)
			}
			identity.Email, identity.Verified = a.Email, a.Verified
			if identity.Roles, err = s.heldRoles(w, a, ""); err != nil {
				return err
			}
			identity.Roles = s.rolesWithoutMFA(identity)
		}
		who = caller.User(identity)
		return nil
	})
	return who, err
}
