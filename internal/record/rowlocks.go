package record

import (
	"context"
	"sync"
)

// rowLocks lets the patches of one row take turns within this process. Without them each patch would undo the work of all
// others, and of many patches of a large value hardly any would get through. The zero value is ready.
type rowLocks struct {
	mu    sync.Mutex
	byRow map[string]*rowLock
}

type rowLock struct {
	held  chan struct{} // has room for one element: the holder's
	users int           // the holder and the waiters
}

// lock waits for the lock of a row until ctx ends.
func (l *rowLocks) lock(ctx context.Context, row string) (unlock func(), err error) {
	mine := l.join(row)
	select {
	case mine.held <- struct{}{}:
		return func() { <-mine.held; l.leave(row, mine) }, nil
	case <-ctx.Done():
		l.leave(row, mine)
		return nil, ctx.Err()
	}
}

func (l *rowLocks) join(row string) *rowLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byRow == nil {
		l.byRow = map[string]*rowLock{}
	}
	mine := l.byRow[row]
	if mine == nil {
		mine = &rowLock{held: make(chan struct{}, 1)}
		l.byRow[row] = mine
	}
	mine.users++
	return mine
}

func (l *rowLocks) leave(row string, mine *rowLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(l.byRow, row)
	}
}
