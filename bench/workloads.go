package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// workload is a kind of request, on one or more numbers of connections.
type workload struct {
	name        string
	key         string // for -only
	connections []int
	writes      bool // measured after the reads
	changing    bool // rows change at the same time
	floor       string
	request     func(s *server, r *rand.Rand, rows int) request
	bars        bars
}

// bars are the wanted ratios of Ashlar's rate to the others'; 0 is no bar.
type bars struct {
	pocketbase, handwritten       float64 // with 32 connections
	onePocketBase, oneHandwritten float64 // with one
	tail                          float64 // PocketBase's p99 over Ashlar's, with 128
}

var workloads = []workload{
	{name: "get by id", key: "get", connections: []int{32}, floor: "/row", bars: bars{pocketbase: 3.5, handwritten: 0.95}, request: getPost},
	{name: "get by id, session", key: "session-get", connections: []int{32}, request: getPostSigned},
	{name: "list of 30, filtered, sorted", key: "list", connections: []int{32}, floor: "/page", bars: bars{pocketbase: 8, handwritten: 1.20}, request: listPosts},
	{name: "list with total, quiet rows", key: "total", connections: []int{32}, bars: bars{pocketbase: 30}, request: totalPosts},
	{name: "list with total, rows changing", key: "total-changing", connections: []int{32}, changing: true, bars: bars{pocketbase: 6}, request: totalPosts},
	{name: "list with expand", key: "expand", connections: []int{32}, bars: bars{pocketbase: 9, handwritten: 1.20}, request: expandPosts},
	{name: "get under a rule, token", key: "rule-get", connections: []int{32}, bars: bars{pocketbase: 5, handwritten: 0.90}, request: getNote},
	{name: "list under a rule, token", key: "rule-list", connections: []int{32}, bars: bars{pocketbase: 8, handwritten: 1.10}, request: listNotes},
	{name: "create under a rule", key: "create", connections: []int{1, 32, 128}, writes: true, bars: bars{pocketbase: 4.5, handwritten: 0.85, onePocketBase: 1.6, oneHandwritten: 0.85, tail: 12}, request: createNote},
	{name: "patch under a rule", key: "patch", connections: []int{1, 32, 128}, writes: true, bars: bars{pocketbase: 6, handwritten: 1.00, onePocketBase: 1.6, oneHandwritten: 0.90}, request: patchNote},
}

// requestsOf returns so many different requests of a workload that no cache of one row explains a figure.
func (w workload) requestsOf(s *server, rows int) []request {
	random := rand.New(rand.NewPCG(1, 2)) // the same for every server
	out := make([]request, 10_000)
	for i := range out {
		if s.dialect == nil {
			out[i] = request{method: "GET", path: w.floor}
			continue
		}
		out[i] = w.request(s, random, rows)
	}
	return out
}

func getPost(s *server, r *rand.Rand, rows int) request {
	return request{method: "GET", path: s.dialect.get("posts", uuidOf('p', r.IntN(rows)))}
}

// getPostSigned is getPost with the token of a session.
func getPostSigned(s *server, r *rand.Rand, rows int) request {
	signed := getPost(s, r, rows)
	signed.token = s.tokens[r.IntN(callers)]
	return signed
}

func listPosts(s *server, r *rand.Rand, _ int) request {
	return request{method: "GET", path: s.dialect.list(statuses[r.IntN(len(statuses))])}
}

func totalPosts(s *server, r *rand.Rand, _ int) request {
	return request{method: "GET", path: withTotal(s.dialect, statuses[r.IntN(len(statuses))])}
}

func expandPosts(s *server, r *rand.Rand, _ int) request {
	return request{method: "GET", path: withAuthor(s.dialect, statuses[r.IntN(len(statuses))])}
}

// owned returns a row of a table with an author among the callers.
func owned(random *rand.Rand, table string, rows int) article {
	for {
		if a := articleOf(table, random.IntN(rows)); a.author < callers {
			return a
		}
	}
}

func getNote(s *server, r *rand.Rand, rows int) request {
	a := owned(r, "notes", rows)
	return request{method: "GET", path: s.dialect.get("notes", a.id), token: s.tokens[a.author]}
}

func listNotes(s *server, r *rand.Rand, _ int) request {
	return request{method: "GET", path: s.dialect.own(), token: s.tokens[r.IntN(callers)]}
}

func createNote(s *server, random *rand.Rand, rows int) request {
	article := owned(random, "notes", rows)
	body, _ := json.Marshal(map[string]any{
		"title": article.title, "body": article.body, "status": article.status, "views": article.views, "score": article.score, "featured": article.featured,
		"author_id": s.dialect.id(userOf(article.author).id),
	})
	return request{"POST", s.dialect.create(), s.tokens[article.author], string(body)}
}

func patchNote(s *server, r *rand.Rand, rows int) request { return patchOf("notes", s, r, rows) }

func patchPost(s *server, r *rand.Rand, rows int) request { return patchOf("posts", s, r, rows) }

func patchOf(table string, s *server, r *rand.Rand, rows int) request {
	a := owned(r, table, rows)
	body := fmt.Sprintf(`{"title":"Changed %d","views":%d}`, r.IntN(1_000_000), r.IntN(1_000_000))
	return request{"PATCH", s.dialect.patch(table, a.id), s.tokens[a.author], body}
}
