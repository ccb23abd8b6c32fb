package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Suspend keeps a user or service account from signing in and ends its sessions. Its keys stop working until Resume.
func (s *Service) Suspend(ctx context.Context, by caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.Suspend")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if err := s.accounts.update(w, a.ID, 0, map[string]any{"suspended_at": micros(w.now)}); err != nil {
			return err
		}
		if err := s.endAll(w, a.ID, ""); err != nil {
			return err
		}
		if err := s.restampBearers(w, a.ID); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "account.suspended", actor: by})
	})
}

// Resume ends a suspension.
func (s *Service) Resume(ctx context.Context, by caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.Resume")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if err := s.accounts.update(w, a.ID, 0, map[string]any{"suspended_at": nil}); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "account.resumed", actor: by})
	})
}

// SetRoles sets the roles of an account. Access tokens with the former roles end.
func (s *Service) SetRoles(ctx context.Context, by caller.Caller, id string, roles []string, client Client) (err error) {
	defer errs.Wrap(&err, "account.SetRoles")
	if err := s.checkRoles("/roles", roles); err != nil {
		return err
	}
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if err := s.accounts.update(w, a.ID, 0, map[string]any{"roles": append([]string{}, roles...)}); err != nil {
			return err
		}
		if err := s.restampAll(w, a.ID); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "account.roles", actor: by, detail: map[string]any{"before": a.Roles, "after": roles}})
	})
}

func (s *Service) checkRoles(pointer string, roles []string) error {
	var faults []errs.Fault
	for i, role := range roles {
		if slices.Contains(roles[:i], role) {
			faults = append(faults, errs.Fault{Pointer: fmt.Sprintf("%s/%d", pointer, i), Code: "repeated", Detail: "this role is given twice"})
			continue
		}
		if !slices.Contains(s.model.Roles, role) {
			faults = append(faults, errs.Fault{Pointer: fmt.Sprintf("%s/%d", pointer, i), Code: "unknown", Detail: "there is no such role; there are: " + strings.Join(s.model.Roles, ", ")})
		}
	}
	if len(faults) > 0 {
		return &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
	}
	return nil
}

// Delete deletes a user: the row in users, with everything that the model deletes with it, and all credentials. The model may
// refuse, if other rows still refer to the user.
func (s *Service) Delete(ctx context.Context, by caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.Delete")
	return s.change(ctx, id, func(w *work, a *accountRow) error { return s.delete(w, a, by, client) })
}

// DeleteMe deletes the caller's own account. It needs a recent proof.
func (s *Service) DeleteMe(ctx context.Context, who caller.Caller, client Client) (err error) {
	defer errs.Wrap(&err, "account.DeleteMe")
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		return s.delete(w, m.account, caller.Caller{}, client)
	})
}

func (s *Service) delete(w *work, a *accountRow, by caller.Caller, client Client) error {
	if err := s.removeRows(w, a); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "account.deleted", actor: by})
}

// removeRows deletes the rows of an account.
func (s *Service) removeRows(w *work, a *accountRow) error {
	if a.Kind != KindUser {
		return s.accounts.remove(w, a.ID, 0)
	}
	key, ok := value.ParseID(s.users, a.userID())
	if !ok {
		return errs.New(errs.Internal, "account %s has a user without an id", a.ID)
	}
	if err := s.dropAllCodes(w, a.Email); err != nil {
		return err
	}
	return w.rows.Delete(s.users, key, nil)
}

// dropAllCodes deletes the codes of an address for all purposes.
func (s *Service) dropAllCodes(w *work, email string) error {
	rows, err := s.oneTime.list(w, "email == arg.email", map[string]string{"email": email})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ignoreMissing(s.oneTime.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// change runs f in a transaction with an account. id is the id of the account or, for users, of the row in users.
func (s *Service) change(ctx context.Context, id string, f func(w *work, a *accountRow) error) error {
	return again(func() error {
		return s.write(ctx, func(w *work) error {
			a, err := s.byID(w, id)
			if err != nil {
				return err
			}
			return f(w, a)
		})
	})
}

// byID finds an account by its id or by the id of its user.
func (s *Service) byID(w *work, id string) (*accountRow, error) {
	a, _, err := s.lock(w, id)
	if err == nil {
		return &a, nil
	}
	if errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	if _, ok := value.ParseID(s.users, id); !ok {
		return nil, errs.New(errs.NotFound, "no such account")
	}
	found, err := s.accounts.list(w, "user_id == arg.user", map[string]string{"user": id})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errs.New(errs.NotFound, "no such account")
	}
	a, _, err = s.lock(w, found[0].ID)
	return &a, err
}

// restampKeys makes every node read the keys of an account again.
func (s *Service) restampKeys(w *work, account string) error {
	rows, err := s.apiKeys.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.apiKeys.update(w, row.ID, 0, map[string]any{"stamp": row.Stamp + 1}); err != nil {
			return lostRace(err)
		}
	}
	return nil
}

// Invite mails an invitation with roles. An inviter gives no role that the model does not let invitations give.
func (s *Service) Invite(ctx context.Context, by caller.Caller, email string, roles []string, client Client) (err error) {
	defer errs.Wrap(&err, "account.Invite")
	if by.IsAnonymous() {
		return errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	if kind := by.Proof().Kind; kind == caller.ProofKey || kind == caller.ProofIdentity {
		return errs.New(errs.Forbidden, "keys and tokens of other issuers may not invite: sign in")
	}
	if !by.IsSystem() && !s.invites(by) {
		return errs.New(errs.Forbidden, "the model does not let this caller invite")
	}
	if err := s.alive(ctx, by); err != nil {
		return err
	}
	email, err = address(email, "/email")
	if err != nil {
		return err
	}
	if err := s.checkRoles("/roles", roles); err != nil {
		return err
	}
	if !by.IsSystem() && s.rules.Invite != nil {
		for i, role := range roles {
			if !slices.Contains(s.rules.Invite.Roles, role) {
				return invalid(fmt.Sprintf("/roles/%d", i), "forbidden", "invitations may not give this role")
			}
		}
	}
	err = s.write(ctx, func(w *work) error {
		if err := w.count(newCounter(inviteBudget, "invitations of", by.String()), newCounter(mailBudget, "mail", email)); err != nil {
			return err
		}
		inviter := ""
		if _, isUser := by.Session(); isUser {
			m, err := s.member(w, by)
			if err != nil {
				return err
			}
			inviter = m.account.ID
		}
		id, err := s.pend(w, forInvite, email, pending{Roles: roles, By: inviter})
		if err != nil {
			return err
		}
		if err := s.queue(w, letter{Kind: string(forInvite), Email: email, Data: map[string]string{"pending": id}}, client); err != nil {
			return err
		}
		return s.note(w, &accountRow{}, client, event{action: "invitation.sent", actor: by, target: email, detail: map[string]any{"roles": roles}})
	})
	return err
}
