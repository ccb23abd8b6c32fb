// Package audit keeps the audit log, an append-only chain of events in which a missing or changed row shows.
//
// # The chain
//
// Each row has the hash of the row before it as prev, and a hash of its own. The hash is the SHA-256 of the row's canonical
// JSON, in lower-case hex. The canonical JSON is the row as Export writes it, in the form of RFC 8785, without the member
// hash. A member without a value is left out. The first row has no prev.
//
// The ids are 1, 2, 3 and so on without a gap. The key audit of ashlar_meta holds the head: the id and the hash of the last
// row, and the id and the prev of the first row that is kept.
//
// # What it proves
//
// Verify finds a row that was changed, removed, inserted or moved by somebody who did not make the chain anew. The chain has
// no secret. Who can write to the database can change a row, hash all later rows again and store the new head. Such a change
// only shows against an earlier head that was kept elsewhere: its hash is then no longer in the chain.
package audit

import (
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// tableName is the name of the table with the events.
const tableName = "ashlar_audit"

// The bounds of texts in characters. Append cuts longer ones.
const (
	maxShort  = 100
	maxID     = model.MaxIndexedText
	maxTarget = 1000
)

// Tables is the fragment of system tables of this package.
func Tables(*model.Model) []*model.Table {
	return []*model.Table{system.NewTable(tableName, model.Int,
		&model.Field{Name: "at", Type: model.Timestamp, Immutable: true, Index: true},
		&model.Field{Name: "action", Type: model.Text, Immutable: true, Index: true, Max: new(int64(maxShort))},
		text("actor_kind", maxShort),
		indexed(text("actor_id", maxID)),
		indexed(text("account", maxID)),
		text("target", maxTarget),
		text("address", maxShort),
		text("session", maxShort),
		text("key", maxShort),
		text("request", maxShort),
		&model.Field{Name: "detail", Type: model.JSON, Immutable: true, Optional: true},
		text("prev", maxShort),
		&model.Field{Name: "hash", Type: model.Text, Immutable: true, Max: new(int64(maxShort))},
	)}
}

func text(name string, most int64) *model.Field {
	return &model.Field{Name: name, Type: model.Text, Immutable: true, Optional: true, Max: &most}
}

func indexed(field *model.Field) *model.Field {
	field.Index = true
	return field
}

// Config tunes a Log. Its zero value works.
type Config struct {
	Now func() time.Time // nil: time.Now
}

// A Log is the audit log of a database. It is safe for concurrent use.
type Log struct {
	rows  *record.DB
	table *model.Table
	meta  *model.Table // ashlar_meta
	now   func() time.Time

	appended atomic.Int64
}

// Appended returns how many events this process has appended. It counts those too whose transaction was undone.
func (l *Log) Appended() int64 { return l.appended.Load() }

// New returns the audit log in the rows of system tables, which must have the table of Tables.
func New(own *record.DB, cfg Config) *Log {
	l := &Log{rows: own, table: own.Table(tableName), meta: own.Table(system.MetaTable), now: cfg.Now}
	if l.now == nil {
		l.now = time.Now
	}
	return l
}

// own is the caller of the log's own reads and writes.
func own() caller.Caller { return caller.System("audit") }
