package redisledger

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// dialTime bounds a try to connect.
const dialTime = 2 * time.Second

// A dial is a try to connect. It goes on when the call that began it has no more time: to connect takes several turns on the
// wire, and a call may have time for one.
type dial struct {
	conn  redis.Conn
	ended <-chan error // gets one value, after which conn is set
}

func (l *Ledger) dial() *dial {
	d := &dial{}
	d.ended = background.Async("the connection to Redis", func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), dialTime)
		defer cancel()
		d.conn, err = redis.DialURLContext(ctx, l.address.url,
			redis.DialConnectTimeout(dialTime), redis.DialReadTimeout(defaultTime), redis.DialWriteTimeout(defaultTime))
		return err
	})
	return d
}

// connect connects unless there is a connection. The caller has the lock.
func (l *Ledger) connect(ctx context.Context) error {
	if l.conn != nil {
		return nil
	}
	if l.dialing == nil {
		l.dialing = l.dial()
	}
	select {
	case err := <-l.dialing.ended:
		l.conn, l.dialing = l.dialing.conn, nil
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// disconnect closes the connection. The caller has the lock.
func (l *Ledger) disconnect() {
	if l.dialing != nil {
		if err := <-l.dialing.ended; err == nil {
			l.conn = l.dialing.conn
		}
		l.dialing = nil
	}
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}
