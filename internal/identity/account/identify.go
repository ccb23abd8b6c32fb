package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/apikey"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The look-ups of the guard. A session, key or link is alive as long as its row exists, with the stamp of the caller.
const (
	selectSession = `SELECT "stamp" FROM "ashlar_sessions" WHERE "id" = $1`
	selectKey     = `SELECT "stamp" FROM "ashlar_keys" WHERE "id" = $1`

	// A missing row has the stamp -1, so that the node forgets it: the subject may be linked again, by another row.
	selectIdentity = `SELECT COALESCE((SELECT COALESCE("stamp", 0) FROM "ashlar_identities" WHERE "id" = $1), -1)`
)

// Guard returns the step that refuses a caller whose session, key or link has ended. Package record runs it in the snapshot or
// transaction of each request. Other callers need none.
func (s *Service) Guard(who caller.Caller) (store.Step, bool) {
	proof := who.Proof()
	step := store.Step{Row: func(row value.Row) error {
		if row.Int(0) != proof.Stamp {
			s.forget(proof)
			return errEnded()
		}
		return nil
	}}
	switch proof.Kind {
	case caller.ProofSession:
		step.Statement = store.Statement{SQL: selectSession, Args: []value.Value{value.OfUUID(proof.ID)}}
		step.Check = store.GuardCheck{Table: "ashlar_sessions", ID: proof.ID, Stamp: proof.Stamp}
	case caller.ProofKey:
		step.Statement = store.Statement{SQL: selectKey, Args: []value.Value{value.OfText(proof.ID)}}
		step.Check = store.GuardCheck{Table: "ashlar_keys", ID: proof.ID, Stamp: proof.Stamp}
	case caller.ProofIdentity:
		step.Statement = store.Statement{SQL: selectIdentity, Args: []value.Value{value.OfUUID(proof.ID)}}
		step.Check = store.GuardCheck{Table: "ashlar_identities", ID: proof.ID, Stamp: proof.Stamp}
	default:
		return store.Step{}, false
	}
	return step, true
}

// alive returns errs.Unauthenticated if the session or key of a caller has ended.
func (s *Service) alive(ctx context.Context, who caller.Caller) error {
	step, ok := s.Guard(who)
	if !ok {
		return nil
	}
	found := false
	err := s.db.Read(ctx, func(reader store.Reader) error {
		reader.FinalStatement()
		return reader.Query(step.SQL, step.Args, func(row value.Row) error {
			found = true
			return step.Row(row)
		})
	})
	if err == nil && !found {
		err = errEnded()
	}
	return err
}

// known is a caller who came with a key or cookie. Guard refuses the caller when the row has changed, so a node need not read
// the row for each request. It reads it again after some minutes, to note the last use.
type known struct {
	who    caller.Caller
	secret [sha256.Size]byte // hash of the key or cookie
	until  time.Time
}

// maxKnown bounds the callers that a node remembers.
const maxKnown = 10_000

// remembered returns the caller of a key or cookie, if it was found lately.
func (s *Service) remembered(id string, secret [sha256.Size]byte) (caller.Caller, bool) {
	found, ok := s.known.Get(id)
	if !ok || found.secret != secret || !s.now().Before(found.until) {
		return caller.Caller{}, false
	}
	return found.who, true
}

// remember keeps a caller until the row must be read again.
func (s *Service) remember(id string, secret [sha256.Size]byte, who caller.Caller, ends ...*time.Time) {
	until := s.now().Add(granularity)
	for _, end := range ends {
		if end != nil && end.Before(until) {
			until = *end
		}
	}
	s.known.Put(id, known{who, secret, until})
}

// forget drops a caller whose row has changed. The next request reads the row.
func (s *Service) forget(proof caller.Proof) {
	if proof.Kind == caller.ProofIdentity {
		s.linked.Put(proof.ID, linked{})
		return
	}
	s.known.Put(proof.ID, known{})
}

// IsKey reports whether a bearer token has the form of an API key.
func IsKey(text string) bool { return apikey.IsKey(text) }

// ByKey returns the caller with an API key.
func (s *Service) ByKey(ctx context.Context, text string) (who caller.Caller, err error) {
	defer errs.Wrap(&err, "account.ByKey")
	id, hash, err := apikey.Parse(text)
	if err != nil { // damaged: refused without a look-up
		return who, errs.Wrapf(err, errs.Unauthenticated, "the API key is not valid")
	}
	if who, ok := s.remembered(id, hash); ok {
		return who, nil
	}
	var ends *time.Time
	err = again(func() error {
		return s.write(ctx, func(w *work) error {
			who = caller.Caller{}
			row, revision, err := s.apiKeys.get(w, id)
			if err != nil {
				return ignoreMissing(err)
			}
			if !sameHash(row.Hash, hex.EncodeToString(hash[:])) || (row.ExpiresAt != nil && !w.now.Before(*row.ExpiresAt)) {
				return nil
			}
			a, _, err := s.accounts.get(w, row.Account)
			if err != nil || a.SuspendedAt != nil {
				return ignoreMissing(err)
			}
			ends = row.ExpiresAt
			if who, err = s.keyCaller(w, &a, &row); err != nil {
				return err
			}
			return s.touchKey(w, &row, revision)
		})
	})
	if err == nil && who.IsAnonymous() {
		err = errs.New(errs.Unauthenticated, "the API key is not valid")
	}
	if err == nil {
		s.remember(id, hash, who, ends)
	}
	return who, err
}

// ByCookie returns the caller with the cookie of a session.
func (s *Service) ByCookie(ctx context.Context, text string) (who caller.Caller, err error) {
	defer errs.Wrap(&err, "account.ByCookie")
	given, err := s.cookies.Decode(text)
	if err != nil {
		return who, errs.Wrapf(err, errs.Unauthenticated, "%s", sessionEnded)
	}
	hash := sha256.Sum256([]byte(text))
	if who, ok := s.remembered(given.Session, hash); ok {
		return who, nil
	}
	var row sessionRow
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			who, err = s.byCookie(w, given.Session, &row)
			return err
		})
	})
	if err == nil && who.IsAnonymous() {
		err = errEnded()
	}
	if err == nil {
		s.remember(given.Session, hash, who, &row.IdleAt, &row.EndsAt)
	}
	return who, err
}

// byCookie returns an anonymous caller if the session has ended.
func (s *Service) byCookie(w *work, id string, row *sessionRow) (who caller.Caller, err error) {
	a, err := s.ofCookie(w, KindUser, id, row)
	if err != nil || a == nil {
		return who, err
	}
	found, err := s.identity(w, a, row)
	if err != nil {
		return who, err
	}
	return caller.User(found), nil
}

// ofCookie returns the account of a session in a cookie, and notes that the session is in use. It returns nil if the session
// has ended.
func (s *Service) ofCookie(w *work, kind Kind, id string, row *sessionRow) (*accountRow, error) {
	found, revision, err := s.sessions.get(w, id)
	if err != nil || !found.Cookie || found.over(w.now) {
		return nil, ignoreMissing(err)
	}
	*row = found
	a, _, err := s.accounts.get(w, row.Account)
	if err != nil || a.SuspendedAt != nil || a.Kind != kind {
		return nil, ignoreMissing(err)
	}
	return &a, s.touchSession(w, kind, row, revision)
}
