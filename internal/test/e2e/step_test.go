package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// run sends the request of a step, compares the answer, and returns it.
func (w *world) run(t *testing.T, file string, script script, st step) string {
	t.Helper()
	if st.clock != "" {
		duration, err := time.ParseDuration(st.clock)
		if err != nil {
			t.Fatalf("%s:%d: clock: %v", file, st.line, err)
		}
		w.now.Add(duration.Microseconds())
		return "clock"
	}
	res, body := w.send(t, script, st)
	for _, fault := range w.compare(st, res, body) {
		t.Errorf("%s:%d: %s %s: %s", file, st.line, st.method, st.target(w.vars), fault)
	}
	return normal(res, body)
}

func (w *world) send(t *testing.T, script script, st step) (*http.Response, string) {
	t.Helper()
	content, err := st.content(w.vars)
	if err != nil {
		t.Fatalf("line %d: %v", st.line, err)
	}
	var reader io.Reader
	if content != "" {
		reader = strings.NewReader(content)
	}
	req, err := http.NewRequestWithContext(t.Context(), st.method, w.base+st.target(w.vars), reader)
	if err != nil {
		t.Fatalf("line %d: %v", st.line, err)
	}
	if st.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if st.caller != "" {
		req.Header.Set("Authorization", "Bearer "+w.token(t, script, st.caller))
	}
	for _, header := range st.headers {
		if header.value == "-" {
			req.Header.Del(header.name)
			continue
		}
		req.Header.Set(header.name, substitute(header.value, w.vars))
	}
	res, err := w.client.Do(req)
	if err != nil {
		t.Fatalf("line %d: %v", st.line, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("line %d: %v", st.line, err)
	}
	return res, string(body)
}

// compare returns the differences between an answer and the expectations of its step.
func (w *world) compare(st step, res *http.Response, body string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if res.StatusCode != st.status {
		fault("status %d, want %d\n%s", res.StatusCode, st.status, body)
		return faults
	}
	for _, header := range st.answers {
		values, present := res.Header[http.CanonicalHeaderKey(header.name)]
		got := strings.Join(values, ", ")
		fulfilled := !present
		if header.value != "" {
			fulfilled = match(header.value, got, w.vars)
		}
		if !fulfilled {
			fault("header %s is %q, want %q", header.name, got, substitute(header.value, w.vars))
		}
	}
	if st.kind != "" {
		faults = append(faults, problemFaults(st, res, body)...)
	}
	for _, text := range st.holds {
		if !strings.Contains(body, substitute(text, w.vars)) {
			fault("the body does not hold %s\n%s", text, body)
		}
	}
	if !w.bodyMatches(st, body) {
		fault("body\n%s\nwant\n%s", body, substitute(st.want, w.vars))
	}
	if first := w.sameAs(st, res, body); first != "" {
		fault("the answer differs from the first with this label\n%s\nthat was\n%s", normal(res, body), first)
	}
	return faults
}

func (w *world) bodyMatches(st step, body string) bool {
	if st.want == "" && (st.kind != "" || st.any || len(st.holds) > 0 || st.same != "") {
		return true
	}
	return match(st.want, body, w.vars)
}

// sameAs compares the answer with the first one that had the same label. It returns that first answer if they differ.
func (w *world) sameAs(st step, res *http.Response, body string) string {
	if st.same == "" {
		return ""
	}
	first, known := w.first[st.same]
	if !known {
		w.first[st.same] = normal(res, body)
		return ""
	}
	if first == normal(res, body) {
		return ""
	}
	return first
}

// normal returns an answer as text, without its date and the id of the request.
func normal(res *http.Response, body string) string {
	id := res.Header.Get("X-Request-Id")
	lines := []string{res.Status}
	for name, values := range res.Header {
		if name != "Date" && name != "X-Request-Id" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n\n" + strings.ReplaceAll(body, id, "ID")
}

// problemFaults compares a problem document with the expectations of its step.
func problemFaults(st step, res *http.Response, body string) (faults []string) {
	var doc struct {
		Type, Title, Detail string
		Status              int
		RequestID           string `json:"request_id"`
		Errors              []struct{ Pointer, Code, Detail string }
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		return []string{fmt.Sprintf("the body is no JSON: %v\n%s", err, body)}
	}
	if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
		faults = append(faults, "Content-Type is "+got)
	}
	if doc.Type != "/problems/"+st.kind || doc.Status != st.status || doc.Title == "" || doc.RequestID == "" ||
		doc.RequestID != res.Header.Get("X-Request-Id") {
		faults = append(faults, fmt.Sprintf("not a problem document of kind %s\n%s", st.kind, body))
	}
	var got []string
	for _, fault := range doc.Errors {
		got = append(got, cmp.Or(fault.Pointer, "-")+":"+fault.Code)
		if fault.Detail == "" {
			faults = append(faults, "a fault without a sentence\n"+body)
		}
	}
	if !slices.Equal(got, st.faults) {
		faults = append(faults, fmt.Sprintf("faults %v, want %v\n%s", got, st.faults, body))
	}
	return faults
}
