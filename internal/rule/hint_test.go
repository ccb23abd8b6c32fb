package rule

import (
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model/load"
)

// The filter proposed by a message must compile.
func TestHints(t *testing.T) {
	r := loadBlog(t)
	posts := r.Model.Table("posts")
	for _, tt := range []struct{ in, want, instead string }{
		{"price * list > 1.0", "a decimal * an int does not exist: decimals can only be added, subtracted and compared", ""},
		{"list * price > 1.0", "an int * a decimal does not exist: decimals can only be added, subtracted and compared", ""},
		{"price * 2 > 1.0", "a decimal * a decimal does not exist: decimals can only be added, subtracted and compared", ""},
		{"price / 2.0 > 1.0", "a decimal / a decimal does not exist: decimals can only be added, subtracted and compared", ""},
		{"price * price > 1", "a decimal * a decimal does not exist: decimals can only be added, subtracted and compared", ""},
		{"score * price > 1.0", "a float * a decimal does not exist: decimals can only be added, subtracted and compared", ""},
		{"price + list > 1.0", "a decimal + an int does not exist: both must be of one type, and there are no conversions", ""},
		{"price - score > 1.0", "a decimal - a float does not exist: both must be of one type, and there are no conversions", ""},
		{"score + list > 1.0", "a float + an int does not exist: both must be of one type, and there are no conversions", ""},
		{"score * 2 > 1.0", "a float * an int does not exist: write 2.0", "score * 2.0 > 1.0"},
		{"2 * score > 1.0", "an int * a float does not exist: write 2.0", "2.0 * score > 1.0"},
		{"list + 1.5 > 2.0", "an int + a float does not exist: an int is computed with ints, so write a whole number", "list + 1 > 2"},
		{"score % 2.0 > 1.0", "a float % a float does not exist: % is for two ints", ""},
		{"score % 2 > 1.0", "a float % an int does not exist: % is for two ints", ""},
		{"title + 1 == 'x'", "text + an int does not exist: there are no conversions, and + joins text with text alone", ""},
		{"title - 'x' == 'x'", "text - text does not exist", ""},
		{"due + duration('24h') > due", "a date + a duration does not exist: a date can only be compared, as with date('2026-01-31')", "due > date('2026-01-31')"},
		{"created_at + 3600 > now", "a timestamp + an int does not exist: write a length of time as duration('36h')", "created_at + duration('36h') > now"},
		{"created_at + now > now", "a timestamp + a timestamp does not exist: a timestamp is added to a duration, such as duration('36h')", "created_at + duration('36h') > now"},
		{"author > 1", "author is a row of users: name one of its fields, such as author.name, or author_id", "author.name > 'a'"},
		{"team.lead == 'x'", "team.lead is a row of users: name one of its fields, such as team.lead.name, or team.lead_id", "team.lead.name == 'x'"},
		{"team.members.exists(m, m.user)", "m.user is a row of users: name one of its fields, such as m.user.name, or m.user_id", "team.members.exists(m, m.user_id == 'x')"},
		{"team.members.exists(m, m == title)", "m is a row of members: name one of its fields, such as m.role", ""},
		{"author in ['x']", "author is a row of users: name", ""},
		{"title in [author]", "author is a row of users: name", ""},
		{"author in auth.roles", "author is a row of users: name", ""},
		{"author + 1 == 2", "author is a row of users: name", ""},
		{"-author == 2", "author is a row of users: name", ""},
		{"size(author) == 2", "author is a row of users: name", ""},
		{"author.contains('x')", "author is a row of users: name", ""},
		{"(draft ? author : team) == null", "author is a row of users: name", ""},
		{"draft && author", "author is a row of users: name", ""},
		{"auth.kind == 'robot'", `"robot" is no value of auth.kind: it is one of anonymous, user, key, service, system`, "auth.kind == 'key'"},
		{"'sytem' != auth.kind", `"sytem" is no value of auth.kind; did you mean system?`, "'system' != auth.kind"},
		{"auth.kind in ['user', 'kye']", `"kye" is no value of auth.kind; did you mean key?`, "auth.kind in ['user', 'key']"},
		{"'passwrd' in auth.methods", `"passwrd" is no value of auth.methods; did you mean password?`, "'password' in auth.methods"},
		{"(draft ? 'totp' : 'sms') in auth.methods", `"sms" is no value of auth.methods: it is one of password, code, passkey, totp, recovery, oidc`, ""},
		{"3 in auth.methods", "auth.methods holds text, never an int", ""},
		{"auth.methods == 'totp'", "a list can only be compared with null", ""},
		{"auth.since > '2026-01-31'", "a timestamp and text cannot be compared in order: write timestamp(", "auth.since > timestamp('2026-01-31T12:00:00Z')"},
		{"auth.sesion == 'x'", "auth has no sesion; did you mean session?", "auth.session == 'x'"},
		{"'robot' in [auth.kind]", `"robot" is no value of auth.kind`, ""},
		{"team.members.exists(m, m.role == 'ownr')", `"ownr" is no value of role; did you mean owner?`, ""},
		{"team.members.exists(m, 'x' in [m.role])", `"x" is no value of role: it is one of owner, guest`, ""},
		{"title.length > 3", "title is a value: it has no members; write size(title)", "size(title) > 3"},
		{"title.first == 'x'", "title is a value: it has no members", ""},
		{"team.name.length > 3", "name is a value: it has no members; write size(team.name)", "size(team.name) > 3"},
		{"len(title) > 3", "write size(x) for the length of a text", "size(title) > 3"},
		{"title.lower() == 'x'", "write t.lowerAscii()", "title.lowerAscii() == 'x'"},
		{"not(draft)", "write ! for not", "!draft"},
		{"list not in [1]", "write !(x in […]) for not in", "!(list in [1])"},
		{"title like 'a%'", "write t.contains('…'), t.startsWith('…') or t.endsWith('…') for like", "title.startsWith('a')"},
		{"title LIKE 'a%'", "write t.contains(", ""},
		{"due is not null", "write == null for is null, and != null for is not null", "due != null"},
		{"list between 1 and 2", "write x >= a && x <= b for between", "list >= 1 && list <= 2"},
		{"draft AND draft", "write && for and, || for or", "draft && draft"},
		{"list <> 1", "write != for <>", "list != 1"},
		{"due > '2026-01-31'", "a date and text cannot be compared in order: write date('2026-01-31')", "due > date('2026-01-31')"},
		{"'2026-01-31' == due", "text and a date are never equal: write date('2026-01-31')", "date('2026-01-31') == due"},
		{"created_at < '2026-01-31'", "a timestamp and text cannot be compared in order: write timestamp('2026-01-31T12:00:00Z')", "created_at < timestamp('2026-01-31T12:00:00Z')"},
		{"list > 'a'", "an int and text cannot be compared in order", ""},
		{"auth.roles == 'editor'", "a list can only be compared with null: ask with in, as in 'editor' in auth.roles", "'editor' in auth.roles"},
		{"auth.roles.contains('editor')", "must be text, not a list: ask with in, as in 'editor' in auth.roles", "'editor' in auth.roles"},
		{"auth.role == 'editor'", "auth has no role: a caller may have several, so write 'editor' in auth.roles", "'editor' in auth.roles"},
		{"extra.colour == 'red'", "extra is json: expressions cannot look into it, and ask only whether it is there", "extra != null"},
		{"team.members[0].role == 'owner'", "elements cannot be picked by index: ask with in, exists or size", ""},
		{"nothing.team.name == 'x'", "posts has no field nothing", ""},
		{"team.nothing.name == 'x'", "teams has no field nothing", ""},
		{"team.name.first.last == 'x'", "name is a value: it has no members", ""},
		{"team.members.role.name == 'x'", "members is many rows: ask with exists, all, exists_one or size", ""},
		{"auth.id.name == 'x'", "auth.id is a value: it has no members", ""},
		{"new.draft", "posts has no field new", ""},
		{"yes", "posts has no field yes; write true", "true"},
		{"draft && off", "posts has no field off; write false", "draft && false"},
	} {
		_, _, problems := Compile(tt.in, Scope{Row: r.Table(posts).Row, Client: true})
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Message, tt.want) {
			t.Errorf("Compile(%q) = %v, want %s", tt.in, problems, tt.want)
		}
		if tt.instead == "" {
			continue
		}
		if _, _, problems := Compile(tt.instead, Scope{Row: r.Table(posts).Row, Client: true}); len(problems) > 0 {
			t.Errorf("Compile(%q), which the message about %q proposes: %v", tt.instead, tt.in, problems)
		}
	}
}

