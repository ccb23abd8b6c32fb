package audit

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// fields are the members of an entry. The times of the row itself are no part of the log.
const fields = "id,at,action,actor_kind,actor_id,account,target,address,session,key,request,detail,prev,hash"

// A Filter picks entries. The zero value picks all.
type Filter struct {
	Action, Actor, Account string    // equal to these; "": any
	Since, Until           time.Time // at or after, and before; zero: any
}

// query returns the filter and its arguments as package record reads them.
func (f Filter) query() (filter string, args map[string]string) {
	var conditions []string
	args = map[string]string{}
	add := func(name, condition, text string) {
		conditions = append(conditions, condition)
		args[name] = text
	}
	for _, equal := range [...]struct{ name, field, text string }{
		{"action", "action", f.Action}, {"actor", "actor_id", f.Actor}, {"account", "account", f.Account},
	} {
		if equal.text != "" {
			add(equal.name, equal.field+" == arg."+equal.name, equal.text)
		}
	}
	if !f.Since.IsZero() {
		add("since", "at >= arg.since", stamp(f.Since))
	}
	if !f.Until.IsZero() {
		add("until", "at < arg.until", stamp(f.Until))
	}
	return strings.Join(conditions, " && "), args
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// A Page is one page of the log.
type Page struct {
	Entries []Entry `json:"items"`
	Next    string  `json:"next,omitempty"` // cursor of the next page, or ""
}

// List returns a page of the entries that a filter picks, the newest first. cursor is Next of the page before, or "". Each
// page has at most limit entries, from 1 to 500. An invalid cursor is errs.Malformed.
func (l *Log) List(ctx context.Context, filter Filter, cursor string, limit int) (_ Page, err error) {
	defer errs.Wrap(&err, "audit.List")
	return l.page(ctx, filter, "-id", cursor, limit)
}

func (l *Log) page(ctx context.Context, filter Filter, sort, cursor string, limit int) (Page, error) {
	condition, args := filter.query()
	query := record.Query{Selection: record.Selection{Fields: fields}, Filter: condition, Args: args, Sort: sort, Cursor: cursor, Limit: limit}
	body, err := l.rows.List(ctx, own(), l.table, query, nil)
	if err != nil {
		return Page{}, err
	}
	return decodePage(body)
}

func decodePage(body []byte) (p Page, err error) {
	err = json.Unmarshal(body, &p)
	return p, err
}

// pageAfter returns entries after an id, the oldest first.
func (l *Log) pageAfter(ctx context.Context, id int64) (Page, error) {
	query := record.Query{
		Selection: record.Selection{Fields: fields}, Filter: "id > arg.id", Sort: "id", Limit: walkPage,
		Args: map[string]string{"id": string(value.AppendValue(nil, value.OfInt(id)))},
	}
	body, err := l.rows.List(ctx, own(), l.table, query, nil)
	if err != nil {
		return Page{}, err
	}
	return decodePage(body)
}
