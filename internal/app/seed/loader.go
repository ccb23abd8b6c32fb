package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A loader loads files in one transaction.
type loader struct {
	ctx    context.Context // of the start; ends the loading
	files  []File
	tx     store.Tx
	rows   *record.DB
	loaded int // rows
	faults Faults
	inFile int                   // faults of the current file
	faulty map[*model.Table]bool // tables with a refused row
}

// errEnough ends a file with maxFaults faults.
var errEnough = errors.New("the file has enough faults")

// load loads all files and returns the faults of all. It starts from nothing, because the engine may run the transaction
// again.
func (l *loader) load(tx store.Tx, rows *record.DB) error {
	l.tx, l.rows, l.loaded, l.faults, l.faulty = tx, rows, 0, nil, map[*model.Table]bool{}
	for _, file := range l.files {
		l.inFile = 0
		err := l.loadFile(file)
		if faults, ok := errors.AsType[Faults](err); ok { // no single row is wrong, but the file
			l.faults, l.faulty[file.Table] = append(l.faults, faults...), true
			continue
		}
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	if len(l.faults) > 0 {
		return l.faults
	}
	return nil
}

// create creates one row, at a time of its own. So lists ordered by created_at have the rows in the order of the files.
func (l *loader) create(table *model.Table, members []value.Member) error {
	rows := l.rows.In(l.tx, caller.System("seed"))
	defer rows.Done()
	_, err := rows.Create(table, members)
	return err
}

func (l *loader) loadFile(file File) error {
	return file.rows(func(row entry) error {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		err := row.err
		if err == nil {
			err = l.create(file.Table, row.members)
		}
		if err != nil {
			return l.fault(file, row, err)
		}
		l.loaded++
		return nil
	})
}

// maxFaults bounds the faults of one file: further ones are mostly the same.
const maxFaults = 20

// fault records the faults of a refused row. It returns an error if loading cannot go on: an error of the database, or
// errEnough.
func (l *loader) fault(file File, row entry, err error) error {
	refusal, ok := asRowFault(err)
	if !ok {
		return fmt.Errorf("%s: %s %d: %w", file.name, row.unit, row.number, err)
	}
	at, before := fmt.Sprintf("%s: %s %d", file.name, row.unit, row.number), len(l.faults)
	for _, fault := range refusal.Faults {
		if l.follows(file.Table, fault) {
			continue
		}
		l.faults = append(l.faults, fmt.Sprintf("%s: %s: %s%s", at, pointed(fault), fault.Detail, l.orderHint(file.Table, fault)))
	}
	if len(refusal.Faults) == 0 {
		l.faults = append(l.faults, at+": "+strings.Replace(refusal.Message, "the body", "it", 1))
	}
	l.faulty[file.Table] = true
	if l.inFile += len(l.faults) - before; l.inFile >= maxFaults {
		return errEnough
	}
	return nil
}

// follows returns true for a reference into a table with a refused row. Such a fault may only follow from the earlier one.
func (l *loader) follows(table *model.Table, fault errs.Fault) bool {
	field := table.Field(strings.TrimPrefix(fault.Pointer, "/"))
	return fault.Code == "reference" && field != nil && l.faulty[field.Ref]
}

// orderHint returns a hint if the referenced row may come later in the seed, or "".
func (l *loader) orderHint(table *model.Table, fault errs.Fault) string {
	field := table.Field(strings.TrimPrefix(fault.Pointer, "/"))
	if fault.Code != "reference" || field == nil {
		return ""
	}
	position := func(wanted *model.Table) int {
		return slices.IndexFunc(l.files, func(file File) bool { return file.Table == wanted })
	}
	switch {
	case field.Ref == table:
		return " (a row comes after the rows that it refers to)"
	case position(field.Ref) > position(table):
		return fmt.Sprintf(" (%s is loaded after %s: leave it out)", field.Ref.Name, table.Name)
	}
	return ""
}
