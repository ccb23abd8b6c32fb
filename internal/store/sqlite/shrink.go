package sqlite

import "fmt"

const (
	keptLog = 64 << 20 // bytes of the log that stay, as in writerPragmas
	cutLog  = 8 << 20  // bytes that are cut off at once
)

// shrinkLog lets SQLite cut a few megabytes off a large log when it next begins the log anew. The log grows while a reader
// holds a snapshot, as a backup does. A commit that cuts off some hundred megabytes takes 40 ms, and so does the next one,
// while the disk discards them.
func (w *writer) shrinkLog() {
	size := fileSize(w.path + "-wal")
	if size <= keptLog {
		return
	}
	if _, err := pragmaText(w.conn.raw, fmt.Sprintf("journal_size_limit = %d", max(keptLog, size-cutLog))); err != nil {
		w.log.Error("the log of the database cannot be cut back", "error", err)
	}
}
