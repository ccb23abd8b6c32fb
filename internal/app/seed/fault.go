package seed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// Faults lists the faults of a seed. Each line has the file, the row from 1, the member, and advice.
type Faults []string

func (fs Faults) Error() string { return strings.Join(fs, "\n") }

// maxFaults bounds the faults of one file: further ones are mostly the same.
const maxFaults = 20

// fault notes the fault of a row. It returns an error if loading cannot go on: the error of the database, or
// errEnough.
func (l *loader) fault(file File, r row, err error) error {
	e, ok := asRowFault(err)
	if !ok {
		return fmt.Errorf("%s: %s %d: %w", file.name, r.unit, r.number, err)
	}
	at, before := fmt.Sprintf("%s: %s %d", file.name, r.unit, r.number), len(l.faults)
	for _, fault := range e.Faults {
		if l.follows(file.Table, fault) {
			continue
		}
		l.faults = append(l.faults, fmt.Sprintf("%s: %s: %s%s", at, pointed(fault), fault.Detail, l.orderHint(file.Table, fault)))
	}
	if len(e.Faults) == 0 {
		l.faults = append(l.faults, at+": "+strings.Replace(e.Message, "the body", "it", 1))
	}
	l.faulty[file.Table] = true
	if l.inFile += len(l.faults) - before; l.inFile >= maxFaults {
		return errEnough
	}
	return nil
}

// follows reports whether a fault may only follow from an earlier one: a reference to a row that was not loaded.
func (l *loader) follows(table *model.Table, fault errs.Fault) bool {
	field := table.Field(strings.TrimPrefix(fault.Pointer, "/"))
	return fault.Code == "reference" && field != nil && l.faulty[field.Ref]
}

// orderHint returns the hint that a missing referenced row may come later in the seed.
func (l *loader) orderHint(table *model.Table, fault errs.Fault) string {
	field := table.Field(strings.TrimPrefix(fault.Pointer, "/"))
	if fault.Code != "reference" || field == nil {
		return ""
	}
	position := func(t *model.Table) int {
		return slices.IndexFunc(l.files, func(file File) bool { return file.Table == t })
	}
	switch {
	case field.Ref == table:
		return " (a row comes after those that it refers to)"
	case position(field.Ref) > position(table):
		return fmt.Sprintf(" (%s is loaded after %s: leave it out)", field.Ref.Name, table.Name)
	}
	return ""
}

// pointed returns the subject of a fault, for people.
func pointed(f errs.Fault) string {
	if f.Pointer == "" {
		return "the row"
	}
	return f.Pointer
}

// asRowFault returns err as a fault that the writer of the row can correct.
func asRowFault(err error) (*errs.Error, bool) {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return nil, false
	}
	switch e.Kind {
	case errs.Malformed, errs.Invalid, errs.Conflict, errs.NotFound, errs.Forbidden:
		return e, true
	}
	return nil, false
}
