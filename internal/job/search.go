package job

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A place is where a search has come to: the values of a row in the order of the search.
type place struct {
	Queue string `json:"queue,omitzero"`
	Lane  string `json:"lane,omitzero"`
	Rank  int64  `json:"rank,omitzero"`
	At    int64  `json:"at,omitzero"` // run_at or turn_at
	ID    string `json:"id,omitzero"` // "": before the first row
}

func (p *place) text() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(text)
}

func parsePlace(text string) (p place, err error) {
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, errs.Wrapf(err, errs.Malformed, "this page of the list is no longer there: begin with the first page")
	}
	return p, nil
}

// An order is an index that a search goes along. No other one bounds what a search reads: there may be millions of rows with a
// name, and an index for each filter would make every write of a job dearer.
type order struct {
	columns []string
	falling bool
	where   func(b *binder, p place) string
}

// orderOf returns the order of a search.
func orderOf(f *Filter) order {
	ofState := func(b *binder, _ place) string {
		return "state = " + b.arg(value.OfText(f.State)) + " AND turn_at IS NOT NULL" // as all of them have: the index has no others
	}
	switch f.State {
	case "":
		return order{[]string{"id"}, true, f.idRange}
	case waiting:
		return order{[]string{"lane", "rank", "run_at", "id"}, false, func(b *binder, p place) string {
			return "queue = " + b.arg(value.OfText(p.Queue)) + " AND state = 'waiting'"
		}}
	case scheduled:
		return order{[]string{"turn_at", "id"}, false, ofState}
	}
	return order{[]string{"turn_at", "id"}, true, ofState}
}

// idSlack is how far the clock of a node may be from the clock of the database: ids have the time of the node.
const idSlack = time.Minute

// idRange bounds the ids by the time of the filter: an id begins with its time.
func (f *Filter) idRange(b *binder, _ place) string {
	all := []string{"1 = 1"}
	if !f.From.IsZero() {
		all = append(all, "id >= "+b.arg(value.OfUUID(firstID(f.From.Add(-idSlack)))))
	}
	if !f.To.IsZero() {
		all = append(all, "id < "+b.arg(value.OfUUID(firstID(f.To.Add(idSlack)))))
	}
	return strings.Join(all, " AND ")
}

// firstID returns the least id of version 7 that a time has.
func firstID(at time.Time) string {
	const digits = "0123456789abcdef"
	text := []byte("00000000-0000-7000-8000-000000000000")
	millis := max(0, at.UnixMilli())
	for i := len("00000000-0000") - 1; i >= 0; i-- {
		if text[i] != '-' {
			text[i] = digits[millis&15]
			millis >>= 4
		}
	}
	return string(text)
}

