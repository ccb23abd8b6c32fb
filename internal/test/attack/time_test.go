package attack

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// vaulted has tables with rows that bob may not read. Each has another kind of rule. The rule of docs uses relations. In
// memos, PostgreSQL estimates the rule's plain columns as more expensive than a client's function. In sums, the rule's
// arithmetic is a function on PostgreSQL. The rule of the view compares a value that the query computes for each row.
const vaulted = `
ashlar: 1
name: vaulted
tables:
  teams:
    key: int
    fields: {name: {type: text, max: 20}}
    access: {read: true}
  members:
    key: int
    fields: {team: {ref: teams, reverse: members}, user: {ref: users}}
    access: {read: true}
  docs:
    key: int
    fields:
      title: {type: text, max: 100, index: true}
      body:  {type: text}
      team:  {ref: teams, reverse: docs}
      n:     {type: int}
    access: {read: "team.members.exists(m, m.user_id == auth.id)"}
  memos:
    key: int
    fields:
      title: {type: text, max: 100, index: true}
      body:  {type: text}
      team:  {ref: teams, reverse: memos}
      n:     {type: int}
    access: {read: "n == 7 || n == 8 || n == 9 || n == 10 || title == auth.id"}
  sums:
    key: int
    fields:
      title: {type: text, max: 100, index: true}
      body:  {type: text}
      team:  {ref: teams, reverse: sums}
      n:     {type: int}
    access: {read: "n + 1 < 0"}
  profiles:
    key: int
    fields:
      title: {type: text, max: 100, index: true}
      body:  {type: text, read: "team.members.exists(m, m.user_id == auth.id)"}
      team:  {ref: teams, reverse: profiles}
      n:     {type: int}
    access: {read: true}
views:
  reports:
    key: int
    reads: [docs, members]
    query: |
      SELECT d.id AS id, d.title AS title, d.body AS body, d.team_id AS team_id,
        (SELECT count(*) FROM members AS m WHERE m.team_id = d.team_id) AS n
      FROM docs AS d
    fields:
      title: {type: text}
      body:  {type: text}
      team:  {ref: teams, reverse: reports}
      n:     {type: int}
    access: {read: n == 0}
`

// vaultedRows returns a few rows for each table, with bodies of 700 KB. All are hidden from bob.
func vaultedRows() map[string]string {
	var rows strings.Builder
	for i, title := range []string{"Initech takeover", "Holiday plans", "Zebra"} {
		fmt.Fprintf(&rows, `{"id":%d,"title":%q,"body":%q,"team_id":1,"n":1}`+"\n", i+1, title, strings.Repeat("a", 700_000))
	}
	return map[string]string{
		"users.ndjson": `{"id":"` + annID + `"}` + "\n" + `{"id":"` + bobID + `"}`, "teams.ndjson": `{"id":1,"name":"x"}`, "members.ndjson": `{"id":1,"team_id":1,"user_id":"` + annID + `"}`,
		"docs.ndjson": rows.String(), "memos.ndjson": rows.String(), "sums.ndjson": rows.String(), "profiles.ndjson": rows.String(),
	}
}

// A slow or failing condition does not tell a client the outcome of another condition for a hidden row.
func TestOracle_ErrorsAndTime(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			cfg := app.Config{}
			if engine == "postgresql" {
				cfg.Database = pgtest.URL(t)
			}
			server := start(t, vaulted, cfg, vaultedRows())
			for _, table := range []string{"docs", "memos", "sums", "profiles", "reports"} {
				for _, slow := range slowConditions("") {
					server.noOracle(table, "title.startsWith(arg.guess) && "+slow)
					server.noOracle(table, "title >= arg.guess && title < 'J' && "+slow)
					server.noOracle(table, "title.startsWith(arg.guess) ? "+slow+" : false")
					server.noOracle(table, "team."+table+".exists(x, x.title == title && title.startsWith(arg.guess) && "+slow+")")
				}
				for _, slow := range slowConditions("d.") {
					server.noOracle("teams", table+".exists(d, d.title.startsWith(arg.guess) && "+slow+")")
					server.noOracle("teams", "!"+table+".all(d, !(d.title.startsWith(arg.guess) && "+slow+"))")
					server.noOracle("teams", table+".exists_one(d, d.title.startsWith(arg.guess) && "+slow+")")
				}
			}
		})
	}
}

// slowConditions returns conditions about a body of 700 KB. The first makes a text that was once too large for SQLite. The
// others are the most expensive ones that the server allows. prefix stands before the name of the field.
func slowConditions(prefix string) []string {
	body := prefix + "body"
	return []string{
		"size(" + strings.Repeat(body+" + ", 95) + body + ") == -1",
		"size(" + strings.Repeat(body+" + ", 7) + body + ") == -1",
		body + ".contains(arg.long)",
		"(" + strings.Repeat(body+".lowerAscii().endsWith('b') || ", 6) + body + ".endsWith('b'))",
	}
}

// noOracle sends a filter with two guesses about a hidden row: a right one and a wrong one. The answers must be equal, and
// take about the same time.
func (s *target) noOracle(table, filter string) {
	s.t.Helper()
	query := func(guess string) string {
		values := url.Values{"total": {"true"}, "filter": {filter}, "arg.guess": {guess}}
		if strings.Contains(filter, "arg.long") {
			values.Set("arg.long", strings.Repeat("a", 400)+"b")
		}
		return "/api/" + table + "?" + values.Encode()
	}
	bob := s.token(bobID)
	right, wrong := s.ask("GET", query("I"), bob, ""), s.ask("GET", query("Q"), bob, "")
	if right.String() != wrong.String() || (right.status != 200 && right.status != 400) {
		s.t.Errorf("%s of %s tells:\n%.500s\n%.500s", filter, table, right, wrong)
	}
	// The machine may be busy, so only a difference in all six rounds counts.
	var timeRight, timeWrong time.Duration
	for range 6 {
		timeRight, timeWrong = time.Hour, time.Hour
		for range 3 {
			timeRight, timeWrong = min(timeRight, s.took(query("I"), bob)), min(timeWrong, s.took(query("Q"), bob))
		}
		if timeRight < 3*timeWrong+3*time.Millisecond {
			return
		}
	}
	s.t.Errorf("%.200s of %s takes %v for the right guess, and %v for the wrong one", filter, table, timeRight, timeWrong)
}

func (s *target) took(query, token string) time.Duration {
	began := time.Now()
	s.ask("GET", query, token, "")
	return time.Since(began)
}
