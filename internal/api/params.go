package api

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// The limit of a list.
const (
	defaultLimit = 50
	maxLimit     = 500
)

var (
	viewParams = []string{"fields", "expand"}
	listParams = []string{"filter", "sort", "limit", "cursor", "fields", "expand", "total"}
)

// parseView reads the parameters of a single row.
func parseView(raw string) (v record.View, err error) {
	params, err := web.ParseQuery(raw)
	if err != nil {
		return v, err
	}
	for _, p := range params {
		switch p.Name {
		case "fields":
			v.Fields = p.Value
		case "expand":
			v.Expand = p.Value
		default:
			return v, unknownParam(p.Name, viewParams)
		}
	}
	return v, nil
}

// parseList reads the parameters of a list.
func parseList(raw string) (record.Query, error) {
	q := record.Query{Limit: defaultLimit}
	params, err := web.ParseQuery(raw)
	if err != nil {
		return q, err
	}
	for _, p := range params {
		if err := setParam(&q, p); err != nil {
			return q, err
		}
	}
	return q, nil
}

func setParam(q *record.Query, p web.Param) (err error) {
	switch p.Name {
	case "filter":
		q.Filter = p.Value
	case "sort":
		q.Sort = p.Value
	case "cursor":
		q.Cursor = p.Value
	case "fields":
		q.Fields = p.Value
	case "expand":
		q.Expand = p.Value
	case "limit":
		q.Limit, err = parseLimit(p.Value)
	case "total":
		q.Total = p.Value == "true"
		if !q.Total && p.Value != "false" {
			err = errs.New(errs.Malformed, "total is true or false")
		}
	default:
		name, ok := strings.CutPrefix(p.Name, "arg.")
		if !ok || name == "" {
			return unknownParam(p.Name, listParams)
		}
		if q.Args == nil {
			q.Args = map[string]string{}
		}
		q.Args[name] = p.Value
	}
	return err
}

func parseLimit(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit || s != strconv.Itoa(n) {
		return 0, errs.New(errs.Malformed, "limit is a number from 1 to %d", maxLimit)
	}
	return n, nil
}

// noParams refuses the parameters of a request that takes none.
func noParams(raw string) error {
	params, err := web.ParseQuery(raw)
	if err != nil {
		return err
	}
	if len(params) > 0 {
		return errs.New(errs.Malformed, "a write takes no parameters, %q among them", short(params[0].Name))
	}
	return nil
}

func unknownParam(name string, known []string) error {
	return errs.New(errs.Malformed, "there is no parameter %q%s", short(name), suggest.From(name, known))
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
