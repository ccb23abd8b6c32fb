package web

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	maxQuery  = 16 << 10 // size of a query string, in bytes
	maxParams = 100
)

// A Param is one decoded parameter of a query string.
type Param struct{ Name, Value string }

// ParseQuery reads a query string strictly. url.ParseQuery drops damaged parts of it, and without its filter a list would show
// too many rows.
//
// Each parameter must have a name, = and a value. A name may occur once. The names in lists may occur again: ParseQuery joins
// their values with commas. Errors are errs.Malformed and name the parameter.
func ParseQuery(raw string, lists ...string) ([]Param, error) {
	if raw == "" {
		return nil, nil
	}
	if len(raw) > maxQuery {
		return nil, errs.New(errs.Malformed, "the query string has %d bytes, more than the %d that are accepted", len(raw), maxQuery)
	}
	if n := strings.Count(raw, "&") + 1; n > maxParams {
		return nil, errs.New(errs.Malformed, "the query string has %d parameters, more than the %d that are accepted", n, maxParams)
	}
	params := make([]Param, 0, 8)
	n := 0
	for pair := range strings.SplitSeq(raw, "&") {
		n++
		param, fault := parsePair(pair)
		if fault != "" {
			return nil, errs.New(errs.Malformed, "parameter %d of the query string, %q, %s", n, errs.Clip(pair, 100), fault)
		}
		i := slices.IndexFunc(params, func(other Param) bool { return other.Name == param.Name })
		switch {
		case i < 0:
			params = append(params, param)
		case slices.Contains(lists, param.Name):
			params[i].Value += "," + param.Value
		default:
			return nil, errs.New(errs.Malformed, "parameter %q is given twice", errs.Clip(param.Name, 100))
		}
	}
	return params, nil
}

// mayBeEmpty reports whether a parameter may have an empty value. An argument of a filter may be the empty text.
func mayBeEmpty(name string) bool {
	return strings.HasPrefix(name, "arg.") || strings.HasPrefix(name, "args[")
}

// parsePair returns a parameter, or its fault.
func parsePair(pair string) (param Param, fault string) {
	name, value, ok := strings.Cut(pair, "=")
	switch {
	case strings.Contains(pair, ";"):
		return param, "holds a semicolon: write it as %3B"
	case pair == "":
		return param, "is empty: write & within a value as %26 (curl does with --data-urlencode)"
	case !ok:
		return param, "has no =: write & within a value as %26 (curl does with --data-urlencode)"
	case name == "":
		return param, "has no name"
	}
	var err1, err2 error
	param.Name, err1 = url.QueryUnescape(name)
	param.Value, err2 = url.QueryUnescape(value)
	switch {
	case value == "" && (err1 != nil || !mayBeEmpty(param.Name)):
		return param, "has an empty value"
	case err1 != nil || err2 != nil:
		return param, "holds a % that two hexadecimal digits do not follow: write % as %25"
	case !utf8.ValidString(param.Name) || !utf8.ValidString(param.Value):
		return param, "is not UTF-8"
	case strings.ContainsRune(param.Name, 0) || strings.ContainsRune(param.Value, 0):
		return param, "holds the character U+0000"
	}
	return param, ""
}
