package operation

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// limitsPage says which limits hold, what there is of everything that is bounded, and who was refused.
type limitsPage struct {
	span
	Rules     []ruleRow
	Ledger    string
	AwaySince time.Time // of the ledger; zero: it is there
	Away      time.Duration
	Forgotten int64
	Bounds    []boundRow
	Limited   refusedTable // by rules
	Refused   refusedTable // by bounds
	Unknown   int64        // refusals of clients that are not remembered
}

// A ruleRow is a rule of the model.
type ruleRow struct {
	Name, Allows string
	Origin       string // file and line, or a word; "" for a default
	Counted      bool   // what passes is counted
	Passed       int64
	Refused      int64
	Share        float64 // of the requests that met the rule
	Records      string  // address of the refused ones; "" without any
}

// A boundRow is something that clients share.
type boundRow struct {
	What, Flag   string
	Taken, Total string
	Share        float64 // of Total that is taken
	Bar          string  // width
	Full         bool    // nearly nothing is left
	Waiting      int64
	Wait         time.Duration
	Refused      int64
}

// queryRule is the name of the limit of what one query may read: no rule is called so.
const queryRule = "query"

// nearlyFull is the share from which on a bound counts as full. Shares of clients shrink before, see admit.Shares.
const nearlyFull = 0.9

func (p *pages) limits(q *console.Request) error {
	s, err := p.spanOf(limitsPath, q.HTTP().URL.Query())
	if err != nil {
		return err
	}
	page := limitsPage{span: s, Ledger: p.Sharing.Ledger, AwaySince: s.now.Counts.AwaySince, Forgotten: rise(s.now.Counts.Forgotten, s.before.Counts.Forgotten)}
	if !page.AwaySince.IsZero() {
		page.Away = s.now.At.Sub(page.AwaySince)
	}
	page.Rules = p.ruleRows(&s)
	page.Bounds = boundRows(&s)
	p.addRefused(q, &page)
	return show(q, http.StatusOK, "Limits", "limits.html", &page)
}

func (p *pages) ruleRows(s *span) (rows []ruleRow) {
	limits := p.Sharing.Model.Limits
	for i := range limits.Rules {
		rule := &limits.Rules[i]
		row := ruleRow{
			Name: rule.Name, Allows: rule.String(), Counted: true,
			Passed:  rise(at(s.now.Counts.Passed, i), at(s.before.Counts.Passed, i)),
			Refused: rise(at(s.now.Counts.Refused, i), at(s.before.Counts.Refused, i)),
		}
		if rule.Pos.Line > 0 {
			row.Origin = rule.Pos.File + ":" + strconv.Itoa(rule.Pos.Line)
		}
		row.Share = float64(row.Refused) / float64(max(1, row.Passed+row.Refused))
		row.Records = p.recordsOf(row.Refused, rule.Name)
		rows = append(rows, row)
	}
	byDefault := model.DefaultLimits().Query
	query := ruleRow{Name: queryRule, Allows: limits.Query.String() + " per query", Refused: rise(s.now.Counts.QueryRefused, s.before.Counts.QueryRefused)}
	if query.Allows != byDefault.String()+" per query" {
		query.Origin = "model"
	}
	query.Records = p.recordsOf(query.Refused, budget.LimitName)
	return append(rows, query)
}

// recordsOf returns the address of the records that a limit refused, or "" if there is none, or no log.
func (p *pages) recordsOf(refused int64, limit string) string {
	if refused == 0 || p.Records == nil {
		return ""
	}
	return addressOf(logsPath, url.Values{string(archive.Limit): {limit}})
}

// boundWords returns what a bound is for people, and the flag that sets it.
func boundWords(name string) (what, flag string) {
	switch name {
	case "request":
		return "Requests at work", "--max-concurrent"
	case "turn":
		return "Requests that compute, of the client with most", ""
	case "newcomer":
		return "Connections of newcomers that have a turn", ""
	case "answer":
		return "Memory of large answers", ""
	case "connection":
		return "Connections of clients", "--max-connections"
	case "read":
		return "Reads of rows at work", ""
	case "password":
		return "Passwords that are checked", ""
	case "writer":
		return "Writes that wait for their turn", ""
	}
	if pool, ok := strings.CutPrefix(name, "pool "); ok {
		return "Connections to the database: " + pool, ""
	}
	return name, ""
}

func boundRows(s *span) (rows []boundRow) {
	before := map[string]int64{}
	for _, b := range s.before.Counts.Bounds {
		before[b.Name] = b.Refused
	}
	for _, b := range s.now.Counts.Bounds {
		row := boundRow{Waiting: b.Waiting, Wait: b.Wait, Refused: rise(b.Refused, before[b.Name])}
		row.What, row.Flag = boundWords(b.Name)
		row.Taken, row.Total = console.Grouped(b.Taken), console.Grouped(b.Total)
		if b.Name == "answer" {
			row.Taken, row.Total = size(b.Taken), size(b.Total)
		}
		row.Share = min(1, float64(b.Taken)/float64(max(1, b.Total)))
		row.Bar, row.Full = percent(100*row.Share), row.Share >= nearlyFull
		rows = append(rows, row)
	}
	return rows
}
