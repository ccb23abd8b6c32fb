package sqlite

import "fmt"

const (
	keptLog = 64 << 20 // bytes of the log that stay
	cutLog  = 8 << 20  // bytes that are cut off at once
)

// shrinkLog lets SQLite cut a few megabytes off a large log if the next transaction begins the log anew, as SQLite does once all
// of the log is in the database. The log grows while a reader holds a snapshot, as a backup does. A commit that cuts off some
// hundred megabytes takes 40 ms, and so does the next one, while the disk discards them.
func (w *writer) shrinkLog() {
	state := w.index.state()
	if state.pages == 0 || state.moved != state.pages {
		return
	}
	if size := fileSize(w.path + "-wal"); size > keptLog {
		w.shrinks = w.limitLog(max(keptLog, size-cutLog))
	}
}

// noLimit is a limit with which SQLite cuts nothing.
const noLimit = -1

// endShrink keeps later transactions from a cut by a limit that was meant for another size of the log.
func (w *writer) endShrink() {
	if w.shrinks {
		w.shrinks = !w.limitLog(noLimit)
	}
}

func (w *writer) limitLog(bytes int64) (done bool) {
	_, err := pragmaText(w.conn.raw, fmt.Sprintf("journal_size_limit = %d", bytes))
	if err != nil {
		w.log.Error("the log of the database cannot be cut back", "error", err)
	}
	return err == nil
}
