package trace

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A ring keeps the last traces, each in a slot of its own. Slots are used again with their buffers, so after one round a
// new trace needs no memory.
type ring struct {
	slots []slot
	next  atomic.Uint64
}

func newRing(size int) *ring { return &ring{slots: make([]slot, size)} }

func (r *ring) put(number uint64, rec *telemetry.Record, isSlow bool, texts *texts) {
	place := &r.slots[(r.next.Add(1)-1)%uint64(len(r.slots))]
	place.mu.Lock()
	defer place.mu.Unlock()
	place.write(number, rec, isSlow, texts)
}

// each calls visit with all traces, in no order.
func (r *ring) each(texts *texts, visit func(number uint64, t *Trace)) {
	for i := range r.slots {
		place := &r.slots[i]
		place.mu.Lock()
		number := place.number
		var t Trace
		if number != 0 {
			t = place.read(texts)
		}
		place.mu.Unlock()
		if number != 0 {
			visit(number, &t)
		}
	}
}

// The texts of a slot, and the most bytes of each.
const (
	idText = iota
	methodText
	pathText
	routeText
	callerText
	callerKindText
	keyText
	tableText
	operationText
	shapeText
	cacheText
	limitText
	jobText
	countOfTexts
)

// A slot holds one trace in compact form. Its texts are copies: a part of a path would keep the whole header of its
// request in memory. A slot has at most 3.2 KB, and 0.5 KB with one statement and short texts.
type slot struct {
	mu     sync.Mutex
	number uint64 // of the trace, from 1 on; 0 if the slot is empty

	trace        telemetry.TraceID
	span, parent telemetry.SpanID
	work         telemetry.Work
	problem      errs.Kind
	start        time.Time

	duration, queue, encode, database time.Duration

	received, bytes          int64
	status, rows, statements int
	isSampled, isSlow        bool
	hasFailed                bool

	words []byte // the texts, one after the other
	ends  [countOfTexts]uint16
	steps []step
}

// A step is a statement.
type step struct {
	name        string // its summary; shared by all statements with the same text
	start, took time.Duration
	rows        int
	text        uint32
}

func (s *slot) write(number uint64, r *telemetry.Record, isSlow bool, texts *texts) {
	s.number = number
	s.trace, s.span, s.parent, s.isSampled = r.Trace, r.Span, r.Parent, r.Sampled
	s.work, s.problem = r.Work, r.Problem
	s.start, s.duration, s.queue, s.encode, s.database = r.Start, r.Duration, r.Queue, r.Encode, r.Statements.Took
	s.received, s.bytes, s.status, s.rows, s.statements = r.Received, r.Bytes, r.Status, r.Rows, r.Statements.Count
	s.isSlow, s.hasFailed = isSlow, r.Failed()
	s.words = s.words[:0]
	s.add(idText, r.ID, 64)
	s.add(methodText, r.Method, 32)
	s.add(pathText, r.Path, 256)
	s.add(routeText, r.Route, 128)
	s.add(callerText, r.Caller, 128)
	s.add(callerKindText, r.CallerKind, 16)
	s.add(keyText, r.Key, 64)
	s.add(tableText, r.Table, 80)
	s.add(operationText, r.Operation, 32)
	s.add(shapeText, r.Shape, 512)
	s.add(cacheText, r.Cache, 16)
	s.add(limitText, r.Limit, 64)
	s.add(jobText, r.Job, 64)
	s.steps = s.steps[:0]
	for i := range r.Statements.List {
		ran := &r.Statements.List[i]
		text, name := texts.number(ran.SQL)
		s.steps = append(s.steps, step{name: name, start: ran.Start, took: ran.Took, rows: ran.Rows, text: text})
	}
}

func (s *slot) add(which int, text string, most int) {
	s.words = append(s.words, clip(text, most)...)
	s.ends[which] = uint16(len(s.words))
}

func (s *slot) read(texts *texts) Trace {
	words := string(s.words)
	text := func(which int) string {
		if which == 0 {
			return words[:s.ends[0]]
		}
		return words[s.ends[which-1]:s.ends[which]]
	}
	t := Trace{
		ID: text(idText), Trace: s.trace, Span: s.span, Parent: s.parent, Sampled: s.isSampled,
		Work: s.work, Start: s.start, Duration: s.duration, Queue: s.queue, Encode: s.encode,
		Method: text(methodText), Path: text(pathText), Route: text(routeText), Status: s.status, Received: s.received, Bytes: s.bytes,
		Caller: text(callerText), CallerKind: text(callerKindText), Key: text(keyText),
		Table: text(tableText), Operation: text(operationText), Shape: text(shapeText), Cache: text(cacheText), Limit: text(limitText), Job: text(jobText),
		Problem: s.problem, Failed: s.hasFailed, Slow: s.isSlow,
		Rows: s.rows, Statements: s.statements, Database: s.database,
		Spans: make([]Span, 0, len(s.steps)+1),
	}
	for _, ran := range s.steps {
		t.Spans = append(t.Spans, Span{Name: ran.name, Start: ran.start, Duration: ran.took, Statement: true, Rows: ran.rows, SQL: texts.sql(ran.text)})
	}
	t.addQueue()
	t.finish()
	return t
}
