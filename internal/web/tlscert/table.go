package tlscert

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TableName is the table of this package.
const TableName = "ashlar_certificates"

// Tables is the fragment of system tables of this package. A row is the key of an ACME account, a certificate with its key, the
// answer to a challenge, or the lock of a name. Every key is sealed. No generation moves with the table, since nobody keeps
// answers about it.
func Tables(*model.Model) []*model.Table {
	return []*model.Table{system.NewTable(TableName, model.Text, system.Text("value"), system.Timestamp("until"))}
}

// The kinds of rows. An id is a kind and a name.
const (
	accountRow     = "account "     // with the directory
	certificateRow = "certificate " // with the domain and the directory
	lockRow        = "lock "        // as certificateRow
	alpnRow        = "alpn "        // with the domain
	tokenRow       = "token "       // with the token of a challenge
)

const (
	selectRow   = `SELECT "value" FROM "ashlar_certificates" WHERE "id" = $1`
	selectUntil = `SELECT "until" FROM "ashlar_certificates" WHERE "id" = $1`
	insertRow   = `INSERT INTO "ashlar_certificates" ("id", "value", "until", "created_at", "updated_at", "_rev") VALUES ($1, $2, $3, $4, $4, $5)`
	keepRow     = insertRow + ` ON CONFLICT ("id") DO NOTHING`
	putRow      = insertRow + ` ON CONFLICT ("id") DO UPDATE SET "value" = excluded."value", "until" = excluded."until", "updated_at" = excluded."updated_at", "_rev" = excluded."_rev"`
	takeRow     = putRow + ` WHERE "ashlar_certificates"."until" <= excluded."updated_at"`
	deleteRow   = `DELETE FROM "ashlar_certificates" WHERE "id" = $1`
	// The space behind the kinds is 0x20, and 0x21 follows it.
	deleteOld = `DELETE FROM "ashlar_certificates" WHERE "until" <= $1 AND (("id" >= 'alpn ' AND "id" < 'alpn!') OR ("id" >= 'token ' AND "id" < 'token!'))`
)

// shared is the table, with the key that seals its secrets.
type shared struct {
	store store.DB
	seal  Sealer
	now   func() time.Time
}

// A Sealer encrypts what the database must not hold in the clear. All nodes have the same one.
type Sealer interface {
	Seal(purpose string, secret []byte, context string) (string, error)
	Open(purpose, text, context string) ([]byte, error)
}

const sealPurpose = "certificate"

// get returns the value of a row, "" if there is none.
func (s *shared) get(ctx context.Context, id string) (text string, err error) {
	err = s.store.Read(ctx, func(r store.Reader) error {
		text = ""
		return r.Query(system.Numbered(r.Dialect(), selectRow), []value.Value{value.OfText(id)}, func(row value.Row) error {
			text = string(row.Bytes(0))
			return nil
		})
	})
	return text, err
}

// getSecret returns the value of a row with a secret, nil if there is none.
func (s *shared) getSecret(ctx context.Context, id string) ([]byte, error) {
	text, err := s.get(ctx, id)
	if err != nil || text == "" {
		return nil, err
	}
	secret, err := s.seal.Open(sealPurpose, text, id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSealed, err)
	}
	return secret, nil
}

// errSealed says that a secret was sealed with other keys, as after a move without the keys of the data folder.
var errSealed = errors.New("it was sealed with other keys")

// write runs a statement of the columns id, value, until, now and revision.
func (s *shared) write(ctx context.Context, sql, id, text string, until time.Time) (changed bool, err error) {
	err = s.store.Write(ctx, func(tx store.Tx) error {
		revision, err := system.Revision(tx)
		if err != nil {
			return err
		}
		n, err := tx.Exec(system.Numbered(tx.Dialect(), sql), []value.Value{
			value.OfText(id), value.OfText(text), value.OfTimestamp(until.UnixMicro()), value.OfTimestamp(s.now().UnixMicro()), value.OfInt(revision),
		})
		changed = n > 0
		return err
	})
	return changed, err
}

func (s *shared) writeSecret(ctx context.Context, sql, id string, secret []byte, until time.Time) error {
	text, err := s.seal.Seal(sealPurpose, secret, id)
	if err != nil {
		return err
	}
	_, err = s.write(ctx, sql, id, text, until)
	return err
}

func (s *shared) remove(ctx context.Context, id string) error {
	return s.store.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(system.Numbered(tx.Dialect(), deleteRow), []value.Value{value.OfText(id)})
		return err
	})
}

// removeOld removes answers to challenges that a killed node left behind.
func (s *shared) removeOld(ctx context.Context) error {
	return s.store.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(system.Numbered(tx.Dialect(), deleteOld), []value.Value{value.OfTimestamp(s.now().UnixMicro())})
		return err
	})
}

// certificate returns the certificate of a row, nil if there is none.
func (s *shared) certificate(ctx context.Context, id string) (*tls.Certificate, error) {
	text, err := s.getSecret(ctx, id)
	if err != nil || text == nil {
		return nil, err
	}
	return decode(text)
}

func (s *shared) putCertificate(ctx context.Context, id string, pair *tls.Certificate, until time.Time) error {
	text, err := encode(pair)
	if err != nil {
		return err
	}
	return s.writeSecret(ctx, putRow, id, text, until)
}

// A lock is the value of the lock of a name. After a failure the lock stays until the next attempt, so that all nodes wait.
type lock struct {
	Owner    string    `json:"owner"`
	Failures int       `json:"failures,omitempty"` // in a row
	Error    string    `json:"error,omitempty"`    // of the last one
	Failed   time.Time `json:"failed,omitzero"`
	Next     time.Time `json:"next,omitzero"`
}

// readLock returns the lock of a name. The zero value is a free one.
func (s *shared) readLock(ctx context.Context, id string) (l lock, err error) {
	text, err := s.get(ctx, id)
	if err != nil || text == "" {
		return lock{}, err
	}
	err = json.Unmarshal([]byte(text), &l)
	return l, err
}

// writeLock takes the lock of a name (takeRow), or changes it (putRow).
func (s *shared) writeLock(ctx context.Context, sql, id string, l lock, until time.Time) (taken bool, err error) {
	text, err := json.Marshal(l)
	if err != nil {
		return false, err
	}
	return s.write(ctx, sql, id, string(text), until)
}

// Stored returns when the certificate of a name ends, zero if the database has none, and why the last order failed. It needs no key.
func Stored(ctx context.Context, db store.DB, name, directory string) (ends time.Time, failed string, err error) {
	s := shared{store: db}
	err = db.Read(ctx, func(r store.Reader) error {
		ends = time.Time{}
		return r.Query(system.Numbered(r.Dialect(), selectUntil), []value.Value{value.OfText(certificateRow + name + " " + directory)}, func(row value.Row) error {
			ends = time.UnixMicro(row.Int(0))
			return nil
		})
	})
	if err != nil {
		return ends, "", err
	}
	l, err := s.readLock(ctx, lockRow+name+" "+directory)
	return ends, l.Error, err
}
