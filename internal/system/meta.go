package system

import (
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// MetaTable holds facts about the database itself, texts under keys.
const MetaTable = "ashlar_meta"

// The keys of this package and of package migrate.
const (
	ReleaseKey = "release" // who changed the tables last, and with which release: the engines read it
	ModelKey   = "model"   // the model of the app's tables, encoded by package snapshot
	systemKey  = "system"  // the model of the system tables, encoded alike
	movingKey  = "moving"  // the source of the rows, while a move fills the database
)

const (
	selectMeta    = `SELECT "value" FROM "ashlar_meta" WHERE "id" = $1`
	selectMeta1   = `SELECT "value" FROM "ashlar_meta" WHERE "key" = $1` // of layout 1
	selectAllMeta = `SELECT "id", "value" FROM "ashlar_meta" ORDER BY "id"`
	lockMeta      = selectMeta + ` FOR UPDATE`
	addMeta       = `INSERT INTO "ashlar_meta" ("id", "value", "created_at", "updated_at", "_rev") VALUES ($1, $2, $3, $3, $4) ON CONFLICT ("id") DO NOTHING`
	deleteMeta    = `DELETE FROM "ashlar_meta" WHERE "id" = $1`
	upsertMeta    = `INSERT INTO "ashlar_meta" ("id", "value", "created_at", "updated_at", "_rev") VALUES ($1, $2, $3, $3, $4)
ON CONFLICT ("id") DO UPDATE SET "value" = excluded."value", "updated_at" = excluded."updated_at", "_rev" = excluded."_rev"`
)

// Get returns the text under a key, and whether there is one. A database without tables has none.
func Get(querier Querier, key string) (text string, found bool, err error) {
	if found, err := HasTable(querier, MetaTable); err != nil || !found {
		return "", false, err
	}
	layout, err := Layout(querier)
	if err != nil {
		return "", false, err
	}
	sql := selectMeta
	if layout == 1 {
		sql = selectMeta1
	}
	err = querier.Query(sql, []value.Value{value.OfText(key)}, func(row value.Row) error {
		text, found = string(row.Bytes(0)), true
		return nil
	})
	return text, found, err
}

// All returns the texts under all keys. The database has the current layout.
func All(querier Querier) (map[string]string, error) {
	all := map[string]string{}
	err := querier.Query(selectAllMeta, nil, func(row value.Row) error {
		all[string(row.Bytes(0))] = string(row.Bytes(1))
		return nil
	})
	return all, err
}

// Set stores a text under a key and replaces an earlier one. The database has the table.
func Set(tx store.Tx, key, text string, now time.Time) error {
	tx.MarkChanged(MetaTable)
	return set(tx, key, text, now)
}

// Lock returns the text under a key. Until the transaction ends, no other one gets past Lock or Set with the key. If there
// is no text, Lock stores the initial one first.
func Lock(tx store.Tx, key, initial string, now time.Time) (text string, err error) {
	for range 2 {
		found := false
		sql := lockMeta
		if tx.Dialect() == sqlgen.SQLite { // it has one writer
			sql = selectMeta
		}
		err := tx.Query(sql, []value.Value{value.OfText(key)}, func(row value.Row) error {
			text, found = string(row.Bytes(0)), true
			return nil
		})
		if err != nil || found {
			return text, err
		}
		tx.MarkChanged(MetaTable)
		revision, err := Revision(tx)
		if err != nil {
			return "", err
		}
		args := []value.Value{value.OfText(key), value.OfText(initial), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision)}
		if _, err := tx.Exec(addMeta, args); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("ashlar_meta lost the key %s while it was locked", key)
}

// SetAltering is Set in a change of tables.
func SetAltering(session store.Session, key, text string, now time.Time) error {
	if err := session.MarkChanged(MetaTable); err != nil {
		return err
	}
	return set(session, key, text, now)
}

// execer is what a store.Tx and a store.Session share.
type execer interface {
	Querier
	Exec(sql string, args []value.Value) (changed int64, err error)
}

func set(e execer, key, text string, now time.Time) error {
	revision, err := Revision(e)
	if err != nil {
		return err
	}
	_, err = e.Exec(upsertMeta, []value.Value{value.OfText(key), value.OfText(text), value.OfTimestamp(now.UnixMicro()), value.OfInt(revision)})
	return err
}

const (
	nextRevisionSQLite   = `UPDATE ashlar_counters SET value = value + 1 WHERE name = 'revision' RETURNING value`
	nextRevisionPostgres = `SELECT nextval('ashlar_revision')`
)

// Revision returns a new revision for a row of a system table. A store.Session has no other way to one.
func Revision(querier Querier) (int64, error) {
	if querier.Dialect() == sqlgen.SQLite {
		return number(querier, nextRevisionSQLite)
	}
	return number(querier, nextRevisionPostgres)
}

// StoredModel returns the model of the system tables in the database of an app. For an older layout it is the model at
// the end of the steps to the current layout.
func StoredModel(querier Querier, app *model.Model) (*model.Model, error) {
	layout, err := Layout(querier)
	if err != nil {
		return nil, err
	}
	if layout == 1 {
		return layout2(), nil
	}
	text, found, err := Get(querier, systemKey)
	if err != nil || !found {
		return &model.Model{Name: "ashlar"}, err
	}
	own, err := snapshot.DecodeBeside([]byte(text), app)
	if err == nil && layout == 2 {
		sparsen(own)
	}
	return own, err
}

// StoreModel makes own the stored model of the system tables.
func StoreModel(session store.Session, own *model.Model, now time.Time) error {
	return SetAltering(session, systemKey, string(snapshot.Encode(own)), now)
}
