package account

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// RenewRecovery makes new recovery codes for the caller's account and ends the former ones.
func (s *Service) RenewRecovery(ctx context.Context, who caller.Caller, client Client) (codes []string, err error) {
	defer errs.Wrap(&err, "account.RenewRecovery")
	err = s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		factors, err := s.factorsOf(w, m.account)
		if err != nil {
			return err
		}
		if len(factors) == 0 {
			return errs.New(errs.Conflict, "the account has no second factor, so it needs no recovery codes")
		}
		if err := s.mustProveFactor(w, m); err != nil {
			return err
		}
		if codes, err = s.newRecovery(w, m.account.ID); err != nil {
			return err
		}
		if err := s.tell(w, m.account, "recovery", client); err != nil {
			return err
		}
		return s.note(w, m.account, client, event{action: "recovery.renewed", session: m.session.ID})
	})
	return codes, err
}
