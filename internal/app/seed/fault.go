package seed

import (
	"errors"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Faults lists the mistakes of a seed. Each names the file, the row counted from 1 and the member, and says what to do.
type Faults []string

func (f Faults) Error() string { return strings.Join(f, "\n") }

// pointed names the subject of a fault: a member or the whole row.
func pointed(fault errs.Fault) string {
	if fault.Pointer == "" {
		return "the row"
	}
	return fault.Pointer
}

// asRowFault returns err if the author of the seed can correct it in the row.
func asRowFault(err error) (*errs.Error, bool) {
	refusal, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return nil, false
	}
	switch refusal.Kind {
	case errs.Malformed, errs.Invalid, errs.Conflict, errs.NotFound, errs.Forbidden:
		return refusal, true
	}
	return nil, false
}
