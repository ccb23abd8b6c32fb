package attack

import (
	"fmt"
	"strings"
	"testing"
)

// The answers about a hidden row and about a missing row are equal, for every request.
func TestOracle_HiddenRows(t *testing.T) {
	server, ann, bob := attacked(t)
	tag := server.must(201, "POST", "/api/notes", ann, `{"id":5,"title":"x","owner_id":"`+annID+`","hidden":true}`).header.Get("ETag")
	for _, try := range []struct {
		method, suffix, body string
		header               []string
	}{
		{"GET", "", "", nil}, {"HEAD", "", "", nil}, {"GET", "?fields=id", "", nil}, {"GET", "?expand=owner,comments", "", nil},
		{"GET", "", "", []string{"If-None-Match", tag}}, {"GET", "", "", []string{"If-None-Match", "*"}},
		{"PATCH", "", `{"title":"y"}`, nil}, {"PATCH", "", `{}`, nil}, {"PATCH", "", `{"title":"y"}`, []string{"If-Match", tag}}, {"PATCH", "", `{"title":"y"}`, []string{"If-Match", `"0-0"`}},
		{"PATCH", "", `{"owner_id":"` + bobID + `"}`, nil}, {"PATCH", "", `{"nope":1}`, nil}, {"PATCH", "", `{"title":7}`, nil}, {"PATCH", "", `{`, nil},
		{"PATCH", "", `{"boss_id":"00000000-0000-7000-8000-0000000000ff"}`, nil},
		{"DELETE", "", "", nil}, {"DELETE", "", "", []string{"If-Match", tag}}, {"DELETE", "", "", []string{"If-Match", "*"}}, {"PUT", "", "{}", nil}, {"POST", "", "{}", nil},
	} {
		for _, token := range []string{bob, ""} {
			hidden := server.ask(try.method, "/api/notes/5"+try.suffix, token, try.body, try.header...)
			none := server.ask(try.method, "/api/notes/6"+try.suffix, token, try.body, try.header...)
			if hidden.String() != none.String() {
				t.Errorf("%s %s %v:\nhidden %s\n  none %s", try.method, try.body, try.header, hidden, none)
			}
			if hidden.status < 400 {
				t.Errorf("%s %s %v: %s", try.method, try.body, try.header, hidden)
			}
		}
	}
	server.must(200, "GET", "/api/notes/5", ann, "")
}

// The server refuses a reference to a hidden row and a reference to a missing row with equal answers, even if the body has
// another fault.
func TestOracle_HiddenReferences(t *testing.T) {
	server, ann, bob := attacked(t)
	server.must(201, "POST", "/api/notes", ann, `{"id":5,"title":"x","owner_id":"`+annID+`","hidden":true}`)
	server.must(201, "POST", "/api/notes", ann, `{"id":1,"title":"x","owner_id":"`+annID+`"}`)
	server.must(201, "POST", "/api/comments", bob, `{"id":1,"note_id":1,"text":"x"}`)
	for _, body := range []string{`{"note_id":%d,"text":"x"}`, `{"id":1,"note_id":%d,"text":"x"}`, `{"id":2,"note_id":%d,"text":"x","private":true}`, `{"id":3,"note_id":%d,"text":"x","nope":1}`} {
		for _, token := range []string{bob, ""} {
			hidden, none := server.ask("POST", "/api/comments", token, fmt.Sprintf(body, 5)), server.ask("POST", "/api/comments", token, fmt.Sprintf(body, 6))
			if hidden.String() != none.String() || hidden.status < 400 {
				t.Errorf("%s:\nhidden %s\n  none %s", body, hidden, none)
			}
		}
	}
	if a := server.ask("POST", "/api/comments", bob, `{"note_id":5,"text":"x"}`); a.status != 409 {
		t.Errorf("a reference to a hidden row: %s", a)
	}
}

