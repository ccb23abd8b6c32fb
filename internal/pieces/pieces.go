// Package pieces holds long texts in pieces of one size. A long text in one piece grows by copies of all of it. While Go copies
// memory, nothing interrupts it: the collector and everybody who waits for the processor wait, too.
package pieces

import (
	"io"
	"iter"
	"sync"
	"time"
)

// Size is the size of a piece, in bytes.
const Size = 128 << 10

// A writer of a long text pauses after so many pieces. Otherwise the writers of several texts have all processors, and the runtime
// looks for new requests every 10 ms only. The timer makes a pause of up to a millisecond of it if the process has nothing else
// to do.
const (
	pauseEvery = 4
	pause      = 50 * time.Microsecond
)

type piece [Size]byte

// pool may be global: like every sync.Pool, it holds nothing visible to a request.
var pool = sync.Pool{New: func() any { return new(piece) }}

// A Text is the beginning of a text: whole pieces. The rest, usually shorter than a piece, is a slice of its user. The zero value
// is empty, and nil is an empty text that takes nothing. A Text is not safe for concurrent use.
type Text struct{ whole []*piece }

// Len returns the size of the pieces, in bytes.
func (t *Text) Len() int {
	if t == nil {
		return 0
	}
	return len(t.whole) * Size
}

// Take moves whole pieces from the beginning of rest into the text. It returns what is left, in the memory of rest.
func (t *Text) Take(rest []byte) []byte {
	if t == nil {
		return rest
	}
	left := rest
	for len(left) >= Size {
		p := pool.Get().(*piece)
		copy(p[:], left)
		t.whole = append(t.whole, p)
		left = left[Size:]
	}
	return rest[:copy(rest, left)]
}

// Cut keeps the first size bytes of the text and rest together. It returns what is left of rest.
func (t *Text) Cut(size int, rest []byte) []byte {
	if size >= t.Len() {
		return rest[:size-t.Len()]
	}
	keep := size / Size
	rest = append(rest[:0], t.whole[keep][:size%Size]...)
	t.free(keep)
	return rest
}

// Join appends the text and rest to dst.
func (t *Text) Join(dst, rest []byte) []byte {
	if need := len(dst) + t.Len() + len(rest); need > cap(dst) {
		dst = append(make([]byte, 0, need), dst...)
	}
	for p := range t.Pieces() {
		dst = append(dst, p...)
	}
	return append(dst, rest...)
}

// Pieces are the pieces in their order.
func (t *Text) Pieces() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if t == nil {
			return
		}
		for _, p := range t.whole {
			if !yield(p[:]) {
				return
			}
		}
	}
}

// WriteTo writes the text to w, which must not keep it, and forgets each piece that is written.
func (t *Text) WriteTo(w io.Writer) (written int64, err error) {
	if t == nil {
		return 0, nil
	}
	for len(t.whole) > 0 {
		n, err := w.Write(t.whole[0][:])
		written += int64(n)
		if err != nil {
			return written, err
		}
		pool.Put(t.whole[0])
		t.whole[0] = nil
		t.whole = t.whole[1:]
		if written%(pauseEvery*Size) == 0 {
			time.Sleep(pause)
		}
	}
	return written, nil
}

// Free forgets the text. Nobody may have its pieces any more.
func (t *Text) Free() {
	if t != nil {
		t.free(0)
	}
}

// free forgets all pieces but the first.
func (t *Text) free(keep int) {
	for i, p := range t.whole[keep:] {
		pool.Put(p)
		t.whole[keep+i] = nil
	}
	t.whole = t.whole[:keep]
}
