package account

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// guessesTable counts the attempts to guess a secret.
const guessesTable = "ashlar_guesses"

// A budget bounds the attempts under one counter. The first ones are free. After each further one the counter is closed for a
// time that grows to 15 minutes. It starts again when nobody tried for the time of forget.
type budget struct {
	free   int64
	forget time.Duration
}

// Budgets of the counters. An owner with a known device has one of his own, so strangers cannot lock him out.
var (
	deviceBudget  = budget{free: 10, forget: 30 * time.Minute}
	devicesBudget = budget{free: 30, forget: 30 * time.Minute} // of all known devices together
	accountBudget = budget{free: 8, forget: 30 * time.Minute}
	addressBudget = budget{free: 120, forget: 15 * time.Minute} // of passwords; more than the sign-ins that wait for a hash at a time
	networkBudget = budget{free: 60, forget: 15 * time.Minute}  // of mails, codes, factors or links, each by itself
	mailBudget    = budget{free: 5, forget: time.Hour}
	codeBudget    = budget{free: 10, forget: 30 * time.Minute}
	inviteBudget  = budget{free: 50, forget: time.Hour}
)

// A counter is one bounded count: of the guesses for an account from unknown devices, of a known device, or of an address.
type counter struct {
	id string
	budget
}

// newCounter returns the counter of a kind for some words. Different kinds or words never share a counter.
func newCounter(limit budget, kind string, words ...string) counter {
	hash := sha256.New()
	for _, word := range append([]string{kind}, words...) {
		sum := sha256.Sum256([]byte(word))
		hash.Write(sum[:])
	}
	return counter{id: base64.RawURLEncoding.EncodeToString(hash.Sum(nil)), budget: limit}
}

// countGuess counts an attempt unless the counter is closed. Checking and counting are one statement, so parallel attempts
// never get more than the budget. It returns no row if the counter is closed. Times are microseconds since 1970.
const countGuess = `INSERT INTO "ashlar_guesses" ("id", "count", "until", "at", "created_at", "updated_at", "_rev")
VALUES ($1, 1, 0, CAST($2 AS bigint), $3, $3, $4)
ON CONFLICT ("id") DO UPDATE SET
  "count" = CASE WHEN "ashlar_guesses"."at" < CAST($5 AS bigint) THEN 1 ELSE "ashlar_guesses"."count" + 1 END,
  "until" = CASE
    WHEN "ashlar_guesses"."at" < CAST($5 AS bigint) OR "ashlar_guesses"."count" < CAST($6 AS bigint) THEN 0
    WHEN "ashlar_guesses"."count" < CAST($6 AS bigint) + 3 THEN CAST($2 AS bigint) + 1000000
    WHEN "ashlar_guesses"."count" < CAST($6 AS bigint) + 6 THEN CAST($2 AS bigint) + 10000000
    WHEN "ashlar_guesses"."count" < CAST($6 AS bigint) + 9 THEN CAST($2 AS bigint) + 60000000
    ELSE CAST($2 AS bigint) + 900000000 END,
  "at" = CAST($2 AS bigint), "updated_at" = $3, "_rev" = $4
WHERE "ashlar_guesses"."until" <= CAST($2 AS bigint)
RETURNING "count"`

// takeBackGuess takes back one attempt. A counter within its budget is open.
const takeBackGuess = `UPDATE "ashlar_guesses" SET "count" = "count" - 1,
  "until" = CASE WHEN "count" <= CAST($1 AS bigint) + 1 THEN 0 ELSE "until" END, "updated_at" = $2, "_rev" = $3
WHERE "id" = $4 AND "count" > 0`

const (
	selectClosed = `SELECT "until" FROM "ashlar_guesses" WHERE "id" = $1`
	deleteGuess  = `DELETE FROM "ashlar_guesses" WHERE "id" = $1`
)

// count counts an attempt under each counter. If one is closed it returns errs.Limited, and the transaction must end.
func (w *work) count(counters ...counter) error {
	slices.SortFunc(counters, func(a, b counter) int { // one order of locks for all transactions
		if a.id < b.id {
			return -1
		}
		return 1
	})
	w.tx.MarkChanged(guessesTable)
	for _, c := range counters {
		if err := w.countOne(c); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) countOne(c counter) error {
	revision, err := w.tx.Revision()
	if err != nil {
		return err
	}
	now := w.now.UnixMicro()
	counted := false
	err = w.tx.Query(countGuess, []value.Value{
		value.OfText(c.id), value.OfInt(now), value.OfTimestamp(now), value.OfInt(revision),
		value.OfInt(now - c.forget.Microseconds()), value.OfInt(c.free),
	}, func(value.Row) error {
		counted = true
		return nil
	})
	if err != nil || counted {
		return err
	}
	return w.closed(c)
}

// closed returns the error of a closed counter.
func (w *work) closed(c counter) error {
	wait := time.Second
	err := w.tx.Query(selectClosed, []value.Value{value.OfText(c.id)}, func(row value.Row) error {
		wait = max(wait, time.Duration(row.Int(0)-w.now.UnixMicro())*time.Microsecond)
		return nil
	})
	if err != nil {
		return err
	}
	return &errs.Error{Kind: errs.Limited, Message: "too many attempts: wait, then try again", RetryAfter: wait}
}

// forgive deletes counters after the right secret was given. The counters of networks only forget this attempt: a thousand
// people may sign in from one address, but a stranger who signs in to an account of his own buys no guesses for others.
func (w *work) forgive(counters ...counter) error {
	for _, c := range counters {
		if c.budget == addressBudget || c.budget == networkBudget {
			if err := w.takeBack(c); err != nil {
				return err
			}
			continue
		}
		if _, err := w.tx.Exec(deleteGuess, []value.Value{value.OfText(c.id)}); err != nil {
			return err
		}
	}
	return nil
}

// takeBack takes back the attempt that count counted, since it was no guess.
func (w *work) takeBack(counters ...counter) error {
	revision, err := w.tx.Revision()
	for _, c := range counters {
		if err != nil {
			return err
		}
		_, err = w.tx.Exec(takeBackGuess, []value.Value{
			value.OfInt(c.free), value.OfTimestamp(w.now.UnixMicro()), value.OfInt(revision), value.OfText(c.id),
		})
	}
	return err
}
