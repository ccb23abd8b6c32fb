package operation

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// A view is what a page of the log shows. The address of the page says all of it, so that it can be shared.
type view struct {
	Span       string // of time before now, such as 1h; "" if the range has a begin
	From, To   string // the rest as it was typed
	Min, Max   string
	Only, Text string
	Trace      string
	Under      []condition // begins of paths
	Where      []condition
	Pick       *region // of the heat map
	Compare    string  // "failed", to compare these with the others
	Faults     []errs.Fault

	filter archive.Filter
	before int64
	values url.Values // what the address says, without what a page does not know
}

// A condition is one value that the records must have, or must not have.
type condition struct {
	Dimension, Value string
	Not              bool
	Remove           string // address without it
}

// A region is a rectangle of the heat map.
type region struct {
	From, To time.Time
	Min, Max time.Duration // Max is 0 above the last bound
}

// Bounds of what an address says.
const (
	maxConditions = 40
	maxValue      = 1000 // bytes
)

const (
	notPrefix   = "not."
	defaultSpan = "1h"

	onlyFailed = "failed"
	onlyKept   = "kept"
)

// parameters returns the parameters of a page that are no conditions.
func parameters() []string {
	return []string{
		"last", "from", "to", "min", "max", "only", "text", "trace", "compare", "before", "pick.from", "pick.to", "pick.min", "pick.max", "under",
	}
}

// quietRoutes are the routes that pages of the console load by themselves. The log leaves them out unless it is asked for
// them.
func quietRoutes() []string {
	return []string{"GET " + tailPath, "GET " + chartsPath, "GET " + assetsPath + "/{name}", "GET /console/assets/{name}"}
}

// parseView reads the address of a page of the log.
func parseView(values url.Values, now time.Time) *view {
	v := &view{values: url.Values{}}
	for name, list := range values {
		if !slices.Contains(parameters(), name) && !v.isDimension(name) {
			continue
		}
		for _, text := range list {
			if !utf8.ValidString(text) || len(text) > maxValue {
				v.fault(name, name+": this text is too long, or no text")
			} else if text != "" || v.isDimension(name) {
				v.values.Add(name, text)
			}
		}
	}
	v.readRange(now)
	v.Min, v.filter.MinDuration = v.span("min")
	v.Max, v.filter.MaxDuration = v.span("max")
	if v.filter.MaxDuration > 0 && v.filter.MinDuration >= v.filter.MaxDuration {
		v.fault("min", "the shortest duration must be below the longest")
	}
	v.Text = v.values.Get("text")
	v.filter.Contains = v.Text
	v.Trace = v.values.Get("trace")
	v.filter.Trace = v.Trace
	switch v.Only = v.values.Get("only"); v.Only {
	case onlyFailed:
		v.filter.Failed = true
	case onlyKept:
		v.filter.Kept = true
	default:
		v.Only = ""
	}
	if v.values.Get("compare") == onlyFailed {
		v.Compare = onlyFailed
	}
	v.before, _ = strconv.ParseInt(v.values.Get("before"), 10, 64)
	v.readUnder()
	v.readConditions()
	v.readPick()
	return v
}

func (v *view) fault(name, detail string) {
	v.Faults = append(v.Faults, errs.Fault{Pointer: "/" + name, Detail: detail})
}

func (v *view) readRange(now time.Time) {
	from, to := v.moment("from"), v.moment("to")
	v.From, v.To = v.values.Get("from"), v.values.Get("to")
	v.filter.From, v.filter.To = from, to
	if to.IsZero() {
		v.filter.To = now.Truncate(time.Second).Add(time.Second)
	}
	if v.From == "" {
		v.Span = v.values.Get("last")
		if v.Span == "" {
			v.Span = defaultSpan
		}
		span, err := parseSpan(v.Span)
		if err != nil || span == 0 {
			v.fault("last", "last: "+errSpan.Error())
			span = time.Hour
		}
		v.filter.From = v.filter.To.Add(-span)
	}
	if !v.filter.From.Before(v.filter.To) {
		v.fault("from", "the time must begin before its end")
		v.filter.From = v.filter.To.Add(-time.Hour)
	}
}

func (v *view) moment(name string) time.Time {
	text := v.values.Get(name)
	if text == "" {
		return time.Time{}
	}
	at, err := parseTime(text)
	if err != nil {
		v.fault(name, name+": "+err.Error())
	}
	return at
}

func (v *view) span(name string) (text string, d time.Duration) {
	text = v.values.Get(name)
	if text == "" {
		return "", 0
	}
	d, err := parseSpan(text)
	if err != nil {
		v.fault(name, name+": "+err.Error())
	}
	return text, d
}

// isDimension reports whether a parameter is a condition.
func (v *view) isDimension(name string) bool {
	return slices.Contains(archive.Dimensions(), archive.Dimension(strings.TrimPrefix(name, notPrefix)))
}

// readUnder reads the begins of paths, of which a record must have one.
func (v *view) readUnder() {
	v.filter.Under = v.values["under"]
	if len(v.filter.Under) > maxConditions {
		v.fault("under", "these are more than "+strconv.Itoa(maxConditions)+" conditions")
		v.filter.Under = nil
	}
	for _, prefix := range v.filter.Under {
		v.Under = append(v.Under, condition{Value: prefix, Remove: v.without("under", prefix)})
	}
}

