package archive

import (
	"context"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Record is what the archive keeps of a telemetry.Record.
type Record struct {
	Cursor int64     // older records have smaller ones
	End    time.Time // of the work
	Failed bool
	Slow   bool
	Weight float64 // records that this one stands for

	Work      string
	ID        string
	ClientID  string
	Trace     telemetry.TraceID
	Span      telemetry.SpanID
	Parent    telemetry.SpanID
	Method    string
	Path      string
	Route     string
	Status    int
	Remote    string // address of the client, without the port
	Caller    string
	Kind      string // of the caller
	Key       string
	Table     string
	Operation string
	Shape     string
	Cache     string
	Limit     string
	Job       string
	Problem   string
	Error     string
	Stack     string

	Duration      time.Duration
	Queue         time.Duration
	Encode        time.Duration
	StatementTime time.Duration
	Statements    int
	Rows          int
	Received      int64
	Bytes         int64

	Node     string
	Build    string
	Revision string // of the model
}

// Start returns the begin of the work.
func (r *Record) Start() time.Time { return r.End.Add(-r.Duration) }

// A Page is a part of the records that a filter selects, the newest first.
type Page struct {
	Records []Record
	Next    int64 // cursor for the next page; 0 if there is none
}

const (
	maxPage = 1000    // records of a page
	maxRead = 300_000 // records that are read for a page; a page that matches few of them is short
)

// Records returns the records that a filter selects and that are older than the cursor before, the newest first. A cursor of
// 0 is the newest. A page may be short or empty though there are more records: Next says so.
func (a *Archive) Records(ctx context.Context, f Filter, before int64, limit int) (page Page, err error) {
	defer errs.Wrap(&err, "archive.Records")
	limit = min(max(limit, 1), maxPage)
	read := 0
	f.passed = func(key int64) error {
		if read++; read >= maxRead {
			page.Next = key
			return errEnough
		}
		return nil
	}
	err = a.read(ctx, func(conn *lite.Conn) error {
		return scan(conn, f, before, func(key int64, d *body, processes map[int64]process) error {
			if len(page.Records) == limit {
				page.Next = page.Records[limit-1].Cursor
				return errEnough
			}
			page.Records = append(page.Records, d.record(key, processes))
			return nil
		})
	})
	return page, err
}

// Record returns the record with an id.
func (a *Archive) Record(ctx context.Context, id string) (Record, error) {
	for before := int64(0); ; {
		page, err := a.Records(ctx, Filter{ID: id}, before, 1)
		if err != nil {
			return Record{}, err
		}
		if len(page.Records) > 0 {
			return page.Records[0], nil
		}
		if before = page.Next; before == 0 {
			return Record{}, errs.New(errs.NotFound, "the archive has no record with this id: it may be a record that is not kept")
		}
	}
}

// record returns a copy of what a body says.
func (d *body) record(key int64, processes map[int64]process) Record {
	text := func(i int) string { return string(d.texts[i]) }
	process := processes[d.process]
	return Record{
		Cursor: key, End: timeOf(key), Failed: d.failed(), Slow: d.slow(), Weight: d.weight(),
		Work: text(textWork), ID: text(textID), ClientID: text(textClientID), Trace: d.trace, Span: d.span, Parent: d.parent,
		Method: text(textMethod), Path: text(textPath), Route: text(textRoute), Status: int(d.numbers[numberStatus]), Remote: text(textRemote),
		Caller: text(textCaller), Kind: text(textCallerKind), Key: text(textKey),
		Table: text(textTable), Operation: text(textOperation), Shape: text(textShape), Cache: text(textCache), Limit: text(textLimit), Job: text(textJob),
		Problem: text(textProblem), Error: text(textError), Stack: text(textStack),
		Duration: d.duration(), Queue: d.time(numberQueue), Encode: d.time(numberEncode), StatementTime: d.time(numberStatementTime),
		Statements: int(d.numbers[numberStatements]), Rows: int(d.numbers[numberRows]), Received: d.numbers[numberReceived], Bytes: d.numbers[numberBytes],
		Node: process.node, Build: process.build, Revision: process.revision,
	}
}
