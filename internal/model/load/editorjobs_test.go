package load

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// TestEditorAgreesAboutJobs shows the same keys to the loader and to the schema.
func TestEditorAgreesAboutJobs(t *testing.T) {
	compiled, err := compileSchema(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(asJSON(t, wholeJobs)); err != nil {
		t.Error(err)
	}
	const tables = "ashlar: 1\nname: test\nroles: [r]\naccounts: {mail: {folder: m}}\ntables: {o: {fields: {n: {type: int}, at: {type: timestamp}, mail: {type: text, format: email}}}}\n"
	for _, tt := range []struct {
		part  string
		sound bool
	}{
		{"queues:", true},
		{"queues: {a: {}, b: {workers: 1, rate: 10/s, each: {by: n}}}", true},
		{"queues: {a: }", false},
		{"queues: {a: {workers: 0}}", false},
		{"queues: {a: {rate: 10/0s}}", false},
		{"queues: {a: {each: n}}", false},
		{"queues: {a: {each: {at_once: 1}}}", false},
		{"queues: {A: {}}", false},
		{"jobs:", true},
		{"jobs: {a: {on: o.create, work: pull}, b: {on: [o.create, o.delete], work: go}}", true},
		{"jobs: {a: {table: o, at: at, when: n == 1, work: pull}}", true},
		{"jobs: {a: {cron: '@daily', zone: UTC, missed: every, access: {enqueue: true}, work: pull}}", true},
		{"jobs: {a: {args: {x: {ref: o}, y: {type: text, max: 3, optional: true}}, work: pull}}", true},
		{"jobs: {a: {access: {enqueue: true}, work: pull, once: true, at_most: 2m, tries: 1, priority: 0, queue: default}}", true},
		{"jobs: {a: {on: o.create, work: pull, once: {by: [n], within: 1d}}}", true},
		{"jobs: {a: {on: o.create, mail: {to: mail, template: t, send: [n]}, as: {roles: [r]}}}", true},
		{"jobs: {a: {every: 10s, post: {url: $U, secret: $S, headers: {X-A: b}}}}", true},
		{"jobs: {a: {every: 1h, table: o, delete: n == 1, as: system}}", true},
		{"jobs: {a: {every: 1h, table: o, update: {where: n == 1, set: {n: 2}}, as: system}}", true},
		{"jobs: {a: {on: o.create, post: {url: $U, send: []}, as: system}}", false},
		{"jobs: {a: {work: pull}}", false},
		{"jobs: {a: {every: 1h}}", false},
		{"jobs: {a: {every: 1h, work: push}}", false},
		{"jobs: {a: {every: 1h, work: pull, mail: {to: a@b.example}}}", false},
		{"jobs: {a: {on: o.read, work: pull}}", false},
		{"jobs: {a: {on: [], work: pull}}", false},
		{"jobs: {a: {on: [o.create, o.create], work: pull}}", false},
		{"jobs: {a: {on: o.create, every: 1h, work: pull}}", false},
		{"jobs: {a: {on: o.create, table: o, work: pull}}", false},
		{"jobs: {a: {on: o.create, access: {enqueue: true}, work: pull}}", false},
		{"jobs: {a: {every: 1h, when: n == 1, work: pull}}", false},
		{"jobs: {a: {every: 1h, args: {x: {type: int}}, work: pull}}", false},
		{"jobs: {a: {every: 1h, zone: UTC, work: pull}}", false},
		{"jobs: {a: {at: at, work: pull}}", false},
		{"jobs: {a: {every: 1h, access: {}, work: pull}}", false},
		{"jobs: {a: {args: {x: {type: int, default: 3}}, work: pull}}", false},
		{"jobs: {a: {args: {x: int}, work: pull}}", false},
		{"jobs: {a: {args: {}, work: pull}}", false},
		{"jobs: {a: {args: , work: pull}}", false},
		{"jobs: {a: {every: 1h, work: go, as: admin}}", false},
		{"jobs: {a: {every: 1h, work: go, as: {}}}", false},
		{"jobs: {a: {every: 1h, work: go, as: {roles: []}}}", false},
		{"jobs: {a: {every: 1h, work: pull, once: false}}", false},
		{"jobs: {a: {every: 1h, work: pull, priority: 10}}", false},
		{"jobs: {a: {every: 1h, post: {}}}", false},
		{"jobs: {a: {every: 1h, post: {url: $U, secret: plain}}}", false},
		{"jobs: {a: {every: 1h, mail: a@b.example}}", false},
		{"jobs: {a: {every: 1h, table: o, update: {where: true}, as: system}}", false},
		{"jobs: {a: {every: 1h, work: pull, colour: red}}", false},
		{"jobs: {A: {every: 1h, work: pull}}", false},
		{"webhooks:", true},
		{"webhooks: {a: {on: o.create, to: $U, secret: $S, order: n, when: n == 1}}", true},
		{"webhooks: {a: {on: o.create, to: https://a.example, send: [n], as: system}}", true},
		{"webhooks: {a: {on: o.create}}", false},
		{"webhooks: {a: {to: $U}}", false},
		{"webhooks: {a: {on: o.create, to: $U, send: [n]}}", false},
		{"webhooks: {a: {on: o.create, to: $U, as: system}}", false},
		{"webhooks: {a: {on: o.create, to: $U, secret: plain}}", false},
		{"webhooks: {a: {on: o.create, to: $U, colour: red}}", false},
		{"backups:", true},
		{"backups: {to: $U}", true},
		{"backups: {to: /srv/backups, every: 6h, keep: {days: 3}, drill: false}", true},
		{"backups: {to: 's3://shop/all?endpoint=https://s3.example&region=eu', drill: 1d, lock_with: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p, drill_key: file:/run/key}", true},
		{"backups: {every: 1d}", false},
		{"backups: {to: $U, keep: {}}", false},
		{"backups: {to: $U, keep: {days: -1}}", false},
		{"backups: {to: $U, keep: {years: 1}}", false},
		{"backups: {to: $U, any_moment_of: 7d}", false},
	} {
		source := tables + tt.part + "\n"
		_, faults := Files(map[string][]byte{model.MainFile: []byte(source)})
		if (len(faults) == 0) != tt.sound {
			t.Errorf("Load of %s: %v, want sound %v", tt.part, faults, tt.sound)
		}
		if err := compiled.Validate(asJSON(t, source)); (err == nil) != tt.sound {
			t.Errorf("schema on %s: %v, want sound %v", tt.part, err, tt.sound)
		}
	}
}
