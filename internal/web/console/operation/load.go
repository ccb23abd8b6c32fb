package operation

import (
	"context"
	"net/url"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry/lookback"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/telemetry/refusal"
)

// Sharing says how clients share the server: what limits and bounds refuse, and what kept answers spare.
type Sharing struct {
	Model    *model.Model
	Ledger   string // where nodes share their limits, such as "PostgreSQL"; "": this node counts by itself
	Counts   Counts
	Refusals Refusals
	Names    Names // nil: clients are shown by their ids
}

// Counts are what counters say, now and up to an hour ago. *lookback.Ring has them.
type Counts interface {
	Start() lookback.Snapshot[Load]
	Before(span time.Duration) lookback.Snapshot[Load]
	Now() lookback.Snapshot[Load]
}

// Refusals are the clients that were refused in the last hour. *refusal.Clients has them.
type Refusals interface {
	Between(from, now time.Time) (rows []refusal.Row, all uint64)
}

// Names are the names of keys and accounts. *account.Service has them.
type Names interface {
	KeyName(ctx context.Context, id string) (string, error)
	AccountOfUser(ctx context.Context, user string) (account.Account, error)
	Account(ctx context.Context, kind account.Kind, id string) (account.Account, error)
}

// A Load is what counters say. Counts are those since the start of the server.
type Load struct {
	Passed, Refused []uint64 // requests, by rule of the model
	QueryRefused    int64    // queries, by limits.query.rows
	Forgotten       uint64   // limits that were reset for lack of memory
	AwaySince       time.Time
	Bounds          []Bound
	Kept            record.KeptStats
	Answers         []metric.Answers // empty if nothing counts them
}

// A Bound is something that clients share, of which there is only so much.
type Bound struct {
	Name    string // such as "request": see boundWords
	Taken   int64
	Total   int64 // 0: only what waits is known
	Waiting int64
	Wait    time.Duration // that a client which comes now may expect
	Refused int64
}

// A span is the time that a page about counts is about.
type span struct {
	Ranges      []choice
	From        time.Time // when it begins
	HourOnly    bool      // it began more than an hour ago, and clients are known for an hour
	Elsewhere   string
	now, before lookback.Snapshot[Load]
}

func countRanges() []chartRange {
	return []chartRange{{"5m", "5 minutes", 5 * time.Minute}, {"1h", "1 hour", time.Hour}, {"all", "Since the start", 0}}
}

// spanOf reads the time that an address asks for, and the counts at both of its ends.
func (p *pages) spanOf(path string, values url.Values) (s span, err error) {
	word := values.Get("range")
	if word == "" {
		word = countRanges()[0].word
	}
	known := false
	for _, r := range countRanges() {
		s.Ranges = append(s.Ranges, choice{r.title, addressOf(path, url.Values{"range": {r.word}}), r.word == word})
		if r.word != word {
			continue
		}
		known = true
		if s.before = p.Sharing.Counts.Start(); r.span > 0 {
			s.before = p.Sharing.Counts.Before(r.span)
		}
	}
	if !known {
		return s, errs.New(errs.Malformed, "range: the page shows 5m, 1h or all")
	}
	s.now = p.Sharing.Counts.Now()
	s.From, s.Elsewhere = s.before.At, p.elsewhere()
	s.HourOnly = s.now.At.Sub(s.From) > time.Hour+time.Minute
	return s, nil
}

// rise returns by how much a counter has risen. A counter that is new began at zero.
func rise[N uint64 | int64](now, before N) int64 {
	if now < before {
		return int64(now)
	}
	return int64(now - before)
}

// at returns a counter of a list, or zero before the list was long enough.
func at[N any](list []N, i int) (n N) {
	if i < len(list) {
		n = list[i]
	}
	return n
}
