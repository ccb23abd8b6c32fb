package record

import (
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A merge is the result of merging the patches of json fields into a row.
//
// Merging a megabyte and checking it against a JSON Schema can take a second, so it happens outside of transactions, on the
// row as a reader saw it. The transaction takes the result if the row still has that revision.
type merge struct {
	revision int64          // of the row that the patches were merged into
	masked   []*model.Field // compared fields that the caller could not read
	values   []value.Value  // set for json fields only
}

// smallMerge bounds a merge inside of a transaction, in bytes stored and patched. It takes about a millisecond.
const smallMerge = 64 << 10

// errMoved undoes a write because its row has changed since the patch was merged.
var errMoved = errors.New("the row has changed since the patch was merged")

// newMerge merges the patches of a body into a row.
func newMerge(body *input.Body, old *input.Stored) (*merge, error) {
	m := &merge{revision: old.Revision, masked: old.Masked, values: make([]value.Value, len(old.Values))}
	return m, body.Merge(m.values, old)
}

// apply sets the merged json fields of a row that a transaction has read. A nil merge merges now, if that takes little time.
func (m *merge) apply(t *table, body *input.Body, values []value.Value, old *input.Stored) error {
	switch {
	case len(body.Patches) == 0:
		return nil
	case m == nil && body.MergeSize(old) > smallMerge:
		return &errs.Error{Kind: errs.Unavailable, Message: "other writes changed the row while the patch was merged into it", RetryAfter: admit.RetryAfter(nil)}
	case m == nil:
		return body.Merge(values, old)
	case m.revision != old.Revision || !slices.Equal(m.masked, old.Masked): // a mask may depend on other rows
		return errMoved
	}
	for _, f := range body.Patches {
		values[t.index[f]] = m.values[t.index[f]]
	}
	return nil
}
