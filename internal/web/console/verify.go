package console

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// verifyAudit walks the whole chain. Only one walk runs at a time. Then it shows the audit log. A walk that takes long shows a
// page of its own with its progress.
func (c *Console) verifyAudit(q *Request) error {
	if !c.verified.begin() {
		return errs.New(errs.Unavailable, "a verification is under way: look again when it has ended")
	}
	var found *verified
	defer func() { c.verified.end(found) }()
	stream := web.NewStream(q.w, q.r)
	defer stream.End()
	page := progressPage{q: q, stream: stream, told: c.now()}
	result, err := c.audit.Verify(stream.Context(), "", page.tell)
	broken, isBroken := errors.AsType[*audit.ChainError](err)
	if err != nil && !isBroken {
		return stream.Err(err)
	}
	found = &verified{At: c.now(), Rows: result.Rows, Head: result.Head.Hash}
	if isBroken {
		found.Broken = broken.Error()
	}
	if !stream.Begun() {
		return q.Redirect("/console/audit")
	}
	return page.end(found)
}

// A progressPage is the page of a long verification. It grows while the verification runs, so no proxy takes it for dead. Its
// style shows only the last count.
type progressPage struct {
	q      *Request
	stream *web.Stream
	told   time.Time // the page grew, or began to wait
	foot   []byte    // what ends the page
}

// tellEvery is the time between two counts. A verification that is quicker needs no page.
const tellEvery = 2 * time.Second

// tell shows how many rows are verified. A write that fails ends the context of the verification.
func (p *progressPage) tell(rows int64) {
	p.stream.Progress()
	now := p.q.console.now()
	if now.Sub(p.told) < tellEvery {
		return
	}
	p.told = now
	var part bytes.Buffer
	if p.foot == nil {
		head, foot, err := p.q.frame("Verify the chain")
		if err != nil { // a template of ours
			panic(err)
		}
		p.q.beginHTML()
		p.foot = foot
		part.Write(head)
		p.render(&part, "verifying", nil)
	}
	p.render(&part, "verified-rows", rows)
	_, _ = p.stream.Write(web.PartOfPage(p.q.w, part.Bytes()))
	p.stream.Flush()
}

func (p *progressPage) end(found *verified) error {
	var part bytes.Buffer
	p.render(&part, "verified", found)
	part.Write(p.foot)
	_, err := p.stream.Write(web.PartOfPage(p.q.w, part.Bytes()))
	return err
}

func (p *progressPage) render(part *bytes.Buffer, name string, data any) {
	if err := templates.ExecuteTemplate(part, name, data); err != nil { // a template of ours
		panic(err)
	}
}

// frame returns what stands before and after the main part of a page.
func (q *Request) frame(title string) (head, foot []byte, err error) {
	const mark = "<!-- main -->"
	var whole bytes.Buffer
	err = templates.ExecuteTemplate(&whole, "layout.html", q.layout(title, template.HTML(mark)))
	head, foot, _ = bytes.Cut(whole.Bytes(), []byte(mark))
	return head, foot, err
}

// beginHTML sets the headers of a page that grows.
func (q *Request) beginHTML() {
	q.answered = true
	setPolicy(q.w.Header())
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(http.StatusOK)
}
