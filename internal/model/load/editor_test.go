package load

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func compileEditorSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiled, err := compileSchema(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// asJSON converts YAML for a validator.
func asJSON(t *testing.T, source string) any {
	t.Helper()
	l := newLoader()
	n := l.parse(model.MainFile, l.addFile(model.MainFile, []byte(source)))
	text, ok := l.appendJSON(nil, n)
	if !ok {
		t.Fatalf("no JSON: %v", l.faults)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestEditorKeys compares the keys of the loader with the schema's, in both directions.
func TestEditorKeys(t *testing.T) {
	for _, tt := range []struct {
		name   string
		loader []string
		editor schema
	}{
		{"main", appKeys(), appProperties()},
		{"table", tableKeys(), tableProperties()},
		{"field", fieldKeyNames(), fieldProperties()},
		{"access", accessKeys(), accessProperties()},
		{"check", checkKeys(), checkProperties()},
		{"view", viewKeys(), viewProperties()},
		{"access of a view", viewAccessKeys(), viewAccessProperties()},
		{"accounts", accountKeys(), accountProperties()},
		{"password", passwordKeys(), passwordProperties()},
		{"passkeys", passkeyKeys(), passkeyProperties()},
		{"codes", codeKeys(), codeProperties()},
		{"sessions", sessionKeys(), sessionProperties()},
		{"require", requireKeys(), requireProperties()},
		{"issuers", issuerKeys(), issuerProperties()},
		{"keys", keyKeys(), keyProperties()},
		{"invite", inviteKeys(), inviteProperties()},
		{"mail", mailKeys(), mailProperties()},
		{"audit", auditKeys(), auditProperties()},
		{"operate", operateKeys(), operateProperties()},
		{"slos", sloKeys(), sloProperties()},
		{"fast", fastKeys(), fastProperties()},
		{"alerts", alertsKeys(), alertsProperties()},
		{"to", targetKeys(), targetProperties()},
		{"probe", probeKeys(), probeProperties()},
		{"logs", logKeys(), logProperties()},
		{"costs", costKeys(), costProperties()},
		{"limit", limitKeys(), limitProperties()},
		{"address", fixedLimitKeys(), fixedLimitProperties()},
		{"query", queryLimitKeys(), queryLimitProperties()},
		{"cache", cacheKeys(), cacheProperties()},
		{"queue", queueKeys(), queueProperties()},
		{"each", eachKeys(), eachProperties()},
		{"job", jobKeys(), jobProperties()},
		{"argument", argKeys(), argSchema()["properties"].(schema)},
		{"access of a job", jobAccessKeys(), jobAccessProperties()},
		{"once", onceKeys(), onceProperties()},
		{"as", callerKeys(), callerProperties()},
		{"mail of a job", jobMailKeys(), jobMailProperties()},
		{"post", postKeys(), postProperties()},
		{"update", setKeys(), setProperties()},
		{"webhook", webhookKeys(), webhookProperties()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var editor []string
			for key := range tt.editor {
				editor = append(editor, key)
			}
			slices.Sort(editor)
			if diff := cmp.Diff(slices.Sorted(slices.Values(tt.loader)), editor); diff != "" {
				t.Errorf("keys (-loader +editor):\n%s", diff)
			}
		})
	}
}

func TestEditorAcceptsCareers(t *testing.T) {
	s := compileEditorSchema(t)
	if err := s.Validate(asJSON(t, readFile(t, "careers.yaml"))); err != nil {
		t.Error(err)
	}
}

// TestEditorAgrees shows the same declarations to the loader and to the schema.
func TestEditorAgrees(t *testing.T) {
	compiled := compileEditorSchema(t)
	for _, tt := range []struct {
		table string
		sound bool
	}{
		{"{fields: {a: {type: text, min: 1, max: 5, pattern: x, format: slug, unique: true, index: true, doc: d}}}", true},
		{"{fields: {a: {type: enum, values: [x, {name: y, was: z}], default: x, read: true, write: 'false'}}}", true},
		{"{fields: {a: {type: decimal, precision: 4, scale: 2, min: 0.5, default: 1.25}}}", true},
		{"{fields: {a: {type: json, schema: {type: object}, optional: true}}}", true},
		{"{fields: {a: {type: json, schema: true}}}", true},
		{"{fields: {a: {ref: users, link: true}}}", true},
		{"{fields: {a: {type: uuid, link: true}}}", false},
		{"{fields: {a: {ref: users, link: 5}}}", false},
		{"{fields: {a: {ref: users, reverse: ts, on_delete: clear, optional: true, was: b, immutable: true}}}", true},
		{"{fields: {a: {type: text, secret: true}}, unique: , indexes: , checks: , access: , search: }", true},
		{"{access: {update: {from: true, to: 'false'}, read: true}, checks: [{expr: 'true', message: m}], was: tt, doc: d, key: int}", true},
		{"{fields: {a: {type: int}, b: {type: text}}, unique: [[a]], indexes: [[b, a]], search: [b]}", true},
		{"{fields: {a: {}}}", false},
		{"{fields: {a: {type: text, ref: users}}}", false},
		{"{fields: {a: {type: bool, min: 1}}}", false},
		{"{fields: {a: {type: text, on_delete: clear}}}", false},
		{"{fields: {a: {ref: users, pattern: x}}}", false},
		{"{fields: {a: {type: text, colour: red}}}", false},
		{"{fields: {a: {type: txt}}}", false},
		{"{fields: {a: {type: json, unique: true}}}", false},
		{"{fields: {A: {type: text}}}", false},
		{"{fields: {a: text}}", false},
		{"{fields: {a: {type: enum, values: []}}}", false},
		{"{access: true}", false},
		{"{access: {reed: true}}", false},
		{"{access: {update: {from: true}}}", false},
		{"{checks: [{expr: a}]}", false},
		{"{indexes: [created_at]}", false},
		{"{key: float}", false},
		{"{cache: {public: 1s, stale: 1ms}}", true},
		{"{cache: {public: 365d}}", true},
		{"{cache: }", true},
		{"{cache: {}}", true},
		{"{cache: 60s}", false},
		{"{cache: {public: 60}}", false},
		{"{cache: {public: 500ms}}", false},
		{"{cache: {public: }}", false},
		{"{cache: {private: 60s}}", false},
		{"{colour: red}", false},
	} {
		checkAgrees(t, compiled, "tables:\n  t: "+tt.table, tt.sound)
	}
	for _, tt := range []struct {
		users string
		sound bool
	}{
		{"{fields: {email: {read: 'true', doc: d}, name: {doc: d}, nick: {type: text}}, access: {read: true}}", true},
		{"{fields: {email: {}}}", true},
		{"{fields: {email: {type: text}}}", false},
		{"{fields: {email: {read: 'true', write: 'true'}}}", false},
		{"{fields: {name: {unique: true}}}", false},
		{"{fields: {email: {colour: red}}}", false},
		{"{fields: {nick: {read: 'true'}}}", false},
	} {
		checkAgrees(t, compiled, "tables:\n  users: "+tt.users, tt.sound)
	}
	checkAgrees(t, compiled, "tables:\n  t: {fields: {email: {read: 'true'}}}", false) // only users has it
	for _, tt := range []struct {
		view  string
		sound bool
	}{
		{"{key: int, reads: [users], query: SELECT 1 AS id, doc: d, access: {read: true}}", true},
		{"{reads: [], query: {sqlite: SELECT 1, postgres: SELECT 2}, fields: , access: }", true},
		{"{reads: [], query: {postgres: SELECT 2}, fields: {a: {ref: users, reverse: v, optional: true, read: true, doc: d}}}", true},
		{"{reads: [], query: x, fields: {a: {type: enum, values: [x]}, b: {type: decimal, precision: 3, scale: 1}, created_at: {type: timestamp}}}", true},
		{"{reads: [], query: x, cache: {public: 5m, stale: 1h}}", true},
		{"{reads: [], query: x, cache: {stale: 1}}", false},
		{"{query: SELECT 1}", false},
		{"{reads: []}", false},
		{"{reads: [], query: {}}", false},
		{"{reads: [], query: {mysql: x}}", false},
		{"{reads: [], query: [x]}", false},
		{"{reads: [], query: x, indexes: [[a]]}", false},
		{"{reads: [], query: x, fields: {a: {type: text, max: 3}}}", false},
		{"{reads: [], query: x, fields: {a: {ref: users, on_delete: clear}}}", false},
		{"{reads: [], query: x, access: {read: true, write: true}}", false},
	} {
		checkAgrees(t, compiled, "views:\n  v: "+tt.view, tt.sound)
	}
	for _, tt := range []struct {
		accounts string
		sound    bool
	}{
		{"", true},
		{"{}", true},
		{"{signup: open, verify: later, password: false, totp: false, codes: {length: 10, valid: 90s, tries: 1}}", true},
		{"{passkeys: , codes: , sessions: , require: , providers: , issuers: , keys: , invite: , mail: }", true},
		{"{keys: {scopes: , longest: 30d}, sessions: {access: 5m, idle: 12h, longest: 12h, each_user: 1}}", true},
		{"{keys: {scopes: {a: {users: read, jobs: [mails]}, b: {users: [read, delete]}}}}", true},
		{"{providers: {apple: {client_id: a, team: b, key_id: c, key: file:/run/key}, microsoft: {client_id: a, client_secret: $S, tenant: common}}}", true},
		{"{providers: {corp: {issuer: https://id.corp.example, client_id: a, client_secret: $S, scopes: [openid]}}}", true},
		{"{issuers: [{issuer: https://id.corp.example, audience: [a, b], algorithms: [ES256], users: known, mfa: gold}]}", true},
		{"{issuers: [{issuer: https://id.corp.example, audience: a, users: all}]}", false},
		{"{invite: {by: true, roles: []}, require: [{when: auth.verified, mfa: true}], mail: {from: a@b.example}}", true},
		{"{signup: }", false},
		{"{signup: [open]}", false},
		{"{totp: 1}", false},
		{"{password: {min: 5}}", false},
		{"{codes: {length: 11}}", false},
		{"{codes: {valid: 600}}", false},
		{"{sessions: {idle: 14 days}}", false},
		{"{require: [{when: true}]}", false},
		{"{keys: {scopes: {a: {}}}}", false},
		{"{keys: {scopes: {a: {users: write}}}}", false},
		{"{providers: {google: {client_id: a, client_secret: $S, issuer: https://a.example}}}", false},
		{"{providers: {github: {client_id: a, client_secret: plain}}}", false},
		{"{providers: {corp: {client_id: a, client_secret: $S}}}", false},
		{"{issuers: [{issuer: https://id.corp.example}]}", false},
		{"{invite: {roles: []}}", false},
		{"{colour: red}", false},
		{"true", false},
	} {
		checkAgrees(t, compiled, "accounts: "+tt.accounts, tt.sound)
	}
	for _, tt := range []struct {
		operate string
		sound   bool
	}{
		{"", true},
		{"{slos: {a: {available: 99.9}, b: {tables: [users], routes: [GET /api/users], fast: {share: 99, below: 20ms}}}}", true},
		{"{alerts: {to: [{mail: a@b.example}, {webhook: $U, secret: $S}, {alertmanager: file:/run/am}]}}", true},
		{"{probe: false, logs: {keep: 12h, slow: 1s, sample: 0.5}, costs: {cpu_hour: 0, gb_out: 1.5}}", true},
		{"{probe: {every: 5m, path: /readyz}}", true},
		{"{slos: {a: {}}}", false},
		{"{slos: {a: {available: 100}}}", false},
		{"{slos: {a: {available: 0}}}", false},
		{"{slos: {a: {available: 99, tables: []}}}", false},
		{"{slos: {a: {fast: {share: 99}}}}", false},
		{"{slos: {a: {fast: {share: 99, below: 0s}}}}", false},
		{"{alerts: {to: [{mail: a@b.example, webhook: $U}]}}", false},
		{"{alerts: {to: [{mail: a@b.example, secret: $S}]}}", false},
		{"{alerts: {to: [{}]}}", false},
		{"{probe: 1m}", false},
		{"{logs: {sample: 2}}", false},
		{"{costs: {cpu_hour: -1}}", false},
		{"{colour: red}", false},
	} {
		checkAgrees(t, compiled, "operate: "+tt.operate, tt.sound)
	}
	for _, tt := range []struct {
		limits string
		sound  bool
	}{
		{"", true},
		{"{}", true},
		{"off", true},
		{"false", true},
		{"{address: off, caller: false, query: }", true},
		{"{address: , caller: {in_flight: 1}}", true},
		{"{address: {rate: 10/s, burst: 10}, caller: {rate: [1/1s, 1000000000/400d], in_flight: 1000000}}", true},
		{"{a: {tables: [users], operations: [list, get], per: all, rate: 1/1m}, b: {tables: [users], write: true, in_flight: 3}}", true},
		{"{a: {routes: [GET /api/users, POST /auth/sign-up], tables: [users], per: address, rate: 1/1m}, b: {operations: create, rate: 1/1m}}", true},
		{"{query: {rows: 1, time: 1ms, except: []}}", true},
		{"true", false},
		{"on", false},
		{"10/1s", false},
		{"{a: }", false},
		{"{a: false}", false},
		{"{a: {}}", false},
		{"{a: {rate: 10}}", false},
		{"{a: {rate: 0/1s}}", false},
		{"{a: {rate: 10/0s}}", false},
		{"{a: {rate: 10/500ms}}", false},
		{"{a: {rate: []}}", false},
		{"{a: {rate: [1/1s, 2/2s, 3/3s, 4/4s, 5/5s]}}", false},
		{"{a: {rate: 10/1s, burst: 0}}", false},
		{"{a: {rate: 10/1s, burst: -1}}", false},
		{"{a: {burst: 1, in_flight: 1}}", false},
		{"{a: {rate: 10/1s, in_flight: 0}}", false},
		{"{a: {rate: 10/1s, per: user}}", false},
		{"{a: {rate: 10/1s, tables: []}}", false},
		{"{a: {rate: 10/1s, tables: users}}", false},
		{"{a: {rate: 10/1s, operations: []}}", false},
		{"{a: {rate: 10/1s, operations: [read]}}", false},
		{"{a: {rate: 10/1s, operations: [list, list]}}", false},
		{"{a: {rate: 10/1s, write: false}}", false},
		{"{a: {rate: 10/1s, write: true, operations: list}}", false},
		{"{a: {rate: 10/1s, write: true, routes: [GET /api/users]}}", false},
		{"{a: {rate: 10/1s, operations: list, routes: [GET /api/users]}}", false},
		{"{address: {rate: 10/1s, tables: [users]}}", false},
		{"{caller: {rate: 10/1s, per: address}}", false},
		{"{caller: true}", false},
		{"{A: {rate: 10/1s}}", false},
		{"{query: false}", false},
		{"{query: {rows: 0}}", false},
		{"{query: {time: 5}}", false},
		{"{query: {rate: 1/1s}}", false},
	} {
		checkAgrees(t, compiled, "limits: "+tt.limits, tt.sound)
	}
}

func checkAgrees(t *testing.T, compiled *jsonschema.Schema, part string, sound bool) {
	t.Helper()
	source := "ashlar: 1\nname: test\n" + part + "\n"
	_, faults := Files(map[string][]byte{model.MainFile: []byte(source)})
	if (len(faults) == 0) != sound {
		t.Errorf("Load of %s: %v, want sound %v", part, faults, sound)
	}
	if err := compiled.Validate(asJSON(t, source)); (err == nil) != sound {
		t.Errorf("schema on %s: %v, want sound %v", part, err, sound)
	}
}

func TestEditorSchemaIsJSON(t *testing.T) {
	var doc struct {
		Schema string `json:"$schema"`
	}
	if err := json.Unmarshal(JSONSchema(), &doc); err != nil || doc.Schema != schemaVersion {
		t.Errorf("$schema = %q, %v", doc.Schema, err)
	}
}
