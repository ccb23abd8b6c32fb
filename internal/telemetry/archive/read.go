package archive

import (
	"context"
	"errors"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// readTime bounds one read, so that no read holds the log for long.
const readTime = 10 * time.Second

// read runs work with a connection for reads, in one snapshot.
func (a *Archive) read(ctx context.Context, work func(*lite.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	a.reading.RLock()
	f, reason := a.shown, a.reason
	a.reading.RUnlock()
	if f == nil {
		if errors.Is(reason, errClosed) {
			return reason
		}
		return errs.Wrapf(reason, errs.Unavailable, "there is no telemetry now")
	}
	return f.read(ctx, work)
}

func (f *file) read(ctx context.Context, work func(*lite.Conn) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.stopped, cancel)()
	var conn *lite.Conn
	select {
	case conn = <-f.readers:
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
	defer func() { f.readers <- conn }()
	conn.SetInterrupt(ctx.Done())
	defer conn.SetInterrupt(nil)
	if err := run(conn, "BEGIN"); err != nil {
		return unavailable(err)
	}
	defer func() {
		conn.SetInterrupt(nil)
		err = errors.Join(err, run(conn, "ROLLBACK"))
	}()
	if err := work(conn); err != nil {
		if _, ok := errors.AsType[*errs.Error](err); ok {
			return err
		}
		return unavailable(err)
	}
	return nil
}
