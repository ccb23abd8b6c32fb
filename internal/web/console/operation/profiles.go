package operation

import (
	"net/http"
	"net/url"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// profilesPage says what uses the processor.
type profilesPage struct {
	Ranges   []choice
	From, To time.Time
	Known    bool // there are profiles of this time
	Total    time.Duration
	Cores    string // that were busy on average
	Lists    []usageList
	Chosen   string // name of the row that the flame graph is about
	Table    string // of the chosen row
	All      string // address without a chosen row
	Flame    *flame
}

// A usageList has the CPU time by one property.
type usageList struct {
	Title, Of string
	Rows      []usageRow
	More      int // rows beyond the page
	Empty     string
}

// A usageRow is the CPU time of some work.
type usageRow struct {
	Name    string
	Detail  string
	Path    string // of the flame graph of this work
	Current bool
	CPU     time.Duration
	Share   float64
	Bar     string // width
}

// listedUsages bounds the rows of a list.
const listedUsages = 20

func profileRanges() []chartRange {
	return []chartRange{{"10m", "10 minutes", 10 * time.Minute}, {"1h", "1 hour", time.Hour}}
}

// maxTrail bounds the text that names a frame of a flame graph.
const maxTrail = 300

// tableParameter is the parameter of a filter that names its table. If it is empty, the filter chooses work without a table. If it
// is missing, the filter chooses work of any table.
const tableParameter = "table"

// labelNames are the parameters of a filter, in the order of its labels.
func labelNames() []string {
	return []string{"route", tableParameter, "operation", "key", "job", "rest"}
}

func labelFields(l *profile.Labels) []*string {
	return []*string{&l.Route, &l.Table, &l.Operation, &l.Key, &l.Job, &l.Rest}
}

func (p *pages) profiles(q *console.Request) error {
	values := q.HTTP().URL.Query()
	view, err := p.profileView(values)
	if err != nil {
		return err
	}
	page := profilesPage{From: view.from, To: view.to, All: view.path(profile.Filter{}, "")}
	for _, r := range profileRanges() {
		page.Ranges = append(page.Ranges, choice{r.title, addressOf(profilesPath, url.Values{"range": {r.word}}), view.word == r.word})
	}
	usage := p.Profiles.Usage(view.from, view.to)
	for _, u := range usage {
		page.Total += u.CPU
	}
	if page.Total > 0 {
		page.Known = true
		page.Cores = digits(page.Total.Seconds() / view.to.Sub(view.from).Seconds())
		page.Lists = view.lists(usage, page.Total)
		page.Chosen, page.Table = nameOf(view.filter.Labels), view.filter.Table
		page.Flame = view.flame(p.Profiles.Flame(view.from, view.to, view.filter))
	}
	return show(q, http.StatusOK, "Profiles", "profiles.html", &page)
}

// A profileView is what the page of the profiles shows. Its address says all of it.
type profileView struct {
	word     string // of the range; "" for times
	from, to time.Time
	filter   profile.Filter
	at       string // frame of the flame graph that is the whole width
}

func (p *pages) profileView(values url.Values) (v profileView, err error) {
	for i, field := range labelFields(&v.filter.Labels) {
		*field = clip(values.Get(labelNames()[i]))
	}
	v.filter.NoTable = values.Has(tableParameter) && v.filter.Table == ""
	if at := values.Get("at"); len(at) <= maxTrail {
		v.at = at
	}
	first, last := p.Profiles.Span()
	if values.Get("from") != "" {
		if v.from, err = parseTime(values.Get("from")); err == nil {
			v.to, err = parseTime(values.Get("to"))
		}
		if err != nil || !v.from.Before(v.to) {
			return v, errs.New(errs.Malformed, "from, to: write two times in UTC such as 2027-01-31T12:00, the earlier one first")
		}
		return v, nil
	}
	v.word = values.Get("range")
	for _, r := range profileRanges() {
		if v.word == "" {
			v.word = r.word
		}
		if v.word == r.word {
			v.to = last
			v.from = last.Add(-r.span)
			if v.from.Before(first) {
				v.from = first
			}
			return v, nil
		}
	}
	return v, errs.New(errs.Malformed, "range: profiles show 10m or 1h")
}

// path returns the address of the flame graph of some work, for the same time.
func (v *profileView) path(filter profile.Filter, at string) string {
	values := url.Values{"from": {formatTime(v.from)}, "to": {formatTime(v.to)}}
	for i, field := range labelFields(&filter.Labels) {
		if *field != "" {
			values.Set(labelNames()[i], *field)
		}
	}
	if filter.NoTable {
		values.Set(tableParameter, "")
	}
	if at != "" {
		values.Set("at", at)
	}
	return addressOf(profilesPath, values)
}

// lists sums the usage by work and by key.
func (v *profileView) lists(usage []profile.Usage, total time.Duration) []usageList {
	work := v.list("By route and job", "Work", usage, total, func(l profile.Labels) profile.Labels {
		return profile.Labels{Route: l.Route, Table: l.Table, Job: l.Job, Rest: l.Rest}
	})
	keys := v.list("By key", "Key", usage, total, func(l profile.Labels) profile.Labels { return profile.Labels{Key: l.Key} })
	keys.Empty = "No work with an API key was seen in this time."
	return []usageList{work, keys}
}

// list sums the usage by some of its labels.
func (v *profileView) list(title, of string, usage []profile.Usage, total time.Duration, some func(profile.Labels) profile.Labels) usageList {
	list := usageList{Title: title, Of: of}
	sums, order := map[profile.Labels]time.Duration{}, []profile.Labels{}
	for _, u := range usage {
		labels := some(u.Labels)
		if labels == (profile.Labels{}) {
			continue
		}
		if _, known := sums[labels]; !known {
			order = append(order, labels)
		}
		sums[labels] += u.CPU
	}
	sortBy(order, func(l profile.Labels) time.Duration { return sums[l] })
	for _, labels := range order[:min(len(order), listedUsages)] {
		part := float64(sums[labels]) / float64(total)
		filter := profile.Filter{Labels: labels, NoTable: labels.Route != "" && labels.Table == ""}
		row := usageRow{Name: nameOf(labels), Path: v.path(filter, ""), Current: filter == v.filter, CPU: sums[labels], Share: part, Bar: percent(100 * part)}
		if labels.Route != "" {
			row.Detail = labels.Table
		}
		list.Rows = append(list.Rows, row)
	}
	list.More = len(order) - len(list.Rows)
	return list
}

// nameOf returns the name of some work for people; "" for all work.
func nameOf(l profile.Labels) string {
	switch {
	case l.Route != "":
		return l.Route
	case l.Job != "":
		return "job " + l.Job
	case l.Key != "":
		return l.Key
	case l.Rest != "":
		return l.Rest
	}
	return l.Table
}
