package statement

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const classesModel = `
ashlar: 1
name: classes
roles: [editor]
tables:
  notes:
    fields: {owner: {type: text}}
    access: {read: "owner == auth.id || 'editor' in auth.roles"}
`

var (
	ann    = caller.User(caller.Identity{ID: "ann"})
	bob    = caller.User(caller.Identity{ID: "bob"})
	editor = caller.User(caller.Identity{ID: "eve", Roles: []string{"editor"}})
)

func bind(rules *rule.Rules, who caller.Caller) *Binding {
	b := NewBinding(rules, sqlgen.SQLite)
	b.Begin(who, 0)
	return b
}

func TestCacheSharesStatementsWithinAClass(t *testing.T) {
	rules := modeltest.Rules(t, classesModel)
	cache, written := NewCache(1<<20), 0
	for _, tt := range []struct {
		name  string
		who   caller.Caller
		kind  byte
		extra string
		want  int // statements written so far
	}{
		{"the first caller", ann, 'a', "", 1},
		{"the same caller", ann, 'a', "", 1},
		{"another user with the same roles", bob, 'a', "", 1},
		{"an editor", editor, 'a', "", 2},
		{"nobody", caller.Caller{}, 'a', "", 3},
		{"the system", caller.System("test"), 'a', "", 4},
		{"another kind", ann, 'b', "", 5},
		{"another extra", ann, 'a', "x", 6},
		{"all over again", bob, 'a', "x", 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cache.Get(bind(rules, tt.who), tt.kind, tt.extra, func(*sqlgen.Generator) (*sqlgen.Statement, error) {
				written++
				return &sqlgen.Statement{SQL: fmt.Sprint(written)}, nil
			})
			if err != nil || written != tt.want {
				t.Errorf("%d statements were written, %v; want %d", written, err, tt.want)
			}
		})
	}
}

func TestVerdictsDecideOncePerClass(t *testing.T) {
	rules := modeltest.Rules(t, classesModel)
	verdicts, decided := NewVerdicts(), 0
	for i, who := range []caller.Caller{ann, bob, ann, editor, editor} {
		isEditor := i > 2
		if got := verdicts.Get(bind(rules, who), 'r', func() bool { decided++; return isEditor }); got != isEditor {
			t.Errorf("the verdict on caller %d is %v, want %v", i, got, isEditor)
		}
	}
	if decided != 2 {
		t.Errorf("%d decisions, want 2", decided)
	}
}

// A client that sends ever new queries does not push out a statement that is used.
func TestExhaustion_StatementsAreBounded(t *testing.T) {
	const size = 1 << 20
	b, cache := bind(modeltest.Rules(t, classesModel), ann), NewCache(size)
	get := func(extra, sql string) *Variant {
		t.Helper()
		v, err := cache.Variant(b, 'k', extra, func(*sqlgen.Generator) (*sqlgen.Statement, error) {
			return &sqlgen.Statement{SQL: sql}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	used := get("used", "SELECT 1")
	for i := range 2000 {
		get(fmt.Sprint(i), "SELECT 1")
		if get("used", "SELECT 2") != used {
			t.Fatalf("the statement in use was pushed out by %d others", i)
		}
	}
	for i := range 100 {
		get(fmt.Sprint("long", i), strings.Repeat("x", size/10))
	}
	if cache.Size() > size {
		t.Errorf("the cache holds %d bytes, want at most %d", cache.Size(), size)
	}
	if huge := get("huge", strings.Repeat("x", size)); huge == get("huge", "SELECT 3") {
		t.Error("a statement that is too long was kept")
	}
}
