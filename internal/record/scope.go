package record

import (
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
)

// String returns the word for the operation in scopes.
func (op Op) String() string { return [...]string{"read", "create", "update", "delete"}[op] }

// scopeOf returns the bit of an operation in the scopes of keys.
func scopeOf(op Op) caller.Operations {
	return [...]caller.Operations{caller.MayRead, caller.MayCreate, caller.MayUpdate, caller.MayDelete}[op]
}

// checkScopes refuses an operation outside the scopes of the caller's key. The rules decide apart from it, and they may look
// at any table.
func (r *request) checkScopes(t *model.Table, op Op) error {
	if r.Caller().Scopes().Allow(t.Name, scopeOf(op)) {
		return nil
	}
	return errs.New(errs.Forbidden, "the scopes of this key do not allow to %s %s: it needs a scope with {%s: %s}", op, t.Name, t.Name, op)
}

// checkRelated refuses a read that looks at a table outside the scopes of the caller's key, even if only to filter by it.
func (r *request) checkRelated(s *shape.Shape) error {
	if r.Caller().Scopes() == nil {
		return nil
	}
	for _, t := range s.Related {
		if err := r.checkScopes(t, Read); err != nil {
			return err
		}
	}
	return nil
}

// mayAnswer reports whether an answer may hold rows of a table. A key that only writes gets none.
func (r *request) mayAnswer(t *model.Table) bool {
	return r.Caller().Scopes().Allow(t.Name, caller.MayRead)
}
