package rule

import (
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const costModel = `
ashlar: 1
name: cost
tables:
  notes:
    fields:
      body:  {type: text}
      title: {type: text, max: 100}
      kind:  {type: enum, values: [long, x]}
      n:     {type: int}
      flag:  {type: bool}
      parent: {ref: notes, optional: true, reverse: notes}
`

func TestTextCost(t *testing.T) {
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(costModel)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	table := m.Table("notes")
	many := func(n int, cond string) string { return strings.TrimSuffix(strings.Repeat(cond+" || ", n), " || ") }
	const read, search = "may read", "looks for too long"
	for _, tt := range []struct{ name, filter, arg, want string }{
		{"16 functions of a text without max", many(16, "body.startsWith('a')"), "", ""},
		{"17 of them", many(17, "body.startsWith('a')"), "", "may read 17 MiB of one row, and the limit is 16 MiB"},
		{"functions of functions", many(6, "body.lowerAscii().upperAscii().endsWith('a')"), "", read},
		{"a function beside a comparison", many(16, "body < 'x' || body.startsWith('a')"), "", ""},
		{"many of a text with max", many(40, "title.lowerAscii().contains('a')"), "", ""},
		{"an enum, a number", many(20, "kind.contains('a') || n + n > 3"), "", ""},
		{"texts put together", "size(" + strings.Repeat("body + ", 15) + "body) == 1", "", ""},
		{"more texts", "size(" + strings.Repeat("body + ", 16) + "body) == 1", "", read},
		{"in a macro", "notes.exists(x, " + many(17, "x.body.startsWith('a')") + ")", "", read},
		{"behind a step", many(17, "parent.body.endsWith('a')"), "", read},
		{"in a choice", "(n > 0 ? body : title) == 'a' || " + many(17, "(n > 0 ? body : title).startsWith('a')"), "", read},
		{"one text among constants", "body.lowerAscii().upperAscii() in [" + strings.Repeat("'x', ", 60) + "arg.q]", "", ""},
		{"one text among arguments", "body.lowerAscii().upperAscii() in [" + strings.Repeat("arg.q, ", 60) + "auth.email]", "", ""},
		{"one text among fields", "body.lowerAscii().upperAscii() in [" + strings.Repeat("title, ", 7) + "'x', 'y']", "", ""},
		{"one text among more fields", "body.lowerAscii().upperAscii() in [" + strings.Repeat("title, ", 8) + "'x', 'y']", "", read},
		{"a size among other numbers", "size(body) in [" + strings.Repeat("1.5, ", 16) + "1.5]", "", read},
		{"an outcome among many", "body.contains('" + strings.Repeat("x", 200) + "') in [flag, flag, flag]", "", search},
		{"an argument's among many", "body.contains(arg.q) in [flag, flag, flag]", strings.Repeat("x", 200), search},
		{"outcomes of outcomes", strings.Repeat("(", 28) + "body.contains(arg.q)" + strings.Repeat(" in [flag, flag, flag, flag])", 28), "x", read},
		{"512 bytes to find", "body.contains('" + strings.Repeat("x", 512) + "')", "", ""},
		{"513", "body.contains('" + strings.Repeat("x", 513) + "')", "", search},
		{"two parts", many(2, "body.contains('"+strings.Repeat("x", 257)+"')"), "", search},
		{"more in a text with max", "title.contains('" + strings.Repeat("x", 3000) + "')", "", ""},
		{"512 bytes of an argument", "body.contains(arg.q)", strings.Repeat("é", 256), ""},
		{"513 of an argument", "body.contains(arg.q)", strings.Repeat("é", 256) + "x", search},
		{"an argument twice", "body.contains(arg.q) || body.contains(arg.q)", strings.Repeat("x", 257), search},
		{"a longer argument in a text with max", "title.contains(arg.q)", strings.Repeat("x", 60_000), ""},
		{"an argument with more", "body.contains(arg.q + 'xx')", strings.Repeat("x", 511), search},
		{"a long argument at the start", "body.startsWith(arg.q)", strings.Repeat("x", 60_000), ""},
		{"a field in a field", "body.contains(title)", "", ""},
		{"a long one", "body.contains(body)", "", search},
		{"a long one in a short one", "title.contains(body)", "", ""},
		{"an argument in an argument", "arg.q.contains(arg.q) || n == 1", strings.Repeat("x", 60_000), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := exceeded(rules, table, tt.filter, tt.arg)
			if (tt.want == "" && got != "") || !strings.Contains(got, tt.want) {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
			if strings.Contains(tt.filter, "arg.") {
				return
			}
			if _, _, problems := Compile(tt.filter, Scope{Row: rules.Table(table).Row}); len(problems) > 0 {
				t.Errorf("a rule of the model has no such limit, but: %v", problems)
			}
		})
	}
}

// exceeded returns the message for a filter with one argument, in the words of a request's answer.
func exceeded(rules *Rules, table *model.Table, filter, arg string) string {
	node, args, problems := rules.Filter(table, filter)
	if len(problems) > 0 {
		return problems[0].Message
	}
	env := &Env{Args: map[string]value.Value{}}
	for _, a := range args {
		env.Args[a.Name] = value.OfText(arg)
	}
	slots := Slots{Base: len(rules.Slots.List)}
	cost := TextCostOf(slots.Extract(node))
	n := slots.Base + len(slots.List)
	states, values := make([]State, n), make([]value.Value, n)
	slots.Bind(env, states[slots.Base:], values[slots.Base:])
	return cost.Exceeded(values)
}

// A concatenated text has a largest length, even if no database computes it.
func TestEvalOfConcat(t *testing.T) {
	half := &Const{Value: value.OfText(strings.Repeat("é", value.MaxConcat/4))}
	whole := &Call{Func: Concat, Args: []Node{half, half}}
	if v, ok := Eval(whole, &Env{}); !ok || len(v.Text) != value.MaxConcat {
		t.Errorf("two halves are %d bytes, %v", len(v.Text), ok)
	}
	if _, ok := Eval(&Call{Func: Concat, Args: []Node{whole, &Const{Value: value.OfText("x")}}}, &Env{}); ok {
		t.Error("one byte more is a text too")
	}
}
