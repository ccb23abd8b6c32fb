package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// cacheConnections is the number of connections of wrk.
const cacheConnections = 16

// The bars of kept answers, in times of the rate without them.
const (
	barKeptList   = 2.0
	barKeptCostly = 10.0 // of a view and of a total
	barStale      = 5.0  // of a list on PostgreSQL with stale, over one without
	barUnchanged  = 5.0  // of a 304, over the 200
)

// A cacheCase is one request that is measured in two ways.
type cacheCase struct {
	key, name string
	bar       float64 // 0: none
	kept      cacheSide
	fresh     cacheSide
	against   string // what fresh is
}

// A cacheSide is a request of one server. Either all requests are the same, or each is another one.
type cacheSide struct {
	srv     *server
	path    string
	token   string
	coding  string // Accept-Encoding
	asked   bool   // with If-None-Match and the tag of the answer
	differs bool   // path has one verb %d, for a number that no request had before
}

// cacheRound is the results of a case in one round.
type cacheRound struct{ kept, fresh result }

// runCache compares answers that a server keeps with answers that it makes anew.
func runCache(ctx context.Context, opts settings, folder string) (err error) {
	begun := time.Now()
	set := &cacheSet{}
	defer func() { err = errors.Join(err, set.stop()) }()
	if err := set.makeAndStart(ctx, opts, folder); err != nil {
		return err
	}
	cases := set.cases()
	say("comparing the answers")
	if err := verifyCache(ctx, cases); err != nil {
		return err
	}
	rounds := map[string][]cacheRound{}
	for n := range opts.rounds {
		for _, c := range cases {
			if !wanted(opts.only, c.key) {
				continue
			}
			var one cacheRound
			if one.kept, err = measureSide(ctx, opts, folder, c.kept); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if one.fresh, err = measureSide(ctx, opts, folder, c.fresh); err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, c.against, err)
			}
			rounds[c.key] = append(rounds[c.key], one)
			say("round %d of %d  %-44s %8.0f/s %6v CPU, %s %8.0f/s %6v CPU: %.2f ×", n+1, opts.rounds, c.name, one.kept.rate, one.kept.cpu,
				c.against, one.fresh.rate, one.fresh.cpu, one.kept.rate/max(1, one.fresh.rate))
		}
	}
	return reportCache(opts, cases, rounds, time.Since(begun))
}

// cases returns the comparisons. Each server with the cache on has the same rows as one with the cache off.
func (set *cacheSet) cases() []cacheCase {
	const off = "`--answer-cache off`"
	list := "/api/occupations?sort=title&limit=30"
	posts := "/api/posts?filter=status%3D%3D%27open%27%26%26views!=arg.v&arg.v=-1&sort=-created_at&limit=30"
	otherPosts := "/api/posts?filter=status%%3D%%3D%%27open%%27%%26%%26views!=arg.v&arg.v=%d&sort=-created_at&limit=30&total=true"
	on, without := set.careers.on, set.careers.off
	side := func(srv *server, path string) cacheSide { return cacheSide{srv: srv, path: path} }
	signed := func(srv *server) cacheSide {
		return cacheSide{srv: srv, path: "/api/skill_gaps?sort=-importance", token: set.token}
	}
	coded := func(srv *server, coding string) cacheSide { return cacheSide{srv: srv, path: list, coding: coding} }
	unchanged := func(side cacheSide) cacheSide { side.asked = true; return side }
	all := []cacheCase{
		{"list", "list of 30", barKeptList, side(on, list), side(without, list), off},
		{"expand", "list of 30 with expand", barKeptList, side(on, list+"&expand=skills"), side(without, list+"&expand=skills"), off},
		{"gaps", "`skill_gaps` of one person", barKeptCostly, signed(on), signed(without), off},
		{"view", "a view that counts rows by author", barKeptCostly, side(set.posts.on, "/api/busy_authors?sort=-posts"), side(set.posts.off, "/api/busy_authors?sort=-posts"), off},
		{"total", "list of 30 with total", barKeptCostly, side(set.posts.on, posts+"&total=true"), cacheSide{srv: set.posts.off, path: otherPosts, differs: true}, off + ", another argument each time"},
		{"same-total", "list of 30 with total", 0, side(set.posts.on, posts+"&total=true"), side(set.posts.off, posts+"&total=true"), off + ", which keeps totals"},
		{"304", "304 of a list of 30", barUnchanged, unchanged(side(on, list)), side(without, list), "its 200, " + off},
		{"304-expand", "304 of a list of 30 with expand", barUnchanged, unchanged(side(on, list+"&expand=skills")), side(without, list+"&expand=skills"), "its 200, " + off},
		{"304-kept", "304 of a list of 30", 0, unchanged(side(on, list)), side(on, list), "its 200, kept"},
		{"304-off", "304 of a list of 30, " + off, 0, unchanged(side(without, list)), side(without, list), "its 200, " + off},
		{"floor", "net/http alone, a constant", 0, side(set.floor, "/row"), unchanged(side(on, list)), "304 of a list of 30"},
		{"zstd", "list of 30, zstd", barKeptList, coded(on, "zstd"), coded(without, "zstd"), off},
		{"gzip", "list of 30, gzip", barKeptList, coded(on, "gzip"), coded(without, "gzip"), off},
	}
	if set.stale.on != nil {
		all = append(all,
			cacheCase{"stale", "PostgreSQL: list of 30 with `stale: 1s`", barStale, side(set.stale.on, list), side(set.plain, list), off},
			cacheCase{"postgres", "PostgreSQL: list of 30", 0, side(set.stale.off, list), side(set.plain, list), off},
			cacheCase{"postgres-304", "PostgreSQL: 304 of a list of 30", 0, unchanged(side(set.stale.off, list)), side(set.plain, list), "its 200, " + off})
	}
	return all
}

