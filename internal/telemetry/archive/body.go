package archive

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// The texts of a record, in the order in which its body has them. New ones are added at the end: a body of an older version
// has fewer.
const (
	textWork = iota
	textID
	textClientID
	textMethod
	textPath
	textRoute
	textRemote
	textCaller
	textCallerKind
	textKey
	textTable
	textOperation
	textShape
	textCache
	textLimit
	textProblem
	textError
	textStack
	textJob
	textCount
)

// The numbers of a record, in the order in which its body has them.
const (
	numberDuration = iota // microseconds, as all durations
	numberWeight          // thousandths
	numberStatus
	numberBytes
	numberReceived
	numberRows
	numberStatements
	numberStatementTime
	numberQueue
	numberEncode
	numberCount
)

const (
	flagFailed = 1 << iota
	flagSlow
	flagTrace
)

// The longest texts of a body, in bytes.
const (
	maxText  = 512
	maxError = 2048
	maxStack = 8192
)

// mark is what the archive adds to a record.
type mark struct {
	failed, slow bool
	weight       float64
}

// appendBody appends the compact form of a record: flags, numbers and texts, each with its length in front. The process is
// not part of it: the writer adds that.
func appendBody(b []byte, r *telemetry.Record, m mark) []byte {
	var flags byte
	if m.failed {
		flags |= flagFailed
	}
	if m.slow {
		flags |= flagSlow
	}
	traced := r.Trace != telemetry.TraceID{}
	if traced {
		flags |= flagTrace
	}
	b = append(b, flags)
	if traced {
		b = append(b, r.Trace[:]...)
		b = append(b, r.Span[:]...)
		b = append(b, r.Parent[:]...)
	}
	numbers := [numberCount]int64{
		r.Busy().Microseconds(), int64(math.Round(m.weight * 1000)), int64(r.Status), r.Bytes, r.Received, int64(r.Rows),
		int64(r.Statements.Count), r.Statements.Took.Microseconds(), r.Queue.Microseconds(), r.Encode.Microseconds(),
	}
	b = append(b, numberCount)
	for _, n := range numbers {
		b = binary.AppendUvarint(b, uint64(max(0, n)))
	}
	b = append(b, textCount)
	for _, text := range [textError]string{
		string(r.Work), r.ID, r.ClientID, r.Method, r.Path, r.Route, host(r.Remote), r.Caller, r.CallerKind, r.Key,
		r.Table, r.Operation, r.Shape, r.Cache, r.Limit, string(r.Problem),
	} {
		b = appendText(b, text, maxText)
	}
	cause := ""
	if r.Err != nil {
		cause = causeOf(r)
	}
	b = appendText(b, cause, maxError)
	b = appendText(b, r.Stack, maxStack)
	return appendText(b, r.Job, maxText)
}

func appendText(b []byte, text string, most int) []byte {
	if len(text) > most {
		text = errs.Clip(text, most/4) // a character has at most four bytes
	}
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// host returns an address without its port: [::1]:80 is ::1.
func host(address string) string {
	for i := len(address) - 1; i >= 0; i-- {
		if c := address[i]; c == ':' {
			address = address[:i]
			break
		} else if c < '0' || c > '9' {
			break
		}
	}
	if n := len(address); n > 1 && address[0] == '[' && address[n-1] == ']' {
		return address[1 : n-1]
	}
	return address
}

// body is a decoded body. Its texts lie in the bytes that it was decoded from.
type body struct {
	flags   byte
	process int64
	trace   telemetry.TraceID
	span    telemetry.SpanID
	parent  telemetry.SpanID
	numbers [numberCount]int64
	texts   [textCount][]byte
}

// decode reads the bytes of a row. It reports whether they are whole.
func (d *body) decode(b []byte) bool {
	in := reader{rest: b}
	d.process = int64(in.number())
	d.flags = in.byte()
	if d.flags&flagTrace != 0 {
		in.copy(d.trace[:])
		in.copy(d.span[:])
		in.copy(d.parent[:])
	} else {
		d.trace, d.span, d.parent = telemetry.TraceID{}, telemetry.SpanID{}, telemetry.SpanID{}
	}
	clear(d.numbers[:])
	for i := range int(in.byte()) {
		if n := in.number(); i < numberCount {
			d.numbers[i] = int64(n)
		}
	}
	clear(d.texts[:])
	for i := range int(in.byte()) {
		if text := in.text(); i < textCount {
			d.texts[i] = text
		}
	}
	return !in.bad
}

func (d *body) duration() time.Duration { return d.time(numberDuration) }
func (d *body) weight() float64         { return float64(d.numbers[numberWeight]) / 1000 }
func (d *body) failed() bool            { return d.flags&flagFailed != 0 }
func (d *body) slow() bool              { return d.flags&flagSlow != 0 }

func (d *body) time(number int) time.Duration {
	return time.Duration(d.numbers[number]) * time.Microsecond
}

// reader reads what append functions wrote. After an error it reads zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// skip passes over a number.
func (r *reader) skip() {
	for i, b := range r.rest {
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return
		}
	}
	r.fail()
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	first := r.rest[0]
	r.rest = r.rest[1:]
	return first
}

func (r *reader) copy(to []byte) {
	if len(r.rest) < len(to) {
		r.fail()
		clear(to)
		return
	}
	r.rest = r.rest[copy(to, r.rest):]
}

func (r *reader) text() []byte {
	size := r.number()
	if size > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	text := r.rest[:size:size]
	r.rest = r.rest[size:]
	return text
}

func (r *reader) fail() { r.rest, r.bad = nil, true }
