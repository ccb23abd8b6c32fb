package sqlite

import (
	"context"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

const watchInterval = 5 * time.Millisecond

func newWatch(conn *lite.Conn) *engine.Watch {
	i := &interrupter{conn: conn}
	i.Mend()
	return engine.NewWatch(watchInterval, i)
}

// interrupter implements engine.Cutter.
type interrupter struct {
	conn *lite.Conn
	stop chan struct{} // closed by Cut; the connection then refuses statements until Mend
}

func (i *interrupter) Cut(context.Context) { close(i.stop) }

func (i *interrupter) Mend() {
	i.stop = make(chan struct{})
	i.conn.SetInterrupt(i.stop)
}
