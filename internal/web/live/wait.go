package live

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const (
	waitParam = "wait"
	maxWait   = apilimit.WaitSeconds
	forAnswer = 3 * time.Second
)

// wait removes the parameter wait from the request. It returns when the answer is another one than the client has, or when the
// time has passed. The handler of plain lists then answers: 200, or 304 if nothing has changed.
func (l *Live) wait(r *http.Request, table *model.Table) error {
	who := web.Caller(r)
	if err := l.rows.Allow(who, table, record.Read); err != nil {
		return err
	}
	seconds, rest, err := takeWait(r.URL.RawQuery)
	if err != nil {
		return err
	}
	address := *r.URL
	address.RawQuery = rest
	r.URL = &address
	tags, err := web.ParseETags(r.Header["If-None-Match"])
	if err != nil {
		return err
	}
	if !tags.Given() || tags.Any() {
		return errs.New(errs.Malformed, "wait needs If-None-Match with the ETag of the list that you have: ask for it without wait first")
	}
	query, ok := parseList(rest)
	if !ok {
		return nil // the handler of plain lists says what is wrong
	}
	tables, err := l.rows.Reads(who, table, query)
	if err != nil {
		return err
	}
	most := time.Duration(seconds) * time.Second
	if deadline, ok := r.Context().Deadline(); ok { // time to answer must be left
		most = max(0, min(most, time.Until(deadline)-forAnswer))
	}
	defer web.Leave(r)()
	return l.hub.Wait(r.Context(), who, tables, most, func() (changed bool, err error) {
		rows := l.rows.As(who)
		defer rows.Done()
		answer, err := rows.Table(table).List(r.Context(), query, nil)
		if err != nil {
			return false, err
		}
		answer.Begun.Free()
		return !namesTag(tags, answer.Tag.String()), nil
	})
}

// namesTag reports whether the client has the answer of a tag, in any content coding.
func namesTag(tags web.ETags, tag string) bool {
	return slices.ContainsFunc(tags.List, func(t web.ETag) bool {
		name, _, _ := strings.Cut(t.Opaque, "-")
		return name == tag
	})
}

// takeWait returns the seconds to wait, and the query string without them.
func takeWait(raw string) (seconds int, rest string, err error) {
	var others []string
	found := 0
	for pair := range strings.SplitSeq(raw, "&") {
		name, text, _ := strings.Cut(pair, "=")
		if name != waitParam {
			others = append(others, pair)
			continue
		}
		found++
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxWait || found > 1 {
			return 0, "", errs.New(errs.Malformed, "wait must be a number of seconds from 1 to %d, given once", maxWait)
		}
		seconds = n
	}
	if found == 0 {
		return 0, "", errs.New(errs.Malformed, "wait must be a number of seconds from 1 to %d, given once", maxWait)
	}
	return seconds, strings.Join(others, "&"), nil
}

// parseList reads the parameters of a list as package api does. It returns false for what api refuses, or may.
func parseList(raw string) (record.Query, bool) {
	query := record.Query{Limit: apilimit.DefaultLimit}
	params, err := web.ParseQuery(raw, "sort", "fields", "expand")
	if err != nil {
		return query, false
	}
	for _, param := range params {
		name, isArg := strings.CutPrefix(param.Name, "arg.")
		switch {
		case param.Name == "filter":
			query.Filter = param.Value
		case param.Name == "sort":
			query.Sort = param.Value
		case param.Name == "cursor":
			query.Cursor = param.Value
		case param.Name == "fields":
			query.Fields = param.Value
		case param.Name == "expand":
			query.Expand = param.Value
		case param.Name == "total":
			query.Total = param.Value == "true"
		case param.Name == "limit":
			n, err := strconv.Atoi(param.Value)
			if err != nil || n < apilimit.MinLimit || n > apilimit.MaxLimit {
				return query, false
			}
			query.Limit = n
		case isArg:
			if query.Args == nil {
				query.Args = map[string]string{}
			}
			query.Args[name] = param.Value
		default:
			return query, false
		}
	}
	return query, true
}

// problemOf returns the reason of an end as JSON.
func problemOf(failure *errs.Error) []byte {
	body, err := json.Marshal(struct {
		Type   errs.Kind `json:"type"`
		Detail string    `json:"detail"`
	}{failure.Kind, failure.Message})
	if err != nil {
		return []byte(`{}`) // two texts can always be written
	}
	return body
}