// row returns the values of a place as a row of parameters.
func (o *order) row(b *binder, p place) string {
	var list []string
	for _, column := range o.columns {
		switch column {
		case "lane":
			list = append(list, b.arg(value.OfText(p.Lane)))
		case "rank":
			list = append(list, b.arg(value.OfInt(p.Rank)))
		case "id":
			list = append(list, b.arg(value.OfUUID(p.ID)))
		default:
			list = append(list, b.arg(value.OfTimestamp(p.At)))
		}
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// read sets a place to the values of a row.
func (o *order) read(row value.Row, p *place) {
	for i, column := range o.columns {
		switch column {
		case "lane":
			p.Lane = textOf(row, i)
		case "rank":
			p.Rank = row.Int(i)
		case "id":
			p.ID = textOf(row, i)
		default:
			p.At = row.Int(i)
		}
	}
}

func (o *order) by() string {
	if o.falling {
		return strings.Join(o.columns, " DESC, ") + " DESC"
	}
	return strings.Join(o.columns, ", ")
}

// after returns the condition for rows after a place, and upTo for rows up to one.
func (o *order) after(b *binder, p place) string {
	where := o.where(b, p)
	if p.ID == "" {
		return where
	}
	sign := " > "
	if o.falling {
		sign = " < "
	}
	return where + " AND (" + strings.Join(o.columns, ", ") + ")" + sign + o.row(b, p)
}

func (o *order) upTo(b *binder, p place) string {
	sign := " <= "
	if o.falling {
		sign = " >= "
	}
	return " AND (" + strings.Join(o.columns, ", ") + ")" + sign + o.row(b, p)
}

// endSQL returns the statement for the last one of the next rows of an order, whatever the filter says.
func (o *order) endSQL(b *binder, p place, rows int) string {
	return "SELECT " + strings.Join(o.columns, ", ") + " FROM ashlar_jobs WHERE " + o.after(b, p) + " ORDER BY " + o.by() +
		" LIMIT 1 OFFSET " + b.arg(value.OfInt(int64(rows-1)))
}

// chunkSQL returns a statement about the next rows that a filter picks. The inner LIMIT keeps the planner on the index: it
// guesses badly how many rows a filter picks.
func (o *order) chunkSQL(b *binder, f *Filter, p place, end *place, rows int, what, rest string) string {
	columns := slices.Clone(o.columns)
	for _, column := range [...]string{"id", "queue", "name", "state", "row_table", "row_id", "created_at", "updated_at"} {
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	if f.readsArgs() {
		columns = append(columns, "args")
	}
	where := o.after(b, p)
	if end != nil {
		where += o.upTo(b, *end)
	}
	inner := "SELECT " + strings.Join(columns, ", ") + " FROM ashlar_jobs WHERE " + where + " ORDER BY " + o.by() + " LIMIT " + b.arg(value.OfInt(int64(rows)))
	return "SELECT " + what + " FROM (" + inner + ") AS j WHERE " + f.conditions(b) + rest
}

// A search goes along an order, one chunk of rows after the other.
type search struct {
	queue  *Queue
	filter Filter
	at     place
	until  time.Time // of this process: when the search is cut
	ended  bool      // there are no further rows
	queues []string  // of jobs that wait; nil: not asked yet
}

// next returns the places of the next jobs. There are fewer than limit only if the search has ended, or was cut.
func (s *search) next(ctx context.Context, limit int) (found []place, err error) {
	o := orderOf(&s.filter)
	var chunk []place
	read := func(r store.Reader, end *place, rows int) error {
		chunk = nil
		b := &binder{dialect: s.queue.db.Dialect()}
		sql := o.chunkSQL(b, &s.filter, s.at, end, rows, strings.Join(o.columns, ", "), " ORDER BY "+o.by())
		sql += " LIMIT " + b.arg(value.OfInt(int64(limit-len(found))))
		return r.Query(sql, b.args, func(row value.Row) error {
			p := place{Queue: s.at.Queue}
			o.read(row, &p)
			chunk = append(chunk, p)
			return nil
		})
	}
	err = s.walk(ctx, read, func() (full bool) {
		if found = append(found, chunk...); len(found) == limit {
			s.at = found[limit-1]
		}
		return len(found) == limit
	})
	return found, err
}

// count counts the jobs of the filter, at most most.
func (s *search) count(ctx context.Context, most int64) (n int64, err error) {
	o := orderOf(&s.filter)
	var chunk int64
	read := func(r store.Reader, end *place, rows int) error {
		b := &binder{dialect: s.queue.db.Dialect()}
		sql := o.chunkSQL(b, &s.filter, s.at, end, rows, "count(*)", "")
		return r.Query(sql, b.args, func(row value.Row) error {
			chunk = row.Int(0)
			return nil
		})
	}
	err = s.walk(ctx, read, func() (full bool) {
		n += chunk
		return n > most
	})
	return min(n, most), err
}

// walk reads chunks of rows until there are enough, the rows have ended, or the time is over. end is the last row of a chunk,
// or nil for the last chunk. A transaction may call read again for a chunk. take is called once for each chunk.
func (s *search) walk(ctx context.Context, read func(r store.Reader, end *place, rows int) error, take func() (full bool)) error {
	o := orderOf(&s.filter)
	for rows := firstChunk; !s.ended; rows = largeChunk {
		if s.filter.State == waiting {
			if more, err := s.chooseQueue(ctx); err != nil || !more {
				return err
			}
		}
		var end *place
		err := s.queue.read(ctx, func(r store.Reader) (err error) {
			if end, err = s.end(r, &o, rows); err != nil {
				return err
			}
			return read(r, end, rows)
		})
		if err != nil || take() {
			return err
		}
		switch {
		case end != nil:
			s.at = *end
		case s.filter.State == waiting && len(s.queues) > 1:
			s.queues = s.queues[1:]
			s.at = place{Queue: s.queues[0]}
		default:
			s.ended = true
		}
		if time.Now().After(s.until) {
			return nil
		}
	}
	return nil
}

// end returns the last row of a chunk, or nil if there are fewer rows.
func (s *search) end(r store.Reader, o *order, rows int) (end *place, err error) {
	b := &binder{dialect: s.queue.db.Dialect()}
	sql := o.endSQL(b, s.at, rows)
	err = r.Query(sql, b.args, func(row value.Row) error {
		end = &place{Queue: s.at.Queue}
		o.read(row, end)
		return nil
	})
	return end, err
}

// chooseQueue sets the queue of the search, unless it has one. Jobs that wait have an order for each queue.
func (s *search) chooseQueue(ctx context.Context) (more bool, err error) {
	if s.filter.Queue != "" {
		s.at.Queue = s.filter.Queue
		return true, nil
	}
	if s.queues == nil {
		all, err := s.queue.QueueNames(ctx)
		if err != nil {
			return false, err
		}
		s.queues = slices.DeleteFunc(all, func(name string) bool { return name < s.at.Queue })
	}
	if len(s.queues) == 0 {
		s.ended = true
		return false, nil
	}
	if s.at.Queue != s.queues[0] {
		s.at = place{Queue: s.queues[0]}
	}
	return true, nil
}
