package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// SeedFaults is what is wrong with a seed, a line each: the file, the row from 1, the member, what to do.
type SeedFaults []string

func (fs SeedFaults) Error() string { return strings.Join(fs, "\n") }

// maxSeedFaults is how many faults are said of one file: the rest is mostly the same.
const maxSeedFaults = 20

// fault notes what is wrong with a row. It returns an error where loading cannot go on: that of the database, or enough
// faults.
func (s *seeder) fault(f Seed, row seedRow, err error) error {
	e, ok := asRowFault(err)
	if !ok {
		return fmt.Errorf("%s: %s %d: %w", f.name, row.unit, row.number, err)
	}
	at, before := fmt.Sprintf("%s: %s %d", f.name, row.unit, row.number), len(s.faults)
	for _, fault := range e.Faults {
		if s.follows(f.Table, fault) {
			continue
		}
		s.faults = append(s.faults, fmt.Sprintf("%s: %s: %s%s", at, pointed(fault), fault.Detail, s.orderHint(f.Table, fault)))
	}
	if len(e.Faults) == 0 {
		s.faults = append(s.faults, at+": "+strings.Replace(e.Message, "the body", "it", 1))
	}
	s.faulty[f.Table] = true
	if s.inFile += len(s.faults) - before; s.inFile >= maxSeedFaults {
		return errEnough
	}
	return nil
}

// follows says whether a fault may only follow from one that is told already: a reference to a row that was not loaded.
func (s *seeder) follows(t *model.Table, fault errs.Fault) bool {
	field := t.Field(strings.TrimPrefix(fault.Pointer, "/"))
	return fault.Code == "reference" && field != nil && s.faulty[field.Ref]
}

// orderHint says that a reference leads to a row which may be there, but comes later.
func (s *seeder) orderHint(t *model.Table, fault errs.Fault) string {
	field := t.Field(strings.TrimPrefix(fault.Pointer, "/"))
	if fault.Code != "reference" || field == nil {
		return ""
	}
	place := func(t *model.Table) int {
		return slices.IndexFunc(s.files, func(f Seed) bool { return f.Table == t })
	}
	switch {
	case field.Ref == t:
		return " (a row comes after those that it refers to)"
	case place(field.Ref) > place(t):
		return fmt.Sprintf(" (%s is loaded after %s: leave it out)", field.Ref.Name, t.Name)
	}
	return ""
}

func pointed(f errs.Fault) string {
	if f.Pointer == "" {
		return "the row"
	}
	return f.Pointer
}

// asRowFault returns the error of a row that its writer can correct.
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
