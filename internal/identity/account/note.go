package account

import (
	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// An event is what an audit row says beside the account and the client.
type event struct {
	action  string
	actor   caller.Caller // default: the account itself
	target  string
	session string
	key     string
	detail  map[string]any
}

// note appends an audit row in the transaction. The row of an unknown account has no account.
func (s *Service) note(w *work, a *accountRow, client Client, e event) error {
	kind, id := string(a.Kind), a.userID()
	if a.Kind != KindUser {
		id = a.ID
	}
	if o := client.Operator; o != nil {
		kind, id = string(KindOperator), o.Account
		if e.session == "" {
			e.session = o.Session
		}
	} else if !e.actor.IsAnonymous() {
		kind = e.actor.Kind().String()
		id, _ = e.actor.ID()
	}
	return s.audit.Append(w.rows, audit.Event{
		Action: e.action, ActorKind: kind, ActorID: id, Account: a.ID, Target: e.target, Address: client.Address,
		Session: e.session, Key: e.key, Request: client.Request, Detail: e.detail,
	})
}