func (v *view) readConditions() {
	hasRoute := false
	for _, name := range slices.Sorted(maps.Keys(v.values)) {
		if !v.isDimension(name) {
			continue
		}
		dimension, not := strings.CutPrefix(name, notPrefix)
		list := v.values[name]
		if len(v.Where)+len(list) > maxConditions {
			v.fault(name, "these are more than "+strconv.Itoa(maxConditions)+" conditions")
			return
		}
		v.filter.Where = append(v.filter.Where, archive.Condition{Dimension: archive.Dimension(dimension), Values: list, Not: not})
		hasRoute = hasRoute || (archive.Dimension(dimension) == archive.Route && !not)
		for _, value := range list {
			v.Where = append(v.Where, condition{dimension, value, not, v.without(name, value)})
		}
	}
	if !hasRoute {
		v.filter.Where = append(v.filter.Where, archive.Condition{Dimension: archive.Route, Values: quietRoutes(), Not: true})
	}
}

func (v *view) readPick() {
	r := region{From: v.moment("pick.from"), To: v.moment("pick.to")}
	_, r.Min = v.span("pick.min")
	_, r.Max = v.span("pick.max")
	if r == (region{}) {
		return
	}
	if r.From.IsZero() {
		r.From = v.filter.From
	}
	if r.To.IsZero() {
		r.To = v.filter.To
	}
	if !r.From.Before(r.To) || (r.Max > 0 && r.Min >= r.Max) {
		v.fault("pick.from", "a region needs a begin before its end")
		return
	}
	v.Pick = &r
}

// selection returns the filter of what is compared with the rest, or false if nothing is.
func (v *view) selection() (f archive.Filter, ok bool) {
	f = v.filter
	f.Failed, f.Kept = v.filter.Failed || v.Compare == onlyFailed, v.filter.Kept
	if v.Pick != nil {
		f.From, f.To = v.Pick.From, v.Pick.To
		f.MinDuration, f.MaxDuration = v.Pick.Min, v.Pick.Max
	}
	return f, v.Pick != nil || v.Compare != ""
}

// baseline returns the filter of what a selection is compared with.
func (v *view) baseline() archive.Filter {
	f := v.filter
	f.Failed, f.Kept, f.MinDuration, f.MaxDuration = false, false, 0, 0
	return f
}

// Words returns the words for the dimension.
func (c *condition) Words() string { return wordsOf(c.Dimension) }

// link returns the address of the log with changed parameters. A changed view begins with its first page.
func (v *view) link(change func(url.Values)) string {
	values := maps.Clone(v.values)
	for name, list := range values {
		values[name] = slices.Clone(list)
	}
	values.Del("before")
	change(values)
	return addressOf(logsPath, values)
}

func addressOf(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// With returns the address of the records that also have a value.
func (v *view) With(dimension, value string) string {
	return v.link(func(u url.Values) { add(u, dimension, value) })
}

// Without returns the address of the records that do not have a value.
func (v *view) Without(dimension, value string) string { return v.With(notPrefix+dimension, value) }

// without returns the address without a condition.
func (v *view) without(name, value string) string {
	return v.link(func(u url.Values) {
		u[name] = slices.DeleteFunc(u[name], func(text string) bool { return text == value })
		if len(u[name]) == 0 {
			u.Del(name)
		}
	})
}

// Last returns the address of the same records in a time that ends now.
func (v *view) Last(span string) string {
	return v.link(func(u url.Values) {
		for _, name := range [...]string{"from", "to", "pick.from", "pick.to", "pick.min", "pick.max"} {
			u.Del(name)
		}
		u.Set("last", span)
	})
}

// Picked returns the address of the selected records that also have a value.
func (v *view) Picked(dimension, value string) string {
	return v.link(func(u url.Values) {
		v.narrow(u)
		if dimension != "" {
			add(u, dimension, value)
		}
	})
}

// narrow makes the selection the whole view.
func (v *view) narrow(u url.Values) {
	for _, name := range [...]string{"pick.from", "pick.to", "pick.min", "pick.max", "compare"} {
		u.Del(name)
	}
	if v.Compare != "" {
		u.Set("only", onlyFailed)
	}
	if v.Pick == nil {
		return
	}
	u.Del("last")
	u.Set("from", formatTime(v.Pick.From))
	u.Set("to", formatTime(v.Pick.To))
	u.Del("min")
	u.Del("max")
	if v.Pick.Min > 0 {
		u.Set("min", formatSpan(v.Pick.Min))
	}
	if v.Pick.Max > 0 {
		u.Set("max", formatSpan(v.Pick.Max))
	}
}

// Whole returns the address without the selection.
func (v *view) Whole() string {
	return v.link(func(u url.Values) {
		for _, name := range [...]string{"pick.from", "pick.to", "pick.min", "pick.max", "compare"} {
			u.Del(name)
		}
	})
}

// CompareFailed returns the address that compares failed records with the others.
func (v *view) CompareFailed() string {
	return v.link(func(u url.Values) {
		u.Del("only")
		u.Set("compare", onlyFailed)
	})
}

// Hidden returns the parameters that a form must keep. The fields of the form are left out.
func (v *view) Hidden(fields ...string) (list []condition) {
	for _, name := range slices.Sorted(maps.Keys(v.values)) {
		if slices.Contains(fields, name) || name == "before" {
			continue
		}
		for _, value := range v.values[name] {
			list = append(list, condition{Dimension: name, Value: value})
		}
	}
	return list
}

func add(u url.Values, name, value string) {
	if !slices.Contains(u[name], value) {
		u.Add(name, value)
	}
}
