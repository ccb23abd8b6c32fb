package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// verify sends the same requests to every server and compares the answers: rows in their order, fields with their
// values, totals and authors. It also checks that a rule holds.
func verify(all []*server, rows int) error {
	var asked []*server
	for _, s := range all {
		if s.dialect != nil {
			asked = append(asked, s)
		}
	}
	for i, server := range asked {
		if i == 0 {
			continue
		}
		if err := verifySame(asked[0], server, rows); err != nil {
			return err
		}
	}
	for _, s := range asked { // afterwards, since it writes
		if err := verifyRules(s, rows); err != nil {
			return err
		}
	}
	return nil
}

func verifySame(first, other *server, rows int) error {
	for _, work := range workloads {
		if work.writes {
			continue
		}
		ra, rb := rand.New(rand.NewPCG(3, 4)), rand.New(rand.NewPCG(3, 4))
		for range 20 {
			want, err := ask(first, work.request(first, ra, rows), http.StatusOK)
			if err != nil {
				return err
			}
			got, err := ask(other, work.request(other, rb, rows), http.StatusOK)
			if err != nil {
				return err
			}
			if x, y := normal(want), normal(got); !reflect.DeepEqual(x, y) {
				return fmt.Errorf("%s: %s and %s differ:\n%v\n%v", work.name, first.name, other.name, x, y)
			}
		}
	}
	return nil
}

// verifyRules asks for another's row, creates one in another's name, and reads back a written row. Every server keeps
// the same created rows.
func verifyRules(s *server, rows int) error {
	random := rand.New(rand.NewPCG(5, 6))
	mine, other := getNote(s, random, rows), getNote(s, random, rows)
	for _, tt := range []struct {
		what string
		request
		wanted []int
	}{
		{"read a row of another", request{"GET", mine.path, other.token, ""}, []int{404}},
		{"read a row without a token", request{"GET", mine.path, "", ""}, []int{401, 403, 404}},
		{"change a row of another", request{"PATCH", mine.path, other.token, `{"views":1}`}, []int{404, 403}},
		{"create in the name of another", request{"POST", s.dialect.create(), other.token, createNote(s, random, rows).body}, []int{400, 401, 403}},
	} {
		if tt.token == mine.token {
			continue
		}
		if _, err := ask(s, tt.request, tt.wanted...); err != nil {
			return fmt.Errorf("%s: %w", tt.what, err)
		}
	}
	return verifyWrites(s, random, rows)
}

func verifyWrites(s *server, random *rand.Rand, rows int) error {
	create := createNote(s, random, rows)
	made, err := ask(s, create, http.StatusOK, http.StatusCreated)
	if err != nil {
		return err
	}
	id, _ := made["id"].(string)
	patch := request{"PATCH", s.dialect.patch("notes", id), create.token, `{"title":"Changed","views":7}`}
	if _, err := ask(s, patch, http.StatusOK); err != nil {
		return err
	}
	got, err := ask(s, request{"GET", s.dialect.get("notes", id), create.token, ""}, http.StatusOK)
	if err != nil {
		return err
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(create.body), &want); err != nil {
		return err
	}
	want["title"], want["views"] = "Changed", 7.0
	for k, v := range want {
		if got[k] != v {
			return fmt.Errorf("%s: after a create and a patch, %s is %v, not %v", s.name, k, got[k], v)
		}
	}
	return nil
}

var client = &http.Client{Timeout: 10 * time.Second}

// ask sends a request and reads the JSON of its answer. The answer must have one of the statuses.
func ask(s *server, call request, want ...int) (map[string]any, error) {
	r, err := http.NewRequest(call.method, s.url()+call.path, strings.NewReader(call.body))
	if err != nil {
		return nil, err
	}
	if call.token != "" {
		r.Header.Set("Authorization", call.token)
	}
	if call.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	for _, status := range want {
		if answer.StatusCode == status {
			var out map[string]any
			_ = json.Unmarshal(text, &out) // a refusal may be plain text
			return out, nil
		}
	}
	return nil, fmt.Errorf("%s: %s %s: %d, not %v: %s", s.name, call.method, call.path, answer.StatusCode, want, text[:min(len(text), 500)])
}

// normal is an answer in one form: the items and the total of a list, or a row.
func normal(answer map[string]any) any {
	items, ok := answer["items"].([]any)
	if !ok {
		return normalRow(answer)
	}
	rows := make([]any, len(items))
	for i, item := range items {
		rows[i] = normalRow(item.(map[string]any))
	}
	total := answer["total"]
	if n, ok := answer["totalItems"].(float64); ok && n >= 0 {
		total = n
	}
	return []any{rows, total}
}

func normalRow(row map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range articleColumns {
		out[name] = row[name]
		if at, ok := row[name].(string); ok && strings.HasSuffix(name, "_at") {
			out[name] = normalTime(at)
		} else if ok && strings.HasSuffix(name, "id") {
			out[name] = longOf(at)
		}
	}
	author, _ := row["author"].(map[string]any)
	if expanded, ok := row["expand"].(map[string]any); ok {
		author, _ = expanded["author_id"].(map[string]any)
	}
	if author != nil {
		id, _ := author["id"].(string)
		out["author"] = [3]any{longOf(id), author["email"], author["name"]}
	}
	return out
}

func normalTime(text string) string {
	for _, layout := range []string{time.RFC3339Nano, pocketbaseTime} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return text
}