// measureSide measures one side, after a look that it answers as it should.
func measureSide(ctx context.Context, opts settings, folder string, side cacheSide) (result, error) {
	if side.differs {
		requests := make([]request, 10_000)
		random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
		for i := range requests {
			requests[i] = request{method: "GET", path: fmt.Sprintf(side.path, 1_000_000+random.IntN(1_000_000_000)), token: side.token}
		}
		file, err := prepare(folder, "requests", requests)
		if err != nil {
			return result{}, err
		}
		return checked(measure(ctx, folder, side.srv, file, cacheConnections, opts.duration))
	}
	headers := map[string]string{}
	if side.token != "" {
		headers["Authorization"] = side.token
	}
	if side.coding != "" {
		headers["Accept-Encoding"] = side.coding
	}
	for want := http.StatusOK; ; want = http.StatusNotModified {
		answer, _, err := side.ask(ctx, headers)
		if err != nil {
			return result{}, err
		}
		if answer.StatusCode != want || answer.Header.Get("Content-Encoding") != side.coding {
			return result{}, fmt.Errorf("%s with %v: %s in %q", side.path, headers, answer.Status, answer.Header.Get("Content-Encoding"))
		}
		if !side.asked || want == http.StatusNotModified {
			return checked(measureFixed(ctx, folder, side.srv, side.path, headers, cacheConnections, opts.duration))
		}
		headers["If-None-Match"] = answer.Header.Get("ETag")
	}
}

// checked takes failed requests for an error: a refusal costs less than an answer.
func checked(r result, err error) (result, error) {
	if err == nil && r.errors+r.refused > 0 {
		err = fmt.Errorf("%d requests failed, %d were refused", r.errors, r.refused)
	}
	return r, err
}

// plainClient sends no Accept-Encoding of its own.
var plainClient = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableCompression: true}}

func (side cacheSide) ask(ctx context.Context, headers map[string]string) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, side.srv.url()+side.path, nil)
	if err != nil {
		return nil, nil, err
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	answer, err := plainClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
}

// verifyCache asks both sides of each case for the same, and compares the bytes.
func verifyCache(ctx context.Context, cases []cacheCase) error {
	for _, c := range cases {
		if c.kept.path != c.fresh.path || c.kept.asked || c.fresh.asked {
			continue
		}
		headers := map[string]string{}
		if c.kept.token != "" {
			headers["Authorization"] = c.kept.token
		}
		_, first, err := c.fresh.ask(ctx, headers)
		if err != nil {
			return err
		}
		for range 2 { // the second answer is kept
			_, body, err := c.kept.ask(ctx, headers)
			if err != nil {
				return err
			}
			if !bytes.Equal(body, first) {
				return fmt.Errorf("%s: the answers differ\n%.300s\n%.300s", c.name, body, first)
			}
		}
	}
	return nil
}
