package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Hold answers with the status 200, and lets run send the rest for as long as it wants. The request gives up its places, as with
// Leave. A handler returns what Hold returns, and does nothing after it. r of run has the context of the Stream.
//
// Over HTTP/1, run begins when the handler has returned. It has the connection for itself, and a goroutine of its own. There may
// be ten thousand such answers. If their handlers waited, net/http would keep 10 kB of buffers for each, and two goroutines with
// 20 kB of stacks, because a handler runs deep in the chain. Over HTTP/2 the handler runs it.
func Hold(w http.ResponseWriter, r *http.Request, run func(*Stream, *http.Request) error) error {
	x := exchangeOf(r)
	if x == nil || r.ProtoMajor != 1 || !x.canHold() {
		w.WriteHeader(http.StatusOK)
		defer Leave(r)()
		s := NewStream(w, r)
		defer s.End()
		s.Flush() // the header
		return run(s, r.WithContext(holding{s.ctx, x}))
	}
	w.Header()["Connection"] = closeConnection // nobody would read the next request
	w.WriteHeader(http.StatusOK)
	back := Leave(r)
	x.rest = func(s *Stream, r *http.Request) error {
		defer back()
		return run(s, r)
	}
	return nil
}

func (x *exchange) canHold() bool {
	_, ok := x.out.ResponseWriter.(http.Hijacker)
	return ok
}

// holding is the context of a request that is held: it ends with its Stream. x may be nil.
type holding struct {
	context.Context
	x *exchange
}

// Value implements context.Context.
func (h holding) Value(key any) any {
	if h.x == nil {
		return h.Context.Value(key)
	}
	return h.x.Value(key)
}

// hold goes on with an answer whose handler has called Hold.
func (rc *Receiver) hold(x *exchange, r *http.Request) {
	server, _ := x.client.Value(serverKey{}).(*server)
	parent := context.WithoutCancel(x.client) // net/http ends its own context when the handler returns
	h := &held{chunked: r.ProtoAtLeast(1, 1)}
	x.client, h.gone = context.WithCancel(parent)
	run := func() error {
		x.relabel()
		s := NewStream(&x.out, r)
		defer s.End()
		return x.rest(s, r.WithContext(holding{s.ctx, x}))
	}
	var err error
	if h.conn, _, err = x.out.ResponseWriter.(http.Hijacker).Hijack(); err != nil { // the header is sent, unless the client is gone
		h.gone()
		_ = x.finish(r, background.Guard("a held answer", run))
		rc.complete(x, r)
		panic(http.ErrAbortHandler)
	}
	x.out.ResponseWriter = h
	server.hold(h.conn)
	background.Go("a held answer", run, func(err error) {
		rc.endHeld(x, r, h, err)
		server.release(h.conn)
	})
	background.Go("a held connection", h.watch, func(error) {})
}

// endHeld ends a held answer. The connection is closed when the record is written: a stop waits for that.
func (rc *Receiver) endHeld(x *exchange, r *http.Request, h *held, err error) {
	defer h.conn.Close()
	defer h.gone()
	if failure, ok := errors.AsType[*background.PanicError](err); ok {
		x.record.Stack = string(failure.Stack)
		err = errs.Wrapf(fmt.Errorf("%v", failure.Value), errs.Internal, "panic")
	}
	if abort := x.finish(r, err); !abort {
		_ = h.end() // fails if the client is gone
	}
	rc.complete(x, r)
}

// held is the rest of an answer on a connection that net/http has given up. It is the writer below a response.
type held struct {
	conn    net.Conn
	chunked bool // HTTP/1.0 knows no chunks: the end of the connection is the end of the answer
	gone    context.CancelFunc
}

// chunkKept is the size of the largest buffer of a chunk that is kept.
const chunkKept = 16 << 10

var chunks = sync.Pool{New: func() any { return new([]byte) }}

// Header implements http.ResponseWriter. The header is sent.
func (h *held) Header() http.Header { return http.Header{} }

// WriteHeader implements http.ResponseWriter.
func (h *held) WriteHeader(int) {}

// Write sends a part at once, in one call of the system.
func (h *held) Write(part []byte) (int, error) {
	if !h.chunked || len(part) == 0 { // an empty chunk would be the end
		return h.conn.Write(part)
	}
	buf := chunks.Get().(*[]byte)
	all := strconv.AppendInt((*buf)[:0], int64(len(part)), 16)
	all = append(all, "\r\n"...)
	all = append(all, part...)
	all = append(all, "\r\n"...)
	_, err := h.conn.Write(all)
	if cap(all) <= chunkKept {
		*buf = all
		chunks.Put(buf)
	}
	if err != nil {
		return 0, err
	}
	return len(part), nil
}

// end tells the client that the answer is whole.
func (h *held) end() error {
	if !h.chunked {
		return nil
	}
	_, err := h.conn.Write([]byte("0\r\n\r\n"))
	return err
}

// FlushError implements what http.ResponseController looks for. Nothing waits.
func (h *held) FlushError() error { return nil }

// SetWriteDeadline implements what http.ResponseController looks for.
func (h *held) SetWriteDeadline(at time.Time) error { return h.conn.SetWriteDeadline(at) }

// watch ends the context of the request when the client is gone. Like net/http, it stops when the client sends more: nobody
// reads that, so the client must not be able to keep us busy with it. Then the next write notices the end.
func (h *held) watch() error {
	next := make([]byte, 2) // package netconn delays a read of one byte
	if n, _ := h.conn.Read(next); n == 0 {
		h.gone()
	}
	return nil
}