// An undeclared role is a fault in a model. In a request it is none: a client must not learn the roles of the model.
func TestUndeclaredRoles(t *testing.T) {
	with := func(roles, rule string) string {
		return "ashlar: 1\nname: a\n" + roles + "tables:\n  posts:\n    fields: {state: {type: enum, values: [open, editor]}, kind: {type: enum, values: [a, b]}, on: {type: bool}}\n    access: {read: \"" + rule + "\"}\n"
	}
	const roles = "roles: [editor, guest]\n"
	for _, tt := range []struct{ roles, rule, want string }{
		{roles, "'edtor' in auth.roles", "the model declares no role edtor; did you mean editor?"},
		{roles, "!('admin' in auth.roles)", "the model declares no role admin: it is one of editor, guest"},
		{roles, "on && (on ? 'editor' : 'gest') in auth.roles", "the model declares no role gest; did you mean guest?"},
		{roles, "kind in auth.roles", "no value of kind is a role that the model declares"},
		{"", "'editor' in auth.roles", "the model declares no roles: add `roles: [editor]` at its top"},
		{roles, "'editor' in auth.roles || state in auth.roles || (on ? 'editor' : 'guest') in auth.roles", ""},
		{roles, "on", ""},
	} {
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(with(tt.roles, tt.rule))})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		r, faults := CompileModel(m)
		switch {
		case tt.want == "" && len(faults) > 0, tt.want != "" && (len(faults) != 1 || faults[0].Message != tt.want):
			t.Errorf("%s: faults %v, want %q", tt.rule, faults, tt.want)
		}
		if _, _, problems := r.Filter(m.Table("posts"), tt.rule); len(problems) > 0 {
			t.Errorf("as a filter, %s: %v", tt.rule, problems)
		}
	}
}

