package api

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Parameters of reads, in their order in the document of the API.
var (
	viewParams = []string{"fields", "expand"}
	listParams = []string{"filter", "args", "sort", "limit", "cursor", "total", "fields", "expand"}
	repeated   = []string{"sort", "fields", "expand"} // lists; some clients send each value as a parameter of its own
)

// parseView reads the parameters of a single row.
func parseView(raw string) (v record.Selection, err error) {
	params, err := web.ParseQuery(raw, repeated...)
	if err != nil {
		return v, err
	}
	for _, param := range params {
		switch param.Name {
		case "fields":
			v.Fields = param.Value
		case "expand":
			v.Expand = param.Value
		default:
			return v, unknownParam(param.Name, viewParams)
		}
	}
	return v, nil
}

// parseList reads the parameters of a list.
func parseList(raw string) (record.Query, error) {
	query := record.Query{Limit: apilimit.DefaultLimit}
	params, err := web.ParseQuery(raw, repeated...)
	if err != nil {
		return query, err
	}
	for _, param := range params {
		if err := setParam(&query, param); err != nil {
			return query, err
		}
	}
	return query, nil
}

func setParam(query *record.Query, param web.Param) (err error) {
	switch param.Name {
	case "filter":
		query.Filter = param.Value
	case "sort":
		query.Sort = param.Value
	case "cursor":
		query.Cursor = param.Value
	case "fields":
		query.Fields = param.Value
	case "expand":
		query.Expand = param.Value
	case "limit":
		query.Limit, err = parseLimit(param.Value)
	case "total":
		query.Total = param.Value == "true"
		if !query.Total && param.Value != "false" {
			err = errs.New(errs.Malformed, "total must be true or false")
		}
	case "args":
		return setArgs(query, param.Value)
	default:
		name, ok := argName(param.Name)
		if !ok {
			return unknownParam(param.Name, listParams)
		}
		return setArg(query, name, param.Value)
	}
	return err
}

// argName returns the argument of a parameter: arg.NAME, or args[NAME] in OpenAPI's style deepObject.
func argName(param string) (string, bool) {
	name, ok := strings.CutPrefix(param, "arg.")
	if !ok {
		if name, ok = strings.CutPrefix(param, "args["); ok {
			name, ok = strings.CutSuffix(strings.TrimPrefix(name, "arg."), "]")
		}
	}
	return name, ok && name != ""
}

func setArg(query *record.Query, name, text string) error {
	if _, given := query.Args[name]; given {
		return errs.New(errs.Malformed, "the argument %q is given twice", errs.Clip(name, 60))
	}
	if query.Args == nil {
		query.Args = map[string]string{}
	}
	query.Args[name] = text
	return nil
}

// setArgs reads the parameter args: one JSON object with all arguments, for clients that cannot send arg.NAME. A
// value is a string, a number or a bool. A number or bool means its JSON text. A name may begin with arg., like in
// the document of the API.
func setArgs(query *record.Query, object string) error {
	members, err := value.DecodeObjectOf("args", []byte(object))
	if err != nil {
		return err
	}
	for _, member := range members {
		text, err := argText(member)
		if err != nil {
			return err
		}
		if err := setArg(query, strings.TrimPrefix(member.Name, "arg."), text); err != nil {
			return err
		}
	}
	return nil
}

// argText returns the text of an argument from a member of args.
func argText(member value.Member) (string, error) {
	switch kind := member.Raw.Kind(); kind {
	case jsontext.KindString:
		text, err := jsontext.AppendUnquote(nil, member.Raw)
		if err != nil {
			return "", errs.Wrapf(err, errs.Malformed, "args: the value of %q cannot be read", errs.Clip(member.Name, 60))
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return "", errs.New(errs.Malformed, "args: the value of %q holds the character U+0000", errs.Clip(member.Name, 60))
		}
		return string(text), nil
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		return string(member.Raw), nil
	default:
		return "", errs.New(errs.Malformed, "args: the value of %q must be a string, a number, true or false", errs.Clip(member.Name, 60))
	}
}

func parseLimit(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < apilimit.MinLimit || n > apilimit.MaxLimit || text != strconv.Itoa(n) {
		return 0, errs.New(errs.Malformed, "limit must be a number from %d to %d", apilimit.MinLimit, apilimit.MaxLimit)
	}
	return n, nil
}

// noParams refuses all parameters.
func noParams(raw string) error {
	params, err := web.ParseQuery(raw)
	if err != nil {
		return err
	}
	if len(params) > 0 {
		return errs.New(errs.Malformed, "a write takes no parameters: remove %q", errs.Clip(params[0].Name, 60))
	}
	return nil
}

func unknownParam(name string, known []string) error {
	return errs.New(errs.Malformed, "there is no parameter %q%s", errs.Clip(name, 60), suggest.DidYouMean(name, known))
}
