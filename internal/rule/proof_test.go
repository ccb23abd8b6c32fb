package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model/load"
)

func TestAttributesOfTheCaller(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	signedIn := caller.User(caller.Identity{
		ID: "u", MFA: true, Methods: []string{"password", "totp"}, Since: now.Add(-5 * time.Minute),
		Proof: caller.Proof{Kind: caller.ProofSession, ID: "s-1"},
	})
	key := caller.Service(caller.Identity{ID: "robot", Proof: caller.Proof{Kind: caller.ProofKey, ID: "k-1"}})
	const yes, no, fails = "true", "false", "fails"
	for _, tt := range []struct{ in, anonymous, signedIn, key string }{
		{"'totp' in auth.methods", no, yes, no},
		{"'passkey' in auth.methods", no, no, no},
		{"size(auth.methods) == 2", no, yes, no},
		{"has(auth.since)", no, yes, no},
		{"now - auth.since < duration('10m')", fails, yes, fails},
		{"now - auth.since < duration('5m')", fails, no, fails},
		{"auth.since == null", fails, no, fails},
		{"auth.session == 's-1'", fails, yes, fails},
		{"auth.key == 'k-1'", fails, fails, yes},
		{"has(auth.key)", no, no, yes},
		{"has(auth.session)", no, yes, no},
		{"auth.kind == 'service'", no, no, yes},
		{"auth.mfa && auth.id == 'u'", no, yes, no},
	} {
		node, _, problems := Compile(tt.in, Scope{})
		if len(problems) > 0 {
			t.Errorf("%s: %v", tt.in, problems)
			continue
		}
		for _, c := range []struct {
			who  caller.Caller
			want string
		}{{caller.Caller{}, tt.anonymous}, {signedIn, tt.signedIn}, {key, tt.key}} {
			env := &Env{Caller: c.who, Now: now.UnixMicro()}
			v, ok := Eval(node, env)
			got := fails
			if ok {
				got = map[int64]string{0: no, 1: yes}[v.Int]
			}
			if got != c.want || Holds(node, env) != (got == yes) {
				t.Errorf("%s for %v = %s, want %s", tt.in, c.who, got, c.want)
			}
		}
	}
}

func TestProofAges(t *testing.T) {
	posts := loadBlog(t).Model.Table("posts")
	for _, tt := range []struct {
		in   string
		want []time.Duration
		asks bool
	}{
		{"now - auth.since < duration('10m')", []time.Duration{10 * time.Minute}, true},
		{"duration('10m') >= now - auth.since", []time.Duration{10 * time.Minute}, true},
		{"auth.since > now - duration('1h')", []time.Duration{time.Hour}, true},
		{"now - duration('1h') <= auth.since", []time.Duration{time.Hour}, true},
		{"auth.since + duration('90s') > now", []time.Duration{90 * time.Second}, true},
		{"now < duration('90s') + auth.since", []time.Duration{90 * time.Second}, true},
		{"draft && (now - auth.since < duration('1m') || auth.mfa && !(now - auth.since >= duration('1h')))", []time.Duration{time.Hour, time.Minute}, true},
		{"team.members.exists(m, m.user_id == auth.id && now - auth.since < duration('1m'))", []time.Duration{time.Minute}, true},
		{"auth.since > timestamp('2026-01-31T12:00:00Z')", nil, true},
		{"draft && auth.mfa", nil, true},
		{"now - created_at < duration('10m')", nil, false},
		{"auth.id == author_id", nil, false},
	} {
		node, _, problems := Compile(tt.in, Scope{Row: &Row{posts, Self}})
		if len(problems) > 0 {
			t.Fatalf("%s: %v", tt.in, problems)
		}
		var slots Slots
		node = slots.Extract(node)
		if diff := cmp.Diff(tt.want, ProofAges(node)); diff != "" || AsksProof(node) != tt.asks {
			t.Errorf("%s: AsksProof = %v, ages (-want +got):\n%s", tt.in, AsksProof(node), diff)
		}
	}
}

func TestConditionsOfAccounts(t *testing.T) {
	source := func(when, by string) string {
		return "ashlar: 1\nname: a\nroles: [editor]\ntables:\n  posts: {fields: {title: {type: text}}}\naccounts:\n  require:\n    - {when: \"" +
			when + "\", mfa: true}\n  invite: {by: \"" + by + "\"}\n"
	}
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source("'editor' in auth.roles", "auth.verified && auth.kind == 'user'"))})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	r, faults := CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	env := &Env{Caller: caller.User(caller.Identity{ID: "u", Roles: []string{"editor"}})}
	if !Holds(r.Accounts.Require[0], env) || Holds(r.Accounts.InviteBy, env) {
		t.Errorf("require = %s, invite = %s", Format(r.Accounts.Require[0]), Format(r.Accounts.InviteBy))
	}
	if len(r.Slots.List) != 1 { // the read rule of users
		t.Errorf("slots = %v: each request would evaluate them", r.Slots.List)
	}
	for _, tt := range []struct{ when, by, want string }{
		{"title == 'x'", "true", "ashlar.yaml:8:15: no row can be named here, so title means nothing: this condition knows auth and now alone"},
		{"posts.exists(p, true)", "true", "ashlar.yaml:8:15: must be a relation to many rows"},
		{"auth.id", "true", "ashlar.yaml:8:20: must be a condition (true or false), not text"},
		{"true", "'edtor' in auth.roles", "ashlar.yaml:9:17: the model declares no role edtor; did you mean editor?"},
		{"true", "auth.mfs", "ashlar.yaml:9:22: auth has no mfs; did you mean mfa?"},
	} {
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source(tt.when, tt.by))})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		_, faults = CompileModel(m)
		if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), tt.want+"\n") {
			t.Errorf("%s, %s: faults %v, want %s", tt.when, tt.by, faults, tt.want)
		}
	}
}

// A sign-up has no caller, so a field of users that needs one to have a value could never be filled.
func TestDefaultsOfSignup(t *testing.T) {
	const name = "ashlar.yaml:7:46: a sign-up makes the row of users before anybody is signed in"
	for _, tt := range []struct{ signup, field, want string }{
		{"open", "{type: text, max: 9, default: auth.email}", name},
		{"invite", "{type: text, max: 9, default: auth.email}", name},
		{"closed", "{type: text, max: 9, default: auth.email}", ""},
		{"open", "{type: text, max: 9, default: auth.email, optional: true}", ""},
		{"open", "{type: timestamp, default: now}", ""},
	} {
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: a\naccounts: {signup: " + tt.signup +
			"}\ntables:\n  users:\n    fields:\n      made_by: " + tt.field + "\n")})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		_, faults = CompileModel(m)
		if (len(faults) == 0) != (tt.want == "") || (tt.want != "" && !strings.HasPrefix(faults[0].String(), tt.want)) {
			t.Errorf("signup: %s, %s: faults %v, want %q", tt.signup, tt.field, faults, tt.want)
		}
	}
}
