package rule

import (
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model/load"
)

func TestPublic(t *testing.T) {
	const head = "ashlar: 1\nname: shop\nroles: [boss]\ntables:\n"
	for _, tt := range []struct {
		name, model string
		want        string // of the fault; "": none
	}{
		{"everybody reads", "  orders: {fields: {n: {type: int}}, access: {read: true}, cache: {public: 60s}}\n", ""},
		{"rows decide", "  orders: {fields: {open: {type: bool}}, access: {read: open}, cache: {public: 60s}}\n", ""},
		{"nobody reads", "  orders: {fields: {n: {type: int}}, cache: {public: 60s}}\n", ""},
		{"writers are known", "  orders: {fields: {n: {type: int, write: has(auth.id)}}, access: {read: true, write: has(auth.id)}, cache: {public: 60s}}\n", ""},
		{"a secret is not read", "  orders: {fields: {n: {type: text, secret: true}}, access: {read: true}, cache: {public: 60s}}\n", ""},
		{"only a node keeps", "  orders: {fields: {n: {type: int}}, access: {read: has(auth.id)}, cache: {stale: 60s}}\n", ""},
		{"the caller", "  orders: {fields: {n: {type: int}}, access: {read: \"n == 1 || 'boss' in auth.roles\"}, cache: {public: 60s}}\n",
			"orders cannot be public: its rule for reading (ashlar.yaml, line 5) names the caller"},
		{"the kind of the caller", "  orders: {fields: {n: {type: int}}, access: {read: auth.kind != 'user'}, cache: {public: 60s}}\n", "names the caller"},
		{"the time", "  orders: {fields: {at: {type: timestamp}}, access: {read: at < now}, cache: {public: 60s}}\n", "its rule for reading (ashlar.yaml, line 5) names now"},
		{"a field for some", "  orders:\n    cache: {public: 60s}\n    fields: {n: {type: int}, m: {type: int, read: n == 1 && has(auth.id)}}\n    access: {read: true}\n",
			"ashlar.yaml:6:13: orders cannot be public: its rule for reading m (ashlar.yaml, line 7) names the caller"},
		{"a field for a time, then one for some", "  orders: {fields: {n: {type: timestamp}, m: {type: int, read: n < now}, o: {type: int, read: has(auth.id)}}, access: {read: true}, cache: {public: 60s}}\n",
			"its rule for reading m (ashlar.yaml, line 5) names now"},
		{"related rows", "  items: {fields: {owner: {ref: users}}}\n  orders: {fields: {item: {ref: items}}, access: {read: item.owner_id == auth.id}, cache: {public: 60s}}\n", "names the caller"},
		{"many related rows", "  items: {fields: {order: {ref: orders, reverse: items}, owner: {ref: users}}}\n" +
			"  orders: {access: {read: \"items.exists(i, i.owner_id == auth.id)\"}, cache: {public: 60s}}\n", "names the caller"},
		{"a private table is related", "  items: {fields: {owner: {ref: users}}, access: {read: owner_id == auth.id}}\n" +
			"  orders: {fields: {item: {ref: items, reverse: orders}}, access: {read: true}, cache: {public: 60s}}\n", ""},
		{"addresses are private", "  users: {access: {read: true}, cache: {public: 60s}}\n", "users cannot be public: its rule for reading email"},
		{"users without a rule", "  users: {cache: {public: 60s}}\n", "users cannot be public: its rule for reading (ashlar.yaml, line 5) names the caller"},
		{"a view for all", "  orders: {fields: {n: {type: int}}, access: {read: has(auth.id)}}\n" +
			"views:\n  sums: {key: int, reads: [orders], query: SELECT 1 AS id, access: {read: true}, cache: {public: 60s}}\n", ""},
		{"a view for some", "views:\n  sums: {key: int, reads: [], query: SELECT 1 AS id, access: {read: has(auth.id)}, cache: {public: 60s}}\n", "sums cannot be public"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := strings.Replace(head+tt.model, "tables:\nviews:", "views:", 1)
			m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			_, faults = CompileModel(m)
			got := faults.Error()
			if (tt.want == "") != (len(faults) == 0) || len(faults) > 1 || !strings.Contains(got, tt.want) {
				t.Fatalf("faults = %v, want one with %q", faults, tt.want)
			}
			if len(faults) == 0 {
				return
			}
			lines := strings.Split(got, "\n")
			if caret := strings.Index(lines[2], "^"); !strings.HasPrefix(lines[1][caret:], "public:") {
				t.Errorf("the caret is not at public:\n%s", got)
			}
		})
	}
}

func TestDiffersBy(t *testing.T) {
	for _, tt := range []struct {
		read                string
		caller, time, binds bool
	}{
		{"true", false, false, false},
		{"at == timestamp('2026-01-01T00:00:00Z')", false, false, false},
		{"has(auth.id)", true, false, false},
		{"by_id == auth.id", true, false, false},
		{"at < now", false, true, true},
		{"at < now - duration('1h') && by_id == auth.id", true, true, true},
		{"now - auth.since < duration('10m')", true, true, false},
	} {
		source := "ashlar: 1\nname: shop\ntables:\n  orders: {fields: {at: {type: timestamp}, by: {ref: users}}, access: {read: \"" + tt.read + "\"}}\n"
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		rules, faults := CompileModel(m)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if by := rules.DiffersBy(m.Table("orders")); by.Caller != tt.caller || by.Time != tt.time || by.Binds != tt.binds || (by.Expr != nil) != (tt.caller || tt.time) {
			t.Errorf("DiffersBy of %q = %+v", tt.read, by)
		}
	}
}
