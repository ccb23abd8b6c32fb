package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A ChainError says where the chain is broken. It names the first bad row.
type ChainError struct {
	ID     int64
	Reason string
}

func (e *ChainError) Error() string { return fmt.Sprintf("row %d of the audit log %s", e.ID, e.Reason) }

// Result is what Verify found.
type Result struct {
	Rows int64 // rows that were verified
	Head Head
}

// Verify walks the whole chain and compares its end with the head. known is the hash of an earlier head that was kept
// elsewhere, or "": Verify then finds out whether the log still has it. A broken chain is a *ChainError. Rows may be
// appended in the meantime. progress, unless nil, is called with the number of verified rows every now and then.
func (l *Log) Verify(ctx context.Context, known string, progress func(rows int64)) (_ Result, err error) {
	defer errs.Wrap(&err, "audit.Verify")
	for {
		head, err := l.head(ctx)
		if err != nil {
			return Result{}, err
		}
		walk := &walk{log: l, begin: head, next: head.First, prev: head.Prev, known: known, progress: progress}
		walk.seen, walk.trimmed = known == "" || known == head.Prev, head.First == 1
		err = walk.run(ctx)
		if _, broken := errors.AsType[*ChainError](err); broken {
			now, again := l.head(ctx)
			if again != nil {
				return Result{}, again
			}
			if now.First != head.First { // Trim has removed rows under way
				continue
			}
		}
		return Result{Rows: walk.rows, Head: walk.head}, err
	}
}

// A walk goes through the chain from the first row.
type walk struct {
	log   *Log
	next  int64  // expected id
	prev  string // expected prev: the hash of the row before
	known string
	rows  int64
	begin Head // read first
	head  Head // read last

	progress func(rows int64) // nil: nobody wants to know

	seen    bool // a row has the hash known
	trimmed bool // a row says that Trim removed what is missing at the beginning
}

func (w *walk) run(ctx context.Context) error {
	for {
		page, err := w.log.pageAfter(ctx, w.next-1)
		if err != nil {
			return err
		}
		if w.rows == 0 && len(page.Entries) > 0 {
			if err := w.nothingBefore(ctx); err != nil {
				return err
			}
		}
		for _, entry := range page.Entries {
			if err := w.step(entry); err != nil {
				return err
			}
		}
		if w.progress != nil {
			w.progress(w.rows)
		}
		if page.Next != "" {
			continue
		}
		done, err := w.compareHead(ctx, len(page.Entries))
		if err != nil || done {
			return err
		}
	}
}

// nothingBefore refuses rows before the first that the head names.
func (w *walk) nothingBefore(ctx context.Context) error {
	page, err := w.log.pageAfter(ctx, -1<<62)
	if err != nil {
		return err
	}
	if len(page.Entries) > 0 && page.Entries[0].ID < w.next {
		return &ChainError{page.Entries[0].ID, fmt.Sprintf("stands before the first row, %d", w.next)}
	}
	return nil
}

// step checks the next row.
func (w *walk) step(e Entry) error {
	hash, err := e.computeHash()
	switch {
	case err != nil:
		return &ChainError{e.ID, "cannot be hashed: " + err.Error()}
	case e.ID != w.next:
		return &ChainError{w.next, fmt.Sprintf("is missing: the next one is %d", e.ID)}
	case e.Prev != w.prev:
		return &ChainError{e.ID, "does not follow the row before it: its prev is another hash"}
	case e.Hash != hash:
		return &ChainError{e.ID, "was changed: its hash is of other values"}
	}
	w.rows++
	w.next, w.prev = e.ID+1, e.Hash
	w.seen = w.seen || e.Hash == w.known
	w.trimmed = w.trimmed || e.tellsTrim(w.begin)
	return nil
}

// compareHead compares the end of the walk with the head. It reports false if rows were appended after the last page, which
// had so many rows.
func (w *walk) compareHead(ctx context.Context, got int) (done bool, err error) {
	if w.head, err = w.log.head(ctx); err != nil {
		return false, err
	}
	last := w.next - 1
	switch {
	case w.head.ID > last && got > 0:
		return false, nil
	case w.head.ID > last:
		return w.missingOrLate(ctx)
	case w.head.ID < last:
		return false, &ChainError{w.head.ID + 1, "stands behind the head: nothing appended it"}
	case w.head.Hash != w.prev:
		return false, &ChainError{last, "is the last one, and the head has another hash"}
	case !w.trimmed:
		return false, &ChainError{w.begin.First, "is the first one, and no later row says that the rows before it were trimmed"}
	case !w.seen:
		return false, fmt.Errorf("no row of the audit log has the hash %s: the log was made anew after that head, or trimmed behind it", w.known)
	}
	return true, nil
}

// missingOrLate decides whether rows were appended between an empty page and the reading of the head, or are missing.
func (w *walk) missingOrLate(ctx context.Context) (done bool, err error) {
	page, err := w.log.pageAfter(ctx, w.next-1)
	if err == nil && len(page.Entries) == 0 {
		err = &ChainError{w.next, fmt.Sprintf("is missing: the log ends before it, and its head is %d", w.head.ID)}
	}
	return false, err
}

// head returns the head as it is stored.
func (l *Log) head(ctx context.Context) (h Head, err error) {
	row, err := l.rows.Get(ctx, own(), l.meta, value.OfText(headKey), record.Selection{Fields: "value"}, nil)
	if errs.KindOf(err) == errs.NotFound {
		return newHead(), nil
	}
	if err != nil {
		return Head{}, err
	}
	var meta struct{ Value string }
	if err := json.Unmarshal(row.JSON, &meta); err != nil {
		return Head{}, err
	}
	return parseHead(meta.Value)
}
