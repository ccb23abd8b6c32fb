package account

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A census knows how the passwords of users are hashed. Imported hashes cost another time than our own. So a sign-in to an
// address without an account costs the hash of a user who is drawn by a keyed hash of the address. Then an address whose sign-in
// takes the time of bcrypt has an account as likely as any other address.
type census struct {
	key   [32]byte
	kinds atomic.Pointer[[]hashKind]
	stale atomic.Bool // a sign-in has met a kind of hash that the census does not know
	next  time.Time   // for Run
}

// A hashKind is an algorithm with its parameters.
type hashKind struct {
	decoy string // see password.Hasher.Decoy; "" for our own
	users int
}

const (
	censusEvery  = time.Hour
	censusPage   = 1000 // rows of one read
	maxHashKinds = 100
)

// selectHashes reads a page of accounts in the order of the primary key. A condition on the kind would make SQLite read another
// index, and sort all users for each page.
const selectHashes = `SELECT "id", "kind", "password" FROM "ashlar_accounts" WHERE "id" > $1 ORDER BY "id" LIMIT 1000`

// CountHashes takes the census. Run calls it at the start, every hour, and when a sign-in met an unknown kind of hash.
func (s *Service) CountHashes(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "account.CountHashes")
	s.census.stale.Store(false)
	users := map[string]int{}
	for after, read := "00000000-0000-0000-0000-000000000000", censusPage; read == censusPage; {
		read = 0
		err := s.db.Read(ctx, func(reader store.Reader) error {
			reader.FinalStatement()
			return reader.Query(selectHashes, []value.Value{value.OfUUID(after)}, func(row value.Row) error {
				after, read = string(row.Bytes(0)), read+1
				if string(row.Bytes(1)) != string(KindUser) || row.Null(2) {
					return nil
				}
				decoy := s.hasher.Decoy(string(row.Bytes(2)))
				if _, known := users[decoy]; known || len(users) < maxHashKinds {
					users[decoy]++
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	kinds := make([]hashKind, 0, len(users))
	for decoy, count := range maps.All(users) {
		kinds = append(kinds, hashKind{decoy, count})
	}
	slices.SortFunc(kinds, func(a, b hashKind) int { return cmp.Compare(a.decoy, b.decoy) })
	s.census.kinds.Store(&kinds)
	return nil
}

// countHashesInTime takes the census when it is due.
func (s *Service) countHashesInTime(ctx context.Context) error {
	if now := s.now(); s.census.stale.Load() || !now.Before(s.census.next) {
		s.census.next = now.Add(censusEvery)
		return s.counting.Look(ctx, s.CountHashes)
	}
	return nil
}

// decoy returns the hash that a sign-in to an address without a password costs. The choice is rendezvous hashing with weights: when
// users of one kind come or go, few addresses change their kind, and only from or to this one.
func (c *census) decoy(email string) string {
	kinds := c.kinds.Load()
	if kinds == nil {
		return ""
	}
	chosen, least := "", math.Inf(1)
	for _, kind := range *kinds {
		sum := binary.BigEndian.Uint64(mac(c.key, kind.decoy, email))
		uniform := (float64(sum>>11) + 0.5) / (1 << 53) // between 0 and 1
		if score := -math.Log(uniform) / float64(kind.users); score < least {
			chosen, least = kind.decoy, score
		}
	}
	return chosen
}

// meet notes a stored hash that a sign-in met.
func (c *census) meet(decoy string) {
	kinds := c.kinds.Load()
	isKnown := kinds != nil && slices.ContainsFunc(*kinds, func(kind hashKind) bool { return kind.decoy == decoy })
	if decoy != "" && !isKnown {
		c.stale.Store(true)
	}
}

// verify compares a password with the hash of an account of a kind. Without a hash it does the same work in vain. The passwords of
// operators are never imported.
func (s *Service) verify(ctx context.Context, kind Kind, a *accountRow, secret string, client Client) (ok, rehash bool, err error) {
	stored, isReal := a.Password, a.Password != ""
	switch {
	case isReal:
		s.census.meet(s.hasher.Decoy(stored))
	case kind == KindUser:
		stored = s.census.decoy(a.Email)
	}
	ok, rehash, err = s.hasher.Verify(ctx, client.caller(), stored, secret)
	return ok && isReal, rehash && isReal, err
}
