package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

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
