package rule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model/load"
)

const blog = `
ashlar: 1
name: blog
tables:
  users:
    fields:
      karma: {type: int, default: 0}
  teams:
    fields:
      name: {type: text, max: 80}
      lead: {ref: users, optional: true}
  members:
    fields:
      team: {ref: teams, reverse: members}
      user: {ref: users, reverse: memberships}
      role: {type: enum, values: [owner, guest]}
  posts:
    fields:
      title:  {type: text, max: 100}
      type:   {type: text, optional: true}
      list:   {type: int, optional: true}
      score:  {type: float}
      price:  {type: decimal, precision: 12, scale: 2}
      cost:   {type: decimal, precision: 12, scale: 3, optional: true}
      draft:  {type: bool}
      due:    {type: date, optional: true}
      extra:  {type: json, optional: true}
      token:  {type: text, secret: true, optional: true}
      team:   {ref: teams, reverse: posts}
      author: {ref: users, reverse: posts, optional: true}
`

func loadBlog(t testing.TB) *Rules {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(blog)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	r, faults := CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return r
}

func TestCompile(t *testing.T) {
	r := loadBlog(t)
	posts := r.Model.Table("posts")
	for _, tt := range []struct{ in, want string }{
		{"draft", "draft"},
		{"type == 'x' && list > 3", `((type == "x") && (list > 3))`},
		{"has(type) || has(author.name) || has(auth.id) || has(author)", "(has(type) || has(author.name) || has(auth.id) || has(author.id))"},
		{"author_id == auth.id", "(author_id == auth.id)"},
		{"author == null", "(author.id == null)"},
		{"team.lead.karma >= 10", "(team.lead.karma >= 10)"},
		{"team.members.exists(m, m.user_id == auth.id && m.role in ['owner', 'guest'])",
			`team.members.exists(((members#.user_id == auth.id) && (members#.role in ("owner", "guest"))))`},
		{"size(team.members) < 5 && team.members.size() < size(title)", "((team.members.size() < 5) && (team.members.size() < size(title)))"},
		{"'editor' in auth.roles && title in auth.roles", `(("editor" in auth.roles) && (title in auth.roles))`},
		{"price > 1.005", "(price > decimal(decimal(1005e-3), 2, 1))"},
		{"1.005 > price", "(decimal(decimal(1005e-3), 2, 2) > price)"},
		{"price == 1.005", "(price == decimal(decimal(1005e-3), 2, 0))"},
		{"price + 0.1 == cost", "((price + decimal(1e-1)) == cost)"},
		{"price < 123456789012345.678", "(price < decimal(decimal(123456789012345678e-3), 2, 2))"},
		{"score < list", "(score < list)"},
		{"-list < -5", "(-list < -5)"},
		{"created_at + duration('24h') < now", "((created_at + duration(86400000000us)) < now)"},
		{"now - created_at > duration('1h')", "((now - created_at) > duration(3600000000us))"},
		{"due == date('2026-01-31')", "(due == date(2026-01-31))"},
		{"title.startsWith('a') && title.lowerAscii().contains('b')", `(startsWith(title, "a") && contains(lowerAscii(title), "b"))`},
		{"title + 'x' == 'yx'", `(+(title, "x") == "yx")`},
		{"(draft ? list : null) == 3", "((draft ? list : null) == 3)"},
		{"title == arg.t && list == arg.n && arg.f", "((title == arg.t:text) && (list == arg.n:int) && arg.f:bool)"},
		{"created_at + arg.d > now", "((created_at + arg.d:duration) > now)"},
		{"price + arg.p > 3", "((price + decimal(arg.p:decimal, 2, 0)) > decimal(decimal(3e-0), 2, 1))"},
		{"extra != null", "(extra != null)"},
		{"posts2.exists(p, p.draft)", "1: must be a relation to many rows"},
		{"team.members.exists(m, m.team.posts.exists(p, p.draft && m.user.karma > 1))", "team.members.exists(members#.team.posts.exists((posts#.draft && (members#.user.karma > 1))))"},

		{"", "1: the expression is empty"},
		{"title", "1: must be a condition (true or false), not text"},
		{"titel == 'x'", "1: posts has no field titel; did you mean title?"},
		{"team.nam == 'x'", "6: teams has no field nam; did you mean name?"},
		{"token == 'x'", "1: posts has no field token"},
		{"title < 3", "7: text and an int cannot be compared in order"},
		{"title == 3", "7: text and an int are never equal"},
		{"title && draft", "1: must be a condition (true or false), not text"},
		{"extra == title", "7: json can only be compared with null"},
		{"author == team", "1: author is a row of users: name one of its fields, such as author.name, or author_id"},
		{"null < 3", "6: null and an int cannot be compared in order"},
		{"list + 1.5 > 2.0", "6: an int + a float does not exist: an int is computed with ints, so write a whole number"},
		{"price * price > 1", "7: a decimal * a decimal does not exist"},
		{"title.matches('a')", "7: matches does not exist: the databases' regular expressions differ; use contains, startsWith, endsWith, or a field's pattern"},
		{"team.members.map(m, m.role)", "14: map does not exist in expressions: ask about related rows with exists, all, exists_one or size"},
		{"string(list) == 'x'", "1: conversions do not exist in expressions"},
		{"title.beginsWith('a')", "7: there is no function beginsWith"},
		{"contains(title, 'a')", "1: write it as text.contains(…)"},
		{"title.contains()", "7: contains takes 1 arguments"},
		{"has(1)", "1: has takes the name of a field"},
		{"has(title + 'a')", "1: has takes the name of a field"},
		{"team.members == null", "6: members is many rows: ask with exists, all, exists_one or size"},
		{"team.members.role == 'owner'", "6: members is many rows: ask with exists, all, exists_one or size"},
		{"title.foo == 'x'", "1: title is a value: it has no members"},
		{"team.members.exists(m.x, true)", "14: takes the name of an item and a condition, as in exists(m, m.role == 'owner')"},
		{"team.members.exists(auth, true)", "21: an item cannot be named auth"},
		{"team.members.exists(m, m.role == 'ownr')", `31: "ownr" is no value of role`},
		{"auth == null", "1: auth is the caller: name one of its attributes, such as auth.id"},
		{"auth.ide == 'x'", "6: auth has no ide; did you mean id?"},
		{"arg.x == arg.y", "5: cannot tell the type of arg.x: compare it with a field"},
		{"old.title == 'x'", "1: old exists only in checks and in the rule update: {to: …}"},
		{"title in 'abc'", "10: must be a list, as in status in ['open', 'done'] or 'editor' in auth.roles"},
		{"title in [1, 2]", "11: text is never an int"},
		{"list in [size(title)]", "10: an item of a list is a literal, a field, or something that needs no row"},
		{"[1, 2] == [1, 2]", "1: a list can only stand to the right of `in`"},
		{"{'a': 1} == {'a': 1}", "1: maps and messages do not exist in expressions"},
		{"title[0] == 'a'", "6: elements cannot be picked by index"},
		{"1u < 2u", "1: unsigned numbers do not exist here: leave out the u"},
		{"b'x' == b'y'", "1: this literal does not exist in expressions"},
		{"due == date('2026-02-30')", `"2026-02-30" is no date`},
		{"created_at > timestamp('x')", `"x" is no timestamp`},
		{"now - created_at > duration('1ns')", `"1ns" is no duration`},
		{"title == 'a' title", "14: unexpected token after expression"},
		{"title == 'a", "10: unterminated string literal"},
		{"title ==", "9: the expression ends where a value is expected"},
		{"team.members.exists(", "21: the expression ends before a parenthesis is closed"},
		{"title = 'a'", "7: compare with =="},
		{"draft and draft", "7: write && for and, || for or"},
		{"not draft", "5: write ! for not"},
		{"price == 1e3", "10: 1e3 is no decimal of at most 18 digits, written without an exponent"},
		{"(draft ? price : cost) == 1.0", "8: the two sides of ? : have 2 and 3 digits after the point: they must agree"},
		{"draft ? 1 : 'x'", "7: the two sides of ? : differ: an int and text"},
		{"(draft ? 1 : 'x') == 1", "8: the two sides of ? : differ: an int and text"},
		{"title == 'a\\u0000'", "10: U+0000 cannot stand in text"},
		{"score > 1e999", "9:"},
	} {
		node, _, problems := Compile(tt.in, Scope{Row: r.Table(posts).Row, Args: true, Client: true, Limits: RequestLimits})
		got := ""
		if len(problems) > 0 {
			got = fmt.Sprintf("%d: %s", problems[0].Offset+1, problems[0].Message)
		} else {
			got = Format(node)
		}
		if got != tt.want && !(len(problems) > 0 && strings.Contains(got, tt.want)) {
			t.Errorf("Compile(%q)\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestLimits(t *testing.T) {
	r := loadBlog(t)
	posts := r.Model.Table("posts")
	deep := strings.Repeat("(", 40) + "draft" + strings.Repeat(")", 40)
	for _, tt := range []struct{ name, in, want string }{
		{"bytes", "title == '" + strings.Repeat("x", 4096) + "'", "longer than 4096 bytes"},
		{"nodes", strings.Repeat("draft || ", 250) + "draft", "more than 200 nodes"},
		{"levels", deep, "nested more than 32 levels"},
		{"levels of not", strings.Repeat("!(", 40) + "draft" + strings.Repeat(")", 40), "nested more than 32 levels"},
		{"relations", "team.members.exists(a, a.user.memberships.exists(b, b.team.members.exists(c, c.role == 'owner')))", "more than 5 relations in a row"},
		{"macros", "team.members.exists(a, team.members.exists(b, team.members.exists(c, team.members.exists(d, draft))))", "nested more than 3 deep"},
		{"list", "list in [" + strings.Repeat("1,", 1500) + "1]", "more than 200 nodes"},
	} {
		_, _, problems := r.Filter(posts, tt.in)
		if len(problems) == 0 || !strings.Contains(problems[0].Message, tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, problems, tt.want)
		}
	}
	fine := "team.members.exists(a, a.user.memberships.exists(b, b.team.name == 'x'))"
	if _, _, problems := r.Filter(posts, fine); len(problems) > 0 {
		t.Errorf("%s: %v", fine, problems)
	}
}

func TestModelFaults(t *testing.T) {
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(`
ashlar: 1
name: faulty
tables:
  notes:
    fields:
      status: {type: enum, values: [open, done], default: "'opne'"}
      count:  {type: int, min: 1, default: 0}
      by:     {type: text, default: auth.idd, read: statsu == 'open'}
      at:     {type: timestamp, default: "'now'"}
      sure:   {type: bool, default: "1 / 0 == 1"}
    checks:
      - {expr: old.count < count, message: only up}
      - {expr: count, message: is no condition}
    access:
      read: |
        status == 'open'
          && owner == auth.id
      update: {from: old.count == 1, to: old.count == 1}
`)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	_, faults = CompileModel(m)
	var got []string
	for _, fault := range faults.Sort() {
		got = append(got, fmt.Sprintf("%d:%d %s", fault.Pos.Line, fault.Pos.Col, fault.Message))
	}
	want := []string{
		`7:60 the default does not fit the field: must be one of open, done`,
		`8:44 the default does not fit the field: must be at least 1`,
		`9:42 auth has no idd; did you mean id?`,
		`9:53 notes has no field statsu; did you mean status?`,
		`10:43 the default of at must be a timestamp, not text`,
		`11:38 the default always fails`,
		`14:16 must be a condition (true or false), not an int`,
		`18:14 notes has no field owner`,
		`19:22 old exists only in checks and in the rule update: {to: …}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// FuzzFilter compiles any text. Compile must not panic and must keep its limits. Extract and Fold must accept every
// compiled condition.
func FuzzFilter(f *testing.F) {
	for _, str := range []string{"draft", "type == arg.x && list in [1, 2]", "team.members.exists(m, m.role == 'owner')", "price > 1.005 ? has(due) : !(score < 2.0)", "((((", "a.b.c(d, e)", "'\\u0000'", "now - created_at > duration('1h')"} {
		f.Add(str)
	}
	r := loadBlog(f)
	posts := r.Model.Table("posts")
	f.Fuzz(func(t *testing.T, text string) {
		node, args, problems := r.Filter(posts, text)
		if (node == nil) != (len(problems) > 0) {
			t.Fatalf("%q: node %v, problems %v", text, node, problems)
		}
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
				t.Fatalf("%q: problem %+v", text, p)
			}
		}
		if node == nil {
			return
		}
		if len(text) > RequestLimits.Bytes {
			t.Fatalf("%d bytes accepted", len(text))
		}
		for _, arg := range args {
			if arg.Type == 0 {
				t.Fatalf("%q: arg.%s has no type", text, arg.Name)
			}
		}
		slots := Slots{Base: len(r.Slots.List)}
		slots.Extract(node)
	})
}
