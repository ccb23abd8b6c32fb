package attack

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/app"
)

// secrets returns a seed with the given values in it. bob may read none of them.
func secrets(token, salary, boss, title, text string) map[string]string {
	return map[string]string{
		"users.ndjson": `{"id":"` + annID + `","email":"ann@example.com","reset_token":"` + token + `","recovery":"` + token + `"}
{"id":"` + bobID + `","email":"bob@example.com"}
`,
		"notes.ndjson": `{"id":1,"title":"open","owner_id":"` + annID + `","salary":` + salary + `,"boss_id":` + boss + `}
{"id":2,"title":"` + title + `","owner_id":"` + annID + `","hidden":true,"salary":7}
{"id":3,"title":"also open","owner_id":"` + annID + `","salary":100,"boss_id":"` + bobID + `"}
`,
		"comments.ndjson": `{"id":1,"note_id":1,"text":"public"}
{"id":2,"note_id":1,"text":"` + text + `","private":true}
{"id":3,"note_id":2,"text":"on the hidden one"}
`,
	}
}

// attacks returns queries that ask about values of secrets.
func attacks() []string {
	filter := func(table, text string) string {
		return "/api/" + table + "?total=true&filter=" + url.QueryEscape(text)
	}
	return []string{
		filter("notes", "salary > 1000"), filter("notes", "salary == 4711"), filter("notes", "has(salary)"), filter("notes", "salary == null"),
		filter("notes", "!(salary > 1000)"), filter("notes", "salary > 1000 ? true : false"), filter("notes", "1 / salary == 1 || title == 'x'"),
		filter("notes", "salary + 9223372036854775000 > 0"), filter("notes", "salary in [4711, 7]"), filter("notes", "title == 'open' && salary < 0"),
		filter("notes", "boss_id == '"+bobID+"'"), filter("notes", "boss.email == 'bob@example.com'"), filter("notes", "has(boss)"), filter("notes", "boss == null"),
		filter("notes", "title.contains('plan')"), filter("notes", "owner.notes.exists(n, n.title.contains('plan'))"),
		filter("notes", "size(owner.notes) > 2"), filter("notes", "owner.notes.exists(n, n.hidden)"), filter("notes", "owner.notes.all(n, !n.hidden)"),
		filter("notes", "comments.exists(c, c.text.contains('rob'))"), filter("notes", "size(comments) > 1"), filter("notes", "comments.exists_one(c, true)"),
		filter("users", "reset_token.startsWith('a')"), filter("users", "reset_token != null"), filter("users", "has(reset_token)"), filter("users", "size(reset_token) > 3"),
		filter("users", "reports.exists(n, n.salary > 0)"), filter("users", "size(reports) == 0"), filter("users", "notes.exists(n, n.salary == 4711)"),
		filter("comments", "note.title.contains('plan')"), filter("comments", "note.hidden"), filter("comments", "note.owner.reset_token < 'b'"), filter("comments", "note == null"),
		filter("comments", "note.owner.notes.exists(n, n.salary > 1000)"),
		"/api/notes?sort=salary", "/api/notes?sort=-salary&limit=1", "/api/notes?sort=boss_id,-title", "/api/users?sort=reset_token", "/api/users?sort=-reset_token&limit=1",
		"/api/notes?fields=salary,boss.email", "/api/notes?expand=boss,owner.reports,comments", "/api/users?expand=reports,notes.comments", "/api/users?fields=reset_token,notes.salary",
		"/api/comments?expand=note.owner", "/api/comments?fields=note.title,note.salary", "/api/notes/1", "/api/notes/1?expand=boss,comments", "/api/notes/2", "/api/notes/1?fields=salary",
		"/api/users/" + annID, "/api/users/" + annID + "?expand=notes,reports", "/api/comments/2", "/api/comments/3?expand=note", "/api/notes?total=true", "/api/comments?total=true",
	}
}

