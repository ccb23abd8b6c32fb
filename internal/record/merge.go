package record

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// merge is what the patches of json fields make of a row. Merging a megabyte and checking it against a JSON Schema can
// take a second, so it happens outside of any transaction, on the row as a reader saw it. The transaction then takes the
// result if the row still has that revision.
type merge struct {
	revision int64          // of the row that the patches were merged into
	masked   []*model.Field // of the fields that the change compares, those that the caller could not read then
	values   row            // only those of the json fields are set
}

const (
	// mergeTries is how often a patch is merged anew because the row has moved. Patches of one row take turns within this
	// process, so only other writes can move it.
	mergeTries = 8

	// smallMerge is how many bytes, stored and patched, may be merged inside of the transaction after those tries. It
	// takes about a millisecond.
	smallMerge = 64 << 10
)

// errMoved undoes a write whose row is not the one any more that its patch was merged into.
var errMoved = errors.New("the row has moved since the patch was merged")

// writeMerged is write for a patch that has json fields to merge.
func (u *change) writeMerged(ctx context.Context) error {
	leave, err := u.db.merging.enter(ctx, u.table.lockOrder(u.id))
	if err != nil {
		return err
	}
	defer leave()
	for try := range mergeTries {
		if u.merge, err = u.mergeOutside(ctx); err != nil {
			return err
		}
		if err := u.db.write(ctx, u.who(), u.script, u.run); !errors.Is(err, errMoved) {
			return err
		}
		time.Sleep(rand.N(time.Millisecond << try)) // the last one waits for an eighth of a second at most
	}
	u.merge = nil
	return u.db.write(ctx, u.who(), u.script, u.run)
}

// mergeOutside reads the row as before does, without a lock, and merges when the connection is free again.
func (u *change) mergeOutside(ctx context.Context) (*merge, error) {
	var was row
	var refused []*model.Field
	m := &merge{}
	err := u.db.store.Read(ctx, func(q store.Reader) (err error) {
		was, m.masked, refused, err = u.before(q, u.table, u.id, u.matches, u.from)
		return err
	})
	if err != nil {
		return nil, err
	}
	in, err := u.in.against(u.request, u.table, was, m.masked, refused)
	if err != nil {
		return nil, err
	}
	m.revision = u.revision
	m.values = make(row, len(was))
	return m, in.merge(u.table, m.values, was, m.masked)
}

// takeMerge sets the merged json fields of a row that the transaction has just read. in has those that are to be written.
func (u *change) takeMerge(in *input, values, was row, masked []*model.Field) error {
	switch {
	case len(in.merged) == 0:
		return nil
	case u.merge == nil && u.sizeOfMerge(in, was) > smallMerge:
		return &errs.Error{Kind: errs.Unavailable, Message: "other writes changed the row while the patch was merged into it", RetryAfter: retryAfter}
	case u.merge == nil:
		return in.merge(u.table, values, was, masked)
	case u.merge.revision != u.revision || !slices.Equal(u.merge.masked, masked): // a mask may depend on other rows
		return errMoved
	}
	for _, f := range in.merged {
		values[u.table.index[f]] = u.merge.values[u.table.index[f]]
	}
	return nil
}

func (u *change) sizeOfMerge(in *input, was row) (bytes int) {
	for _, f := range in.merged {
		bytes += len(was[u.table.index[f]].Text) + len(in.values[u.table.index[f]].Text)
	}
	return bytes
}

// matches is the match of the change, and notes the revision of the row that is asked about.
func (u *change) matches(revision int64) bool {
	u.revision = revision
	return u.match == nil || u.match(revision)
}

// turns lets those who patch the same row follow each other. Without them each would undo the work of all the others,
// and where many patch a large value at once hardly any would get through. The zero value is ready.
type turns struct {
	mu sync.Mutex
	of map[string]*turn
}

type turn struct {
	taken chan struct{} // of one element
	users int           // who has it or waits for it
}

// enter waits for the turn of a row until ctx ends. Who has it gives it back with leave.
func (t *turns) enter(ctx context.Context, row string) (leave func(), err error) {
	mine := t.join(row)
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; t.part(row, mine) }, nil
	case <-ctx.Done():
		t.part(row, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) join(row string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]*turn{}
	}
	mine := t.of[row]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.of[row] = mine
	}
	mine.users++
	return mine
}

func (t *turns) part(row string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.of, row)
	}
}