func TestUnquotedDefaults(t *testing.T) {
	for _, tt := range []struct{ field, want string }{
		{"{type: text, default: hello}", `a text constant has quotes within quotes: write "'hello'"`},
		{"{type: text, default: hello world}", `a text constant has quotes within quotes: write "'hello world'"`},
		{"{type: text, default: it is, well}", ""},
		{"{type: text, default: in}", `a text constant has quotes within quotes: write "'in'"`},
		{"{type: enum, values: [open, closed], default: opn}", `"opn" is no value of f; did you mean open?`},
		{"{type: enum, values: [x, y], default: elsewhere}", `"elsewhere" is no value of f: it is one of x, y`},
		{"{type: enum, values: [x, in progress], default: in progress}", `a value of more than one word has quotes within quotes: write "'in progress'"`},
		{"{type: bool, default: yes}", "write true"},
		{"{type: bool, default: Off}", "write false"},
		{"{type: bool, default: maybe}", "write true or false"},
		{"{type: int, default: many}", "no row can be named here, so many means nothing: a default knows auth and now alone"},
		{"{type: text, default: title.x}", `a text constant has quotes within quotes: write "'title.x'"`},
		{"{type: text, default: auth.name}", "auth has no name"},
		{"{type: text, default: \"'hello'\"}", ""},
		{"{type: text, default: auth.id}", ""},
	} {
		source := "ashlar: 1\nname: a\ntables:\n  posts:\n    fields:\n      f: " + tt.field + "\n"
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
		if len(faults) == 0 {
			_, faults = CompileModel(m)
		} else if tt.want == "" {
			continue
		}
		if (tt.want == "" && len(faults) > 0) || (tt.want != "" && (len(faults) != 1 || !strings.HasPrefix(faults[0].Message, tt.want))) {
			t.Errorf("%s: faults %v, want %q", tt.field, faults, tt.want)
		}
	}
}

// A rule that uses a wrongly declared field is not a second fault.
func TestFaultOfAFieldIsToldOnce(t *testing.T) {
	for _, rule := range []string{"post.title == 'x'", "post.author.name == 'x'", "post_id == 'x'", "post == null", "note.title == 'x'"} {
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: a\ntables:\n  comments:\n    fields: {post: {ref: psts}, note: {type: string}}\n    access: {read: \"" + rule + "\"}\n")})
		if m == nil {
			t.Fatal(faults)
		}
		if _, more := CompileModel(m); len(faults) != 2 || len(more) != 0 {
			t.Errorf("%s: faults %v, and then %v", rule, faults, more)
		}
	}
}
