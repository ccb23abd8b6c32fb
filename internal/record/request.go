package record

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// A request is one request of one caller. Its Binding evaluates the slots of the rules once. Its memory serves later
// requests: end gives it back.
type request struct {
	*statement.Binding
	db      *DB
	allowed permission // the last one that was granted

	trace   string // traceparent of the request; "" if its writes have no effects
	guard   guard
	passage *gate.Passage
	rowRead *rowRead
	blocks  []*render.Block // to be released when the answer is written
	lends   bool            // rows that it writes are valid until end
	buffer  []byte          // for the next row that it writes; nil after it was taken
	key     []byte          // of the last answer that may be kept
	lent    []byte          // the buffer of the last row, which end takes back
}

// permission says that the caller may do something to rows of a table.
type permission struct {
	table *model.Table
	op    Op
}

// request returns a request of the caller. The caller must end it.
func (d *DB) request(who caller.Caller) *request { return d.requestAt(who, d.now().UnixMicro()) }

// requestAt is request at a time, in microseconds since 1970.
func (d *DB) requestAt(who caller.Caller, now int64) *request {
	r, _ := d.requests.Get().(*request)
	if r == nil {
		r = &request{Binding: statement.NewBinding(d.rules, d.dialect), db: d, passage: gate.NewPassage()}
		r.rowRead = newRowRead(r)
		r.guard.bound = r.guardedRead
	}
	r.begin(who, now)
	r.setGuard(who)
	return r
}

// begin evaluates the slots of the rules at a time.
func (r *request) begin(who caller.Caller, now int64) {
	r.Begin(who, now)
	r.allowed = permission{}
}

// maxAge bounds the age of a request that writes. Rules may depend on the time, and a client may take long to send a body.
const maxAge = 50 * time.Millisecond

// renew evaluates the slots again if the request is too old to write.
func (r *request) renew() {
	if now := r.db.now().UnixMicro(); now-r.Now() > maxAge.Microseconds() {
		r.begin(r.Caller(), now)
	}
}

// end gives the memory of the request to a later one.
func (r *request) end() {
	r.releaseBlocks()
	r.rowRead.reset()
	r.passage.Reset()
	r.resetGuard()
	r.Reset()
	r.allowed, r.trace = permission{}, ""
	if r.lent != nil {
		r.buffer, r.lent = r.lent, nil
	}
	r.lends = false
	r.db.requests.Put(r)
}

// maxRowHint bounds the buffer, in bytes, that is made for a row like the one before, or kept for the next.
const maxRowHint = 4096

// takeBuffer returns a buffer for a row of a table. Nobody else gets it before end.
func (r *request) takeBuffer(t *table) (buf []byte) {
	if r.lends && r.buffer != nil {
		buf, r.buffer = r.buffer, nil
		return buf
	}
	size := t.rowSize.Load()
	return make([]byte, 0, min(size+size/8, maxRowHint))
}

// noteRow notes a row that was written into the buffer of takeBuffer.
func (r *request) noteRow(t *table, row []byte) {
	t.rowSize.Store(int64(len(row)))
	if r.lends && cap(row) <= maxRowHint {
		r.lent = row[:0]
	}
}

// Allow reports whether the caller may do an operation to any row of a table. The error is errs.Unauthenticated or
// errs.Forbidden if the rules refuse every row. Allow does not ask the database.
func (d *DB) Allow(who caller.Caller, t *model.Table, op Op) error {
	if d.tables[t].open[op] && who.Scopes() == nil {
		return nil
	}
	r := d.request(who)
	defer r.end()
	return r.allow(t, op)
}

// allow is DB.Allow. It remembers what it granted last.
func (r *request) allow(t *model.Table, op Op) error {
	if t.View != nil && op != Read {
		return &errs.Error{Kind: errs.MethodNotAllowed, Allow: []string{"GET", "HEAD"}, Message: t.Name + " is a view, and views are read-only"}
	}
	if r.allowed == (permission{t, op}) {
		return nil
	}
	if err := r.checkScopes(t, op); err != nil {
		return err
	}
	if !r.mayAllow(t, op) {
		return r.deniedFor(t, op)
	}
	r.allowed = permission{t, op}
	return nil
}

// mayAllow reports whether the rules may allow an operation on some row.
func (r *request) mayAllow(t *model.Table, op Op) bool {
	table := r.db.tables[t]
	return table.open[op] || r.Caller().IsSystem() || table.verdicts.Get(r.Binding, byte(op), func() bool {
		folder := r.Folder()
		folder.NoOld = op == Create
		for _, node := range rulesFor(r.db.rules.Table(t), op) {
			if rule.NeverTrue(folder.Fold(node)) {
				return false
			}
		}
		return true
	})
}

// denied is the error of a rule that says no. Only an anonymous caller can help it by saying who it is.
func (r *request) denied() *errs.Error {
	if r.Caller().IsAnonymous() {
		return errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	return errs.New(errs.Forbidden, "the access rules do not allow this")
}

// deniedFields is denied for the write rules of fields.
func (r *request) deniedFields(fields []*model.Field) error {
	err := r.denied()
	for _, f := range fields {
		err.Faults = append(err.Faults, errs.Fault{Pointer: input.Pointer(f.Name), Code: "write", Detail: "the write rule of this field does not allow it"})
	}
	return err
}

// notFound is the error for a row that does not exist, and for one that the caller may not read. They answer alike, byte
// for byte.
func notFound(t *model.Table) error {
	return errs.New(errs.NotFound, "there is no such row in %s", t.Name)
}
