package work

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A view is what the list of jobs shows, as its address and its form say.
type view struct {
	Queue, Name, State, Table, Row, From, To string
	Args                                     argsFilter
	Sealed                                   string // Args in the address

	filter job.Filter
}

// argsFilter is the part of a filter that may hold personal data. It stands in addresses only sealed.
type argsFilter struct {
	Arg   string `json:"arg,omitzero"`
	Value string `json:"value,omitzero"`
	Text  string `json:"text,omitzero"`
}

// sealPurpose is what arguments in addresses are sealed for.
const sealPurpose = "arguments of jobs"

// plainNames are the parameters of an address that are not sealed.
func plainNames() []string { return []string{"queue", "name", "state", "table", "row", "from", "to"} }

func (v *view) set(values url.Values) {
	for i, field := range []*string{&v.Queue, &v.Name, &v.State, &v.Table, &v.Row, &v.From, &v.To} {
		*field = strings.TrimSpace(strings.ToValidUTF8(values.Get(plainNames()[i]), "\uFFFD"))
	}
}

// values returns the parameters of an address.
func (v *view) values() url.Values {
	values := url.Values{}
	for i, text := range []string{v.Queue, v.Name, v.State, v.Table, v.Row, v.From, v.To} {
		if text != "" {
			values.Set(plainNames()[i], text)
		}
	}
	if v.Sealed != "" {
		values.Set("args", v.Sealed)
	}
	return values
}

// viewOf reads the parameters of an address.
func viewOf(q *console.Request, values url.Values) (v view, err error) {
	v.set(values)
	if v.Sealed = values.Get("args"); v.Sealed != "" {
		if !mayChange(q) {
			return v, errs.New(errs.Forbidden, "a search for arguments needs the role operator, and you are %s", q.Operator().Role)
		}
		text, err := q.Open(v.Sealed, sealPurpose)
		if err != nil {
			return v, err
		}
		if err := json.Unmarshal([]byte(text), &v.Args); err != nil {
			return v, err
		}
	}
	return v, v.parse()
}

// parse makes the filter.
func (v *view) parse() (err error) {
	v.filter = job.Filter{
		Queue: v.Queue, Name: v.Name, State: v.State, Table: v.Table, Row: v.Row, Arg: v.Args.Arg, Value: v.Args.Value, Text: v.Args.Text,
	}
	if v.filter.From, err = timeOf(v.From); err != nil {
		return err
	}
	v.filter.To, err = timeOf(v.To)
	return err
}

// path returns the address of the list, with a state in place of the one of the view.
func (v *view) path(state string) string {
	other := *v
	other.State = state
	return addressOf(jobsPath, other.values())
}

// Words says in words what the view has, behind "all jobs".
func (v view) Words() string {
	var all []string
	for _, part := range [...]struct{ before, text string }{
		{"of the queue ", v.Queue}, {"with the name ", v.Name}, {"about a row of ", v.Table}, {"about the row ", v.Row},
		{"added from ", v.From}, {"added before ", v.To}, {"with the argument ", v.Args.Arg},
	} {
		if part.text != "" {
			all = append(all, part.before+part.text)
		}
	}
	if v.Args.Text != "" {
		all = append(all, "with a text in the arguments")
	}
	return strings.Join(all, ", ")
}

func addressOf(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// shownTime is the form of times in forms, in UTC.
const shownTime = "2006-01-02T15:04:05"

// timeOf reads a time of a form. No text is the zero time.
func timeOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range [...]string{"2006-01-02T15:04:05.999999", "2006-01-02T15:04", time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1970 && at.Year() < 2262 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errs.New(errs.Malformed, "write a time in UTC such as 2027-01-31T12:00")
}

// wrongOf returns what a page says above its form, or nil for an error that needs a page of its own.
func wrongOf(err error) *problem {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return nil
	}
	switch failure.Kind {
	case errs.Malformed, errs.Invalid, errs.Conflict:
		return &problem{Message: strings.ToUpper(failure.Message[:1]) + failure.Message[1:] + "."}
	default:
		return nil
	}
}