func TestOracle_QueriesOnHiddenValues(t *testing.T) {
	one := start(t, notesModel, app.Config{}, secrets("ann-token", "4711", `"`+bobID+`"`, "the plan", "rob them"))
	two := start(t, notesModel, app.Config{}, secrets("zzz", "3", "null", "nothing", "all is well"))
	for _, query := range attacks() {
		for _, who := range []string{"", bobID} {
			tokens := [2]string{}
			if who != "" {
				tokens = [2]string{one.token(who), two.token(who)}
			}
			got, want := one.ask("GET", query, tokens[0], ""), two.ask("GET", query, tokens[1], "")
			if got.String() != want.String() {
				t.Errorf("%q asks %s and learns:\n%s\n%s", who, query, got, want)
			}
			if got.status != 200 && got.status != 404 {
				t.Errorf("%q asks %s: %d %s: the attack is no query", who, query, got.status, got.body)
			}
			if got.header.Get("ETag") != "" && got.header.Get("ETag") != want.header.Get("ETag") {
				t.Errorf("%s: ETags %s and %s", query, got.header.Get("ETag"), want.header.Get("ETag"))
			}
		}
	}
	// The attacks are real: ann may read the secrets, and most answers to her differ.
	told := 0
	for _, query := range attacks() {
		if one.ask("GET", query, one.token(annID), "").String() != two.ask("GET", query, two.token(annID), "").String() {
			told++
		}
	}
	if told < len(attacks())/2 {
		t.Errorf("only %d of %d queries ask for something that differs", told, len(attacks()))
	}
}

// Paging must not tell either. A cursor contains the keys under the caller's masks.
func TestOracle_PagingByAMaskedField(t *testing.T) {
	one := start(t, notesModel, app.Config{}, secrets("ann-token", "4711", "null", "x", "y"))
	two := start(t, notesModel, app.Config{}, secrets("zzz", "3", "null", "x", "y"))
	for _, sort := range []string{"salary", "-salary", "salary,title", "-boss_id,salary"} {
		next := ""
		for page := 0; ; page++ {
			query := "/api/notes?limit=1&sort=" + sort + next
			got, want := one.must(200, "GET", query, one.token(bobID), ""), two.must(200, "GET", query, two.token(bobID), "")
			if got.String() != want.String() {
				t.Fatalf("%s:\n%s\n%s", query, got, want)
			}
			_, rest, ok := strings.Cut(got.body, `"next":"`)
			if !ok {
				if page != 1 {
					t.Errorf("sort %s: %d pages, want 2", sort, page+1)
				}
				break
			}
			cursor, _, _ := strings.Cut(rest, `"`)
			next = "&cursor=" + cursor
		}
	}
}

// A secret field does not exist for any query, and no message names it.
func TestOracle_SecretFields(t *testing.T) {
	server, ann, _ := attacked(t)
	for _, name := range []string{"recovery", "nothing", "recover"} {
		for _, query := range []string{"filter=" + name + "%20==%20'x'", "filter=has(" + name + ")", "sort=" + name, "sort=-" + name, "fields=" + name, "fields=id," + name, "expand=" + name,
			"filter=notes.exists(n,%20n.owner." + name + "%20==%20'x')"} {
			got := server.must(400, "GET", "/api/users?"+query, ann, "")
			if name != "recovery" && strings.Contains(got.body, "recovery") {
				t.Errorf("%s: the message names the secret field: %s", query, got.body)
			}
			b := server.must(400, "GET", "/api/users?"+strings.ReplaceAll(query, name, "xnowhere"), ann, "")
			if (name == "recovery" && !strings.Contains(strings.ReplaceAll(got.body, name, "xnowhere"), "xnowhere")) || got.status != b.status {
				t.Errorf("%s: %s, but an unknown field: %s", query, got.body, b.body)
			}
		}
	}
	server.must(200, "PATCH", "/api/users/"+annID, ann, `{"recovery":"word"}`)
	for _, a := range []answer{server.ask("GET", "/api/users/"+annID, ann, ""), server.ask("GET", "/api/users?expand=notes", ann, ""), server.ask("PATCH", "/api/users/"+annID, ann, `{"recovery":"word"}`)} {
		if strings.Contains(a.body, "recovery") || strings.Contains(a.body, "word") {
			t.Errorf("a secret field was sent: %s", a.body)
		}
	}
}
