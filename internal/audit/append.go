package audit

import (
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Head says where the chain begins and where it ends.
type Head struct {
	ID    int64  `json:"id"`             // of the last row; 0 if there was none yet
	Hash  string `json:"hash,omitempty"` // of the last row
	First int64  `json:"first"`          // id of the first row that is kept, or would be
	Prev  string `json:"prev,omitempty"` // hash of the row before the first
}

// headKey is the key of the Head in ashlar_meta.
const headKey = "audit"

// newHead is the Head of a log without rows.
func newHead() Head { return Head{First: 1} }

func (h Head) text() string {
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(text)
}

func parseHead(text string) (h Head, err error) {
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return Head{}, fmt.Errorf("the head of the audit log in ashlar_meta cannot be read: %w", err)
	}
	return h, nil
}

// lockHead returns the head. Until the transaction ends, no other one appends.
func (l *Log) lockHead(tx *record.Tx) (Head, error) {
	text, err := system.Lock(tx.Store(), headKey, newHead().text(), l.now())
	if err != nil {
		return Head{}, err
	}
	return parseHead(text)
}

func (l *Log) setHead(tx *record.Tx, h Head) error {
	return system.Set(tx.Store(), headKey, h.text(), l.now())
}

// Append appends an event in the transaction of the caller, who must be the system. Appending transactions take turns from
// Append to their commit, so call it last in a transaction. Begin the transaction with system.ReadCommitted: many
// SERIALIZABLE ones would fail here.
func (l *Log) Append(tx *record.Tx, event Event) (err error) {
	defer errs.Wrap(&err, "audit.Append(%s)", event.Action)
	entry, err := event.entry(l.now())
	if err != nil {
		return err
	}
	head, err := l.lockHead(tx)
	if err != nil {
		return err
	}
	entry.ID, entry.Prev = head.ID+1, head.Hash
	if entry.Hash, err = entry.computeHash(); err != nil {
		return err
	}
	members, err := entry.members()
	if err != nil {
		return err
	}
	if _, err := tx.Create(l.table, members); err != nil {
		return err
	}
	head.ID, head.Hash = entry.ID, entry.Hash
	l.appended.Add(1)
	return l.setHead(tx, head)
}

// members returns the entry as the members of a row.
func (e Entry) members() ([]value.Member, error) {
	text, err := e.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return value.DecodeObjectOf("an entry of the audit log", jsontext.Value(text))
}
