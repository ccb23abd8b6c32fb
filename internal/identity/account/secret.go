package account

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A purpose is what a one-time secret is for. It is part of the hash of the secret, so that no secret works for another
// purpose than its own.
type purpose string

const (
	forSignUp   purpose = "sign-up"  // confirms the address of a new account; data holds the account
	forSignIn   purpose = "sign-in"  // signs in without a password
	forAddress  purpose = "address"  // confirms the address of an existing account
	forReset    purpose = "reset"    // sets a new password
	forInvite   purpose = "invite"   // makes an account by invitation; data holds its roles
	forFactor   purpose = "factor"   // a sign-in that waits for its second factor; the id is the flow
	forOperator purpose = "operator" // makes an operator; the link of the console; data holds the role
	forTOTP     purpose = "totp"     // a TOTP secret that waits for its first code; data holds it
	forProvider purpose = "provider" // a sign-in that waits at a provider; data holds what was sent there
	forPasskey  purpose = "passkey"  // a new passkey that waits for its authenticator; data holds the ceremony, here and below
	forSignInBy purpose = "passkey sign-in"
	forProofBy  purpose = "passkey factor" // of a flow
	forLink     purpose = "link"           // an account at a provider that waits for its owner's proof; data holds it
)

// liveCodes is the number of codes of one purpose that an address may have at once. A new one ends the oldest. So a stranger
// who asks for codes does not end the code that the owner waits for at once.
const liveCodes = 3

// newCode returns a random code of the model's length, all digits.
func (s *Service) newCode() (string, error) {
	bound := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(s.rules.Codes.Length)), nil)
	n, err := rand.Int(rand.Reader, bound)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", s.rules.Codes.Length, n), nil
}

// hashSecret returns the hash of a secret for a purpose and a subject, an address or an id.
func (s *Service) hashSecret(why purpose, subject, secret string) string {
	return hex.EncodeToString(mac(s.secrets, string(why), subject, secret))
}

// pend keeps the data of a sign-up or invitation until its code is mailed, and returns the id of the row. No code matches it
// before that.
func (s *Service) pend(w *work, why purpose, email string, data pending) (string, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	return s.oneTime.create(w, secretRow{Purpose: why, Email: email, Data: text, ExpiresAt: micros(w.now.Add(maxPending))})
}

// maxPending is how long the data of a sign-up waits for its mail to be sent.
const maxPending = 24 * time.Hour

// keepCode keeps a code for an address. The code goes into the pending row, if one is named. If that row is gone, keepCode
// returns false.
func (s *Service) keepCode(w *work, why purpose, email, account, waits, code string) (bool, error) {
	hash, ends := s.hashSecret(why, email, code), micros(w.now.Add(s.lifeOf(why)))
	if waits != "" {
		row, revision, err := s.oneTime.get(w, waits)
		if err != nil || row.Purpose != why || row.Email != email {
			return false, ignoreMissing(err)
		}
		return true, lostRace(s.oneTime.update(w, waits, revision, map[string]any{"hash": hash, "tries": 0, "expires_at": ends}))
	}
	if err := s.dropOldCodes(w, why, email); err != nil {
		return false, err
	}
	_, err := s.oneTime.create(w, secretRow{Account: account, Purpose: why, Email: email, Hash: hash, ExpiresAt: ends})
	return true, err
}

// dropOldCodes makes room for one more code of an address.
func (s *Service) dropOldCodes(w *work, why purpose, email string) error {
	old, err := s.oneTime.list(w, "email == arg.email && purpose == arg.purpose", map[string]string{"email": email, "purpose": string(why)})
	if err != nil {
		return err
	}
	for i := range len(old) - liveCodes + 1 {
		if err := ignoreMissing(s.oneTime.remove(w, old[i].ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// lifeOf returns how long a mailed secret lives. People need days to see an invitation.
func (s *Service) lifeOf(why purpose) time.Duration {
	if why == forInvite {
		return 7 * 24 * time.Hour
	}
	return s.rules.Codes.Valid
}

// redeem consumes the code of an address for one of some purposes. It returns nil if no code matches. Each code that does
// not match has one try less, so the transaction must commit then too.
func (s *Service) redeem(w *work, email, code string, purposes ...purpose) (*secretRow, error) {
	rows, err := s.oneTime.list(w, "email == arg.email", map[string]string{"email": email})
	if err != nil {
		return nil, err
	}
	code = strings.Map(dropBlank, code)
	var match *secretRow
	for i := range rows {
		row := &rows[i]
		if row.Hash == "" || !isOneOf(row.Purpose, purposes) || row.Tries >= s.rules.Codes.Tries || !w.now.Before(row.ExpiresAt) {
			continue
		}
		hit, err := s.try(w, row, code)
		if err != nil {
			return nil, err
		}
		if hit && match == nil {
			match = row
		}
	}
	return match, nil
}

// try compares one code with a row. A match deletes the row. A miss takes one of its tries. Both need the revision that was
// read, so of parallel attempts one wins.
func (s *Service) try(w *work, row *secretRow, code string) (bool, error) {
	current, revision, err := s.oneTime.get(w, row.ID)
	if err != nil || current.Tries >= s.rules.Codes.Tries {
		return false, ignoreMissing(err)
	}
	if !hmac.Equal([]byte(s.hashSecret(row.Purpose, row.Email, code)), []byte(row.Hash)) {
		return false, s.oneTime.update(w, row.ID, revision, map[string]any{"tries": current.Tries + 1})
	}
	return true, lostRace(s.oneTime.remove(w, row.ID, revision))
}

// lostRace turns the error of a row that another transaction has just deleted into errs.Stale: see again.
func lostRace(err error) error {
	if errs.KindOf(err) == errs.NotFound {
		return errs.Wrapf(err, errs.Stale, "the row was deleted first")
	}
	return err
}

func isOneOf(why purpose, purposes []purpose) bool {
	for _, each := range purposes {
		if each == why {
			return true
		}
	}
	return false
}

// dropBlank drops the blanks and hyphens that people copy or type with a code.
func dropBlank(char rune) rune {
	if char == ' ' || char == '-' || char == '\t' || char == '\u00a0' {
		return -1
	}
	return char
}

func ignoreMissing(err error) error {
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

// errCode is the answer to a code that is wrong, expired, used or meant for something else. It does not say which.
func errCode() error {
	return invalid("/code", "code_invalid", "the code is not valid, or no longer: ask for a new one")
}

// again runs a transaction again if another one changed the same row first.
func again(run func() error) error {
	for try := range 40 {
		err := run()
		if kind := errs.KindOf(err); kind != errs.Stale {
			return err
		}
		time.Sleep(mathrand.N(time.Duration(try+1) * time.Millisecond)) // so that the others finish
	}
	return errs.New(errs.Unavailable, "too many requests change this at once: try again")
}

// newSecret returns a random text with 130 bits.
func newSecret() string { return rand.Text() }

// cutFlow splits a flow into the id of its row and its secret. It refuses other spellings of the id.
func cutFlow(flow string) (id, secret string, ok bool) {
	id, secret, ok = strings.Cut(flow, ".")
	return id, secret, ok && id != "" && secret != "" && id == strings.ToLower(id)
}

func sameHash(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
