package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func (c *Console) auditRoutes() []Route {
	return []Route{
		{"GET /console/audit", Viewer, c.showAudit},
		{"GET /console/audit/export", Viewer, c.exportAudit},
		{"POST /console/audit/verify", Viewer, c.verifyAudit},
	}
}

// A verification is the last result of a verification of the audit log by this process.
type verification struct {
	mu      sync.Mutex
	running bool
	last    *verified
}

// verified is what a verification found.
type verified struct {
	At     time.Time
	Rows   int64
	Head   string
	Broken string // why the chain is broken, or ""
}

// auditPage is a page of the audit log.
type auditPage struct {
	Action, Actor, Account, Since, Until string // of the form
	Entries                              []auditEntry
	First, Next, Export                  string
	Verified                             *verified
	Problem                              *problem
}

// auditEntry is an entry with the names of whom it is about.
type auditEntry struct {
	audit.Entry
	ActorName, AccountName string
	Facts                  []fact
}

// A fact is a member of the detail of an entry.
type fact struct{ Name, Text string }

// factsOf returns the members of a detail for people: texts without quotes, lists with commas, all else as JSON.
func factsOf(detail []byte) []fact {
	members, err := value.DecodeObjectOf("the detail", detail)
	if err != nil { // none, or not an object
		return nil
	}
	facts := make([]fact, len(members))
	for i, member := range members {
		facts[i] = fact{member.Name, string(member.Raw)}
		var text string
		var list []string
		switch {
		case json.Unmarshal(member.Raw, &text) == nil:
			facts[i].Text = text
		case json.Unmarshal(member.Raw, &list) == nil:
			facts[i].Text = cmp.Or(strings.Join(list, ", "), "none")
		}
	}
	return facts
}

func (c *Console) showAudit(q *Request) error {
	values := q.r.URL.Query()
	p := auditPage{Action: values.Get("action"), Actor: values.Get("actor"), Account: values.Get("account"), Since: values.Get("since"), Until: values.Get("until")}
	c.verified.mu.Lock()
	p.Verified = c.verified.last
	c.verified.mu.Unlock()
	filter, err := filterOf(values)
	if err != nil {
		wrong, status := mistake(err)
		p.Problem = wrong
		return q.page(status, "Audit", "audit.html", p)
	}
	list := strings.Join([]string{"audit", p.Action, p.Actor, p.Account, p.Since, p.Until}, "\n")
	cursor, err := q.cursor(list)
	if err != nil {
		return err
	}
	page, err := c.audit.List(q.r.Context(), filter, cursor, listSize)
	if err != nil {
		return err
	}
	if p.Entries, err = c.named(q.r.Context(), page.Entries); err != nil {
		return err
	}
	next, err := q.seal(page.Next, list)
	if err != nil {
		return err
	}
	p.First, p.Next = pagesOf(q, next)
	p.Export = exportOf(values)
	return q.page(http.StatusOK, "Audit", "audit.html", p)
}

// exportOf returns the address of the export of what a filter picks.
func exportOf(values url.Values) string {
	kept := url.Values{}
	for _, name := range [...]string{"action", "actor", "account", "since", "until"} {
		if text := values.Get(name); text != "" {
			kept.Set(name, text)
		}
	}
	return addressOf("/console/audit/export", kept)
}

// filterOf reads the filter of the page. Times are in UTC.
func filterOf(values url.Values) (f audit.Filter, err error) {
	text := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	f = audit.Filter{Action: text("action"), Actor: text("actor"), Account: text("account")}
	if f.Since, err = timeOf(text("since")); err != nil {
		return f, invalid("since", err.Error())
	}
	if f.Until, err = timeOf(text("until")); err != nil {
		return f, invalid("until", err.Error())
	}
	return f, nil
}

// timeOf reads a time of a form. No text is the zero time.
func timeOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range [...]string{inputTime, "2006-01-02T15:04:05", time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("write a time in UTC such as 2027-01-31T12:00")
}

// named adds the names of accounts and operators, as far as they still exist.
func (c *Console) named(ctx context.Context, entries []audit.Entry) ([]auditEntry, error) {
	known := map[string]account.Account{}
	find := func(id string) (account.Account, error) {
		if a, ok := known[id]; ok || id == "" {
			return a, nil
		}
		a, err := c.anyAccount(ctx, id)
		known[id] = a
		return a, err
	}
	all := make([]auditEntry, len(entries))
	for i, entry := range entries {
		about, err := find(entry.Account)
		if err != nil {
			return nil, err
		}
		all[i] = auditEntry{Entry: entry, AccountName: titleOf(about), Facts: factsOf(entry.Detail)}
		switch {
		case entry.ActorKind == string(account.KindUser) && entry.ActorID == about.User: // the id of the row in users
			all[i].ActorName = titleOf(about)
		case entry.ActorKind == string(account.KindOperator):
			by, err := find(entry.ActorID)
			if err != nil {
				return nil, err
			}
			all[i].ActorName = titleOf(by)
		}
	}
	return all, nil
}

// anyAccount returns the account with an id, whatever its kind, or a zero one.
func (c *Console) anyAccount(ctx context.Context, id string) (account.Account, error) {
	for _, kind := range [...]account.Kind{account.KindUser, account.KindOperator, account.KindService} {
		a, err := c.accounts.Account(ctx, kind, id)
		if errs.KindOf(err) != errs.NotFound {
			return a, err
		}
	}
	return account.Account{}, nil
}

// exportAudit streams what the filter picks. An error under way breaks the connection, so nobody takes a part for the whole.
func (c *Console) exportAudit(q *Request) error {
	values := q.r.URL.Query()
	filter, err := filterOf(values)
	if err != nil {
		return err
	}
	detail := map[string]any{}
	for name := range values {
		detail[name] = values.Get(name)
	}
	_, client := q.By()
	if err := c.accounts.Note(q.r.Context(), "audit.exported", detail, client); err != nil {
		return err
	}
	q.answered = true
	header := q.w.Header()
	header.Set("Content-Type", "application/x-ndjson")
	header.Set("Content-Disposition", `attachment; filename="audit-`+c.now().UTC().Format("20060102-150405")+`.ndjson"`)
	_, err = c.audit.Export(q.r.Context(), q.w, filter)
	return err
}

// verifyAudit walks the whole chain. Only one walk runs at a time.
func (c *Console) verifyAudit(q *Request) error {
	if !c.verified.begin() {
		return errs.New(errs.Unavailable, "a verification is under way: look again when it has ended")
	}
	var found *verified
	defer func() { c.verified.end(found) }()
	result, err := c.audit.Verify(q.r.Context(), "")
	broken, isBroken := errors.AsType[*audit.ChainError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errs.Wrapf(err, errs.Unavailable, "the log is too long for a page: run ashlar audit verify on the machine of the server")
	case err != nil && !isBroken:
		return err
	}
	found = &verified{At: c.now(), Rows: result.Rows, Head: result.Head.Hash}
	if isBroken {
		found.Broken = broken.Error()
	}
	return q.Redirect("/console/audit")
}

func (v *verification) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.running {
		return false
	}
	v.running = true
	return true
}

// end keeps the result, if there is one.
func (v *verification) end(found *verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.running = false
	if found != nil {
		v.last = found
	}
}