// A write reaches only rows that its caller may read, even if the rules of writing allow more.
func TestAccess_WritesReachOnlyReadableRows(t *testing.T) {
	server, ann, bob := attacked(t)
	hidden := server.must(201, "POST", "/api/notes", ann, `{"id":5,"title":"x","owner_id":"`+annID+`","hidden":true}`)
	open := server.must(201, "POST", "/api/notes", ann, `{"id":1,"title":"x","owner_id":"`+annID+`"}`)
	server.must(404, "PATCH", "/api/notes/5", bob, `{"title":"taken","owner_id":"`+bobID+`","hidden":false}`)
	server.must(404, "DELETE", "/api/notes/5", bob, "")
	server.must(404, "DELETE", "/api/notes/5", "", "")
	server.must(403, "PATCH", "/api/notes/1", bob, `{"title":"taken"}`) // update from is true, to is not
	server.must(401, "PATCH", "/api/notes/1", "", `{"title":"taken"}`)
	server.must(403, "PATCH", "/api/notes/1", ann, `{"owner_id":"`+bobID+`"}`) // nor can one be given away
	server.must(403, "POST", "/api/notes", bob, `{"title":"x","owner_id":"`+annID+`"}`)
	server.must(403, "PATCH", "/api/users/"+annID, bob, `{"name":"Eve"}`)
	for path, want := range map[string]answer{"/api/notes/5": hidden, "/api/notes/1": open} {
		if got := server.must(200, "GET", path, ann, ""); got.body != want.body || got.header.Get("ETag") != want.header.Get("ETag") {
			t.Errorf("%s has changed: %s", path, got.body)
		}
	}
	server.must(204, "DELETE", "/api/notes/1", bob, "") // this model lets bob delete every row that he may read
	server.must(404, "GET", "/api/notes/1", ann, "")
}

// All invalid ids get the same answer, and none leads to another path.
func TestInjection_IDsInPaths(t *testing.T) {
	server, ann, _ := attacked(t)
	server.must(201, "POST", "/api/notes", ann, `{"id":1,"title":"x","owner_id":"`+annID+`"}`)
	want := server.must(404, "GET", "/api/notes/99", ann, "").String()
	for _, id := range []string{"..", "../users", "../../healthz", "%2e%2e", "%2e%2e/users", "%2e%2e%2fusers", "..%2f..%2fhealthz", "%252e%252e", ".", "%2e", "%00", "1%00", "1%0a", "1%20", "%201", "+1", "01", "1.0", "1e0", "0x1", "-0", "%31%20",
		"%EF%BC%91", "%D9%A1", "%FF", "%C0%AE", strings.Repeat("9", 40), strings.Repeat("a", 10_000), strings.Repeat("%F0%9D%84%9E", 1000), "9223372036854775808", "-9223372036854775809", "null", "NaN", "[1]", "1,2", "1;2", "1'--",
		"1%2f", "1//", "*", "%2a", "%5c..%5c", "~", "1%3ffields=id", "1%23", "id", ":watch", "1:watch"} {
		for _, method := range []string{"GET", "DELETE"} {
			if got := server.ask(method, "/api/notes/"+id, ann, ""); got.String() != want && !(method == "DELETE" && got.status == 404) {
				t.Errorf("%s /api/notes/%.40s: %s", method, id, got)
			}
		}
	}
	// The server redirects a path with a final slash, for existing and missing rows alike.
	for _, id := range []string{"1", "99"} {
		if got := server.must(308, "DELETE", "/api/notes/"+id+"/", ann, ""); got.header.Get("Location") != "/api/notes/"+id {
			t.Errorf("DELETE /api/notes/%s/: %s", id, got)
		}
	}
	if got := server.must(200, "GET", "/api/notes/%31", ann, ""); got.body != server.must(200, "GET", "/api/notes/1", ann, "").body {
		t.Errorf("an escaped id: %s", got)
	}
	for _, table := range []string{"", "..", "%2e%2e", "Notes", "notes%00", "sqlite_schema", "ashlar_meta", "notes%20", "notes'", "notes;", strings.Repeat("n", 5000), "_", "%6eotes%2f1"} {
		if got := server.ask("GET", "/api/"+table, ann, ""); got.status != 404 {
			t.Errorf("GET /api/%.40s: %s", table, got)
		}
	}
}

// A text key may contain any character of a path. The Location of a row leads to this row, and not to another.
func TestInjection_TextKeysInPaths(t *testing.T) {
	server, ann, _ := attacked(t)
	for _, id := range []string{"a/b", "a?b=c", "a#b", "a%2fb", "../users", "a b", "a+b", "é𝄞", "a\nb", "'", `"`, "a&b", "%00", "...", "-"} {
		body := fmt.Sprintf(`{"id":%s,"body":"x"}`, quote(id))
		made := server.must(201, "POST", "/api/pages", ann, body)
		location := made.header.Get("Location")
		if got := server.ask("GET", location, ann, ""); got.body != made.body {
			t.Errorf("%q is at %s, where there is %s", id, location, got)
		}
	}
	for _, id := range []string{"", ".", ".."} { // no path leads to these
		if got := server.ask("POST", "/api/pages", ann, `{"id":`+quote(id)+`}`); got.status != 422 {
			t.Errorf("the id %q: %s", id, got)
		}
	}
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`, `\`, `\\`).Replace(text) + `"`
}
