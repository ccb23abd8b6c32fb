package operation

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// watchersPage says who watches which lists, and whom the server has cut off.
type watchersPage struct {
	Elsewhere string
	Lag       time.Duration
	Late      bool // the log could not be read for seconds
	Watchers  int64
	Windows   int
	Waiting   int

	Started, Events, Resets, Slow int64

	Rows  []watcherRow
	More  int
	Ended []watcherRow
}

// A watcherRow is a stream.
type watcherRow struct {
	Name    string
	Details []string
	Page    string // of its account; ""
	Table   string
	What    string // filter, fields and expansions; "" for the whole table
	Rows    int64
	Sharing int64
	Since   time.Time
	Events  int64
	Waiting int64
	Records string // address of the records of its streams; "" without a log

	At  time.Time // of the end
	Why string
}

// listedWatchers bounds the rows of the page.
const listedWatchers = 100

// late is the age of the last look at the log from which on watchers are late.
const late = 5 * time.Second

func (p *pages) watchers(q *console.Request) error {
	list, all, ended := p.Watchers.List(listedWatchers)
	s := p.Watchers.Stats()
	page := watchersPage{
		Elsewhere: p.elsewhere(), Lag: s.Lag, Late: s.Lag > late, Watchers: int64(s.Watchers), Windows: s.Windows, Waiting: s.Waiting,
		Started: int64(s.Started), Events: int64(s.Events), Resets: int64(s.Resets), Slow: int64(s.Slow), More: all - len(list),
	}
	names, cancel := p.namer(q)
	defer cancel()
	for _, s := range list {
		row := p.watcherRow(names, s.Who, s.Address, s.Table, s.Shape)
		row.Rows, row.Sharing, row.Since, row.Events, row.Waiting = int64(s.Rows), int64(s.Sharing), s.Since, s.Events, int64(s.Waiting)
		page.Rows = append(page.Rows, row)
	}
	for _, e := range ended {
		row := p.watcherRow(names, e.Who, e.Address, e.Table, e.Shape)
		row.Since, row.At, row.Events, row.Why = e.Since, e.At, e.Events, sentence(e.Why)
		page.Ended = append(page.Ended, row)
	}
	return show(q, http.StatusOK, "Watchers", "watchers.html", &page)
}

func (p *pages) watcherRow(names *namer, who, address, table, shape string) watcherRow {
	row := watcherRow{Name: who, Table: table, What: strings.TrimSpace(strings.TrimPrefix(shape, "list "+table))}
	where := url.Values{string(archive.Table): {table}, string(archive.Operation): {"watch"}}
	if address != "" {
		row.Name = address
		if !strings.Contains(address, "/") { // a network: the log knows addresses
			where.Set(string(archive.Remote), address)
		}
	} else {
		where.Set(string(archive.Caller), who)
		if a := names.caller(who); a.ID != "" {
			row.Name, row.Details, row.Page = titleOf(&a), append(row.Details, who), pageOf(&a)
		}
	}
	if p.Records != nil {
		row.Records = addressOf(logsPath, where)
	}
	return row
}
