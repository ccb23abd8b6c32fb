// Package migrate brings the tables of a database to what the model says.
package migrate

import (
	"context"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// modelKey is where the database keeps the model of its tables.
const modelKey = "model"

// Result is what Apply did.
type Result struct {
	Created bool     // the database was new
	Applied []string // the changes of an older database, in a few words each
}

// Apply makes the tables of a new database, or adds to an older one what the model has in addition: tables, indexes,
// optional fields. It does all or nothing, in one transaction. Any other difference, and rows that contradict a new
// unique index, are returned as schema.Faults, which point into the model; the database is then as it was.
func Apply(ctx context.Context, db store.DB, m *schema.Model) (result Result, err error) {
	defer errs.Wrap(&err, "migrate.Apply(%s)", m.Name)
	upToDate := false
	err = db.Read(ctx, func(r store.Reader) error {
		text, _, err := Meta(r, modelKey)
		upToDate = text == string(schema.Encode(m))
		return err
	})
	if err != nil || upToDate {
		return Result{}, err
	}
	err = db.Write(ctx, func(tx store.Tx) (err error) {
		result, err = apply(tx, m)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	return result, nil
}

// Alone waits until no other node is in a transaction that has called it. In SQLite there is one writer anyway.
func Alone(tx store.Tx) error {
	if dialectOf(tx) != ddl.Postgres {
		return nil
	}
	_, err := hasRow(tx, lockAlone)
	return err
}

// Check returns how the model's tables differ from those of the database, and whether the database is new. It changes
// nothing.
func Check(ctx context.Context, db store.DB, m *schema.Model) (changes []schema.Change, isNew bool, err error) {
	defer errs.Wrap(&err, "migrate.Check(%s)", m.Name)
	err = db.Read(ctx, func(r store.Reader) (err error) {
		changes, isNew, err = compare(r, m)
		return err
	})
	return changes, isNew, err
}

// compare reads the stored model. A database without one is new, unless a move is filling it.
func compare(r store.Reader, m *schema.Model) (changes []schema.Change, isNew bool, err error) {
	if err := Moving(r); err != nil {
		return nil, false, err
	}
	text, found, err := Meta(r, modelKey)
	if err != nil || !found {
		return nil, !found && err == nil, err
	}
	old, err := schema.Decode([]byte(text))
	if err != nil {
		return nil, false, err
	}
	return schema.Diff(old, m), false, nil
}

func apply(tx store.Tx, m *schema.Model) (Result, error) {
	if err := Alone(tx); err != nil {
		return Result{}, err
	}
	changes, isNew, err := compare(tx, m)
	if err != nil {
		return Result{}, err
	}
	if isNew {
		return Result{Created: true}, create(tx, m)
	}
	if faults := refused(m, changes); len(faults) > 0 {
		return Result{}, faults.Sort()
	}
	faults, err := contradicted(tx, m, changes)
	if err != nil {
		return Result{}, err
	}
	if len(faults) > 0 {
		return Result{}, faults.Sort()
	}
	if err := execAll(tx, statements(dialectOf(tx), m, changes)); err != nil {
		return Result{}, err
	}
	return Result{Applied: words(changes)}, SetMeta(tx, modelKey, string(schema.Encode(m)))
}

func create(tx store.Tx, m *schema.Model) error {
	if err := execAll(tx, append([]string{metaOf(dialectOf(tx))}, ddl.Create(dialectOf(tx), m)...)); err != nil {
		return err
	}
	return SetMeta(tx, modelKey, string(schema.Encode(m)))
}

func execAll(tx store.Tx, statements []string) error {
	for _, sql := range statements {
		if _, err := tx.Exec(sql, nil); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func words(changes []schema.Change) []string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.String()
	}
	return all
}
