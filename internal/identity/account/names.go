package account

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// KeyName returns the name that its owner gave a key, or "" if the key is gone.
func (s *Service) KeyName(ctx context.Context, id string) (name string, err error) {
	defer errs.Wrap(&err, "account.KeyName")
	if _, ok := value.ParseID(s.apiKeys.Table, id); !ok {
		return "", nil
	}
	rows, err := s.apiKeys.read(ctx, s, "id == arg.id", map[string]string{"id": id})
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0].Name, nil
}

// AccountOfUser returns the account of a row in users, or a zero one if the user is gone.
func (s *Service) AccountOfUser(ctx context.Context, user string) (a Account, err error) {
	defer errs.Wrap(&err, "account.AccountOfUser")
	if s.users == nil {
		return a, nil
	}
	if _, ok := value.ParseID(s.users, user); !ok {
		return a, nil
	}
	rows, err := s.accounts.read(ctx, s, "user_id == arg.user", map[string]string{"user": user})
	if err != nil || len(rows) == 0 {
		return a, err
	}
	return rows[0].public(), nil
}
