package operation

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// recordPage is one record with all its fields.
type recordPage struct {
	*archive.Record
	Values  []field // with links
	Numbers []field
	Process []field
	Trace   *tracePart // nil if memory has it no more
	Around  string     // address of the log around the record
	Same    string     // address of the trace
}

// A field is a member of a record.
type field struct {
	Name string
	cell
}

func (p *pages) record(q *console.Request) error {
	id := q.HTTP().PathValue("id")
	var r archive.Record
	err := within(q, func(ctx context.Context) (err error) {
		r, err = p.Records.Record(ctx, id)
		return err
	})
	if err != nil {
		return p.lookElsewhere(err)
	}
	page := p.recordPage(&r)
	if made, ok := p.Traces.ByID(r.ID); ok {
		page.add(&made)
	} else if r.Failed || r.Slow {
		made, err := p.keptTrace(q, r.Trace)
		if err == nil && made.ID == r.ID {
			page.add(&made)
		} else if err != nil && errs.KindOf(err) != errs.NotFound {
			return err
		}
	}
	return show(q, http.StatusOK, "Record", "record.html", page)
}

// add adds the trace of the record.
func (page *recordPage) add(t *trace.Trace) {
	page.Trace = newTracePart(t)
	page.Same = tracesPath + "/" + t.Trace.String()
}

// around is the time before and after a record that its links show.
const around = 30 * time.Minute

func (p *pages) recordPage(r *archive.Record) recordPage {
	near := url.Values{"from": {formatTime(r.End.Add(-around))}, "to": {formatTime(r.End.Add(around))}}
	v := parseView(near, p.Now())
	page := recordPage{Record: r, Around: addressOf(logsPath, near)}
	for _, each := range [...]struct {
		name      string
		dimension archive.Dimension
		value     string
	}{
		{"Work", archive.Work, r.Work}, {"Job", archive.Job, r.Job}, {"Route", archive.Route, r.Route}, {"Method", archive.Method, r.Method}, {"Status", archive.Status, statusText(r.Status)},
		{"Problem", archive.Problem, r.Problem}, {"Limit", archive.Limit, r.Limit}, {"Table", archive.Table, r.Table}, {"Operation", archive.Operation, r.Operation},
		{"Shape", archive.Shape, r.Shape}, {"Caller", archive.Caller, r.Caller}, {"Kind of caller", archive.Kind, r.Kind}, {"Key", archive.Key, r.Key},
		{"From", archive.Remote, r.Remote}, {"Cache", archive.Cache, r.Cache},
	} {
		if each.value != "" {
			page.Values = append(page.Values, field{each.name, v.cell(each.dimension, each.value, each.value)})
		}
	}
	for _, each := range [...]struct {
		name      string
		dimension archive.Dimension
		value     string
	}{{"Node", archive.Node, r.Node}, {"Build", archive.Build, r.Build}, {"Model", archive.Revision, r.Revision}} {
		if each.value != "" {
			page.Process = append(page.Process, field{each.name, v.cell(each.dimension, each.value, each.value)})
		}
	}
	page.Numbers = numbersOf(r)
	return page
}

// numbersOf returns the measured numbers of a record. It leaves out zeros.
func numbersOf(r *archive.Record) (list []field) {
	add := func(name, text string, known bool) {
		if known {
			list = append(list, field{name, cell{Text: text}})
		}
	}
	add("Duration", took(r.Duration), true)
	add("In queues", took(r.Queue), r.Queue > 0)
	add("In the database", took(r.StatementTime)+", "+plural(r.Statements, "statement"), r.Statements > 0)
	add("Encoding", took(r.Encode), r.Encode > 0)
	add("Rows", strconv.Itoa(r.Rows), r.Rows > 0)
	add("Received", size(r.Received), r.Received > 0)
	add("Sent", size(r.Bytes), r.Bytes > 0)
	return list
}
