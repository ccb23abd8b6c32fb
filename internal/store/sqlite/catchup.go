package sqlite

import (
	"cmp"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// SQLite moves the log into the database at the end of a commit. While a reader holds a snapshot, as the copy of a backup does, the
// log can only grow. The commit after that would move all of it, and wait until the disk has stored the pages: for 100 ms and more
// if they lie all over a large database. So from lagPages on another connection moves them beside the writer, until caughtPages are
// left.
const (
	lagPages    = 4000
	caughtPages = 1000 // as many as the writer moves in one commit
	catchPause  = 10 * time.Millisecond
	lagPause    = time.Minute // after an error the writer moves the log itself for so long
)

// A lag is the state of the writer while another connection moves the log. Its fields are guarded by writer.using.
type lag struct {
	caughtUp chan struct{} // closed when the other connection has ended; nil: the writer moves the log
	quit     chan struct{}
	again    time.Time // from when another connection may do it
}

// noteLag looks at the log after a commit.
func (w *writer) noteLag() {
	state := w.index.state()
	if state.pages-state.moved < lagPages || w.lag.caughtUp != nil || time.Now().Before(w.lag.again) || !w.moveAfter(0) {
		return
	}
	caughtUp, quit := make(chan struct{}), make(chan struct{})
	w.lag.caughtUp, w.lag.quit = caughtUp, quit
	background.Go("moving the log", func() error { return w.catchUp(quit) }, func(err error) {
		w.using.Lock()
		defer w.using.Unlock()
		if err != nil {
			w.log.Warn("the log could not be moved into the database beside the writer, which does it now", "error", err)
			w.lag.again = time.Now().Add(lagPause)
		}
		w.lag.caughtUp = nil
		if w.conn != nil {
			w.moveAfter(usualPages)
		}
		close(caughtUp)
	})
}

// endLag ends the other connection, and waits for it. The writer has stopped.
func (w *writer) endLag() {
	w.using.Lock()
	caughtUp, quit := w.lag.caughtUp, w.lag.quit
	w.using.Unlock()
	if caughtUp != nil {
		close(quit)
		<-caughtUp // it ends after one move
	}
}

// moveAfter lets the writer move the log from a number of pages on, 0 for never. It reports whether it could.
func (w *writer) moveAfter(pages int) bool {
	_, err := pragmaText(w.conn.raw, autocheckpoint(pages))
	if err != nil {
		w.log.Error("it cannot be chosen when the log is moved into the database", "error", err)
	}
	return err == nil
}

// catchUp moves the log until little is left, or quit is closed. While a reader holds its snapshot it waits.
func (w *writer) catchUp(quit <-chan struct{}) error {
	c, err := openConn(w.path, w.cfg, "query_only = ON", "checkpoint_fullfsync = ON")
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }()
	for {
		before := w.index.state()
		if err := c.moveLog(w.index.syncDatabase); err != nil {
			return err
		}
		after := w.index.state()
		if after.moved != before.moved { // the writer's next commit would wait for what is not stored yet
			if err := w.index.syncDatabase(); err != nil {
				return err
			}
		}
		if after.pages-after.moved < caughtPages {
			return nil
		}
		select {
		case <-quit:
			return nil
		case <-time.After(catchPause):
		}
	}
}

// syncPause is the time between two syncs while pages are moved. SQLite syncs the database only when it has reached the end of the
// log, and then the disk would have to store all pages at once.
const syncPause = 2 * time.Millisecond

// moveLog moves what readers let it move, without a wait of the writer, and stores the pages a few at a time.
func (c *conn) moveLog(sync func() error) error {
	quit := make(chan struct{})
	syncing := background.Async("storing moved pages", func() error {
		for {
			select {
			case <-quit:
				return nil
			case <-time.After(syncPause):
			}
			if err := sync(); err != nil {
				return err
			}
		}
	})
	err := c.query("PRAGMA wal_checkpoint(PASSIVE)", nil, func(value.Row) error { return nil })
	close(quit)
	return cmp.Or(err, <-syncing)
}
