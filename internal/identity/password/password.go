// Package password hashes and verifies passwords, imports hashes of other systems, and refuses passwords that are easy to
// guess.
package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Config configures a Hasher. The zero value works.
type Config struct {
	Memory uint32 // KiB of memory for a new hash; default: 19,456
	Passes uint32 // over this memory; default: 2
	Lanes  uint8  // default: 1

	Places   int           // hashes at a time; default: one for each core
	Queue    int           // callers that may wait for a place; default: 1,000
	Share    int           // how many of them may be one client's; default: 100
	Patience time.Duration // longest wait that a caller is let into the queue for; default: 3 s

	Verified func(phc string) // gets each hash that Verify has computed a key for, "" for none; nil: nobody counts
}

// A Hasher hashes and verifies passwords with argon2id. A hash takes tens of milliseconds of a core and Memory, so only a
// few run at a time. Callers queue for them, and the clients take turns. A Hasher is safe for concurrent use.
type Hasher struct {
	params   argon2Params
	queue    *queue
	memory   memory
	verified func(phc string)
}

// NewHasher returns a Hasher. Its default parameters are the ones that OWASP recommends.
func NewHasher(cfg Config) *Hasher {
	places := cmp.Or(cfg.Places, background.Processors())
	return &Hasher{
		params: argon2Params{
			variant: variantID, memory: cmp.Or(cfg.Memory, 19<<10), passes: cmp.Or(cfg.Passes, 2), lanes: cmp.Or(cfg.Lanes, 1),
		},
		verified: cfg.Verified,
		queue: &queue{
			gate:     admit.NewGate[caller.Client](places, places),
			places:   places,
			most:     cmp.Or(cfg.Queue, 1000),
			share:    cmp.Or(cfg.Share, 100),
			patience: cmp.Or(cfg.Patience, 3*time.Second),
			waiting:  map[caller.Client]int{},
			taken:    40 * time.Millisecond,
		},
		memory: memory{lend: mapBlocks},
	}
}

// Gate returns counts of the gate that callers queue at.
func (h *Hasher) Gate() admit.Stats { return h.queue.gate.Stats() }

// Hash returns the hash of a password in the PHC form, with a new salt. It hashes the NFC form of the password, so every
// keyboard gives the same hash. The error is errs.Unavailable if too many callers wait, or the error of ctx.
func (h *Hasher) Hash(ctx context.Context, client caller.Client, password string) (phc string, err error) {
	defer errs.Wrap(&err, "password.Hash")
	leave, err := h.queue.enter(ctx, client)
	if err != nil {
		return "", err
	}
	defer leave()
	made := argon2Hash{argon2Params: h.params, salt: make([]byte, saltSize)}
	_, _ = rand.Read(made.salt)
	made.key = h.memory.derive(made, norm.NFC.Bytes([]byte(password)), keySize)
	return made.String(), nil
}

// Verify reports whether a password belongs to a hash. rehash means that Hash would now use another algorithm or other
// parameters, so the caller should store a new hash. Supported names the formats of hashes.
//
// An empty phc belongs to no password. It costs the work of a usual hash, so the time of Verify tells nobody which
// accounts exist. Imported hashes take their own time: see Decoy.
//
// Verify tries the NFC form of the password first, and then the password itself: other systems hash what they get.
func (h *Hasher) Verify(ctx context.Context, client caller.Client, phc, password string) (ok, rehash bool, err error) {
	defer errs.Wrap(&err, "password.Verify")
	if len(password) > maxTyped {
		return false, false, nil
	}
	var stored hash = argon2Hash{argon2Params: h.params, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	if phc != "" {
		if stored, err = parse(phc); err != nil {
			return false, false, err
		}
	}
	leave, err := h.queue.enter(ctx, client)
	if err != nil {
		return false, false, err
	}
	defer leave()
	if h.verified != nil {
		h.verified(phc)
	}
	composed := norm.NFC.String(password)
	ok = stored.verify([]byte(composed), &h.memory)
	if !ok && composed != password {
		ok = stored.verify([]byte(password), &h.memory)
	}
	if phc == "" {
		return false, false, nil
	}
	return ok, ok && !h.isCurrent(stored), nil
}

// isCurrent reports whether Hash makes hashes of this kind.
func (h *Hasher) isCurrent(stored hash) bool {
	own, ok := stored.(argon2Hash)
	return ok && own.argon2Params == h.params && len(own.salt) == saltSize && len(own.key) == keySize
}

// A hash is a stored hash of a password.
type hash interface {
	verify(password []byte, m *memory) bool
	decoy() string // see Hasher.Decoy
}

// equal compares keys in constant time.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
