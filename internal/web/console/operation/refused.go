package operation

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/refusal"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A refusedTable lists the clients that were refused most.
type refusedTable struct {
	Of      string // what the second column has
	Rows    []refusedRow
	More    int64 // refusals of further clients
	Clients int   // that these are
}

// A refusedRow is a client that was refused.
type refusedRow struct {
	Name    string
	Details []string
	Page    string // of its account; ""
	Limit   string
	Bound   string // what it bounds; "" for a rule of the model
	Count   int64
	Last    time.Time
	What    string // its last request
	Records string // address of its refused requests; "" without a log
}

// listedRefused bounds the rows of a table.
const listedRefused = 20

// addRefused adds the clients that were refused in the time of the page.
func (p *pages) addRefused(q *console.Request, page *limitsPage) {
	page.Limited.Of, page.Refused.Of = "Limit", "Bound"
	now := page.now.At
	from := page.From
	if page.HourOnly {
		from = now.Add(-time.Hour)
	}
	rows, all := p.Sharing.Refusals.Between(from, now)
	ofRules := map[string]bool{budget.LimitName: true}
	for i := range p.Sharing.Model.Limits.Rules {
		ofRules[p.Sharing.Model.Limits.Rules[i].Name] = true
	}
	names, cancel := p.namer(q)
	defer cancel()
	page.Unknown = int64(all)
	for i := range rows {
		row := &rows[i]
		page.Unknown -= int64(row.Count)
		table := &page.Refused
		if ofRules[row.Limit] {
			table = &page.Limited
		}
		if len(table.Rows) == listedRefused {
			table.More += int64(row.Count)
			table.Clients++
			continue
		}
		table.Rows = append(table.Rows, p.refusedRow(row, names))
	}
}

func (p *pages) refusedRow(r *refusal.Row, names *namer) refusedRow {
	row := refusedRow{Limit: r.Limit, Bound: limitWords(r.Limit), Count: int64(r.Count), Last: r.Last.At, What: r.Last.Method + " " + r.Last.Path}
	where := url.Values{string(archive.Limit): {r.Limit}}
	switch {
	case r.Key != "":
		row.Name = "key " + r.Key
		where.Set(string(archive.Key), r.Key)
		if name := names.key(r.Key); name != "" {
			row.Name, row.Details = "key “"+name+"”", append(row.Details, r.Key)
		}
	case r.Caller != "":
		row.Name = r.Caller
		where.Set(string(archive.Caller), r.Caller)
		if a := names.caller(r.Caller); a.ID != "" {
			row.Name, row.Details = titleOf(&a), append(row.Details, r.Caller)
			row.Page = pageOf(&a)
		}
		if r.Last.Key != "" {
			row.Details = append(row.Details, lastKey(names, r.Last.Key))
		}
	default:
		row.Name = r.Address
		if strings.Contains(row.Name, "/") { // a network: the log knows addresses
			row.Details = append(row.Details, "last "+r.Last.Remote)
		}
		where.Set(string(archive.Remote), r.Last.Remote)
	}
	if p.Records != nil {
		row.Records = addressOf(logsPath, where)
	}
	return row
}

// limitWords says what a limit of the server bounds.
func limitWords(limit string) string {
	name, ofClient := strings.CutSuffix(limit, "-share")
	words := ""
	switch name {
	case "max-concurrent":
		words = "requests at work"
	case "answers":
		words = "memory of large answers"
	case "reads":
		return "reads that wait"
	case "writes":
		return "writes that wait"
	}
	if words != "" && ofClient {
		return "its share of the " + words
	}
	return words
}

func lastKey(names *namer, id string) string {
	if name := names.key(id); name != "" {
		return "last with the key “" + name + "”"
	}
	return "last with the key " + id
}

// titleOf returns what an account is called.
func titleOf(a *account.Account) string {
	switch {
	case a.Name != "" && a.Email != "":
		return a.Name + " (" + a.Email + ")"
	case a.Name != "":
		return a.Name
	}
	return a.Email
}

// pageOf returns the page of an account in the console.
func pageOf(a *account.Account) string {
	switch a.Kind {
	case account.KindUser:
		return "/console/users/" + url.PathEscape(a.ID)
	case account.KindService:
		return "/console/services/" + url.PathEscape(a.ID)
	}
	return ""
}

// A namer looks up names, each once. After an error it asks for no more: the page must not wait for a database in trouble.
type namer struct {
	ctx      context.Context
	names    Names // nil after an error
	keys     map[string]string
	accounts map[string]account.Account
}

// nameTime bounds the look-ups of all names of a page.
const nameTime = time.Second

func (p *pages) namer(q *console.Request) (n *namer, cancel func()) {
	ctx, cancel := context.WithTimeout(q.HTTP().Context(), nameTime)
	var known Names
	if p.Sharing != nil {
		known = p.Sharing.Names
	}
	return &namer{ctx, known, map[string]string{}, map[string]account.Account{}}, cancel
}

// key returns the name of a key, or "".
func (n *namer) key(id string) string {
	name, known := n.keys[id]
	if known || n.names == nil {
		return name
	}
	name, err := n.names.KeyName(n.ctx, id)
	n.end(err)
	n.keys[id] = name
	return name
}

// caller returns the account of a caller from its text, or a zero one.
func (n *namer) caller(text string) account.Account {
	a, known := n.accounts[text]
	if known || n.names == nil {
		return a
	}
	kind, id, _ := strings.Cut(text, ":")
	var err error
	switch kind {
	case caller.KindUser.String(), caller.KindKey.String():
		a, err = n.names.AccountOfUser(n.ctx, id)
	case caller.KindService.String():
		a, err = n.names.Account(n.ctx, account.KindService, id)
	}
	n.end(err)
	n.accounts[text] = a
	return a
}

func (n *namer) end(err error) {
	if err != nil && errs.KindOf(err) != errs.NotFound {
		n.names = nil
	}
}
