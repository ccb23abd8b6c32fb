package advise

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A call is a query with values and a caller, all by name. It can run under several models.
type call struct {
	id     string // of the caller; "" for an anonymous one
	kind   string
	roles  []string
	args   map[string]string
	limit  int
	target value.Value // id of the row of a get
	most   int         // rows of its statement with the most

	repeats int // earlier calls with the same values
}

// callsOf returns calls of a query with values from the rows.
func (s *sampler) callsOf(ctx context.Context, rules *rule.Rules, q *query, kind string, n int) (calls []call, err error) {
	table := rules.Model.Table(q.table)
	filter := q.condition(rules)
	for i := range n {
		var own, same sampleRow
		if table.View == nil {
			if own, err = s.pick(ctx, table); err != nil {
				return nil, err
			}
		}
		if i%2 == 0 { // the values of one row go together; otherwise rare values come as often as others
			same = own
		}
		c := call{kind: kind, limit: q.limit}
		if c.args, err = s.arguments(ctx, rules, q, filter, same); err != nil {
			return nil, err
		}
		if kind != caller.KindAnonymous.String() {
			if c.id, err = s.callerOf(ctx, rules, table, filter, own); err != nil {
				return nil, err
			}
		}
		if own != nil {
			c.target = own[0]
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// arguments returns values for the arguments of a filter.
func (s *sampler) arguments(ctx context.Context, rules *rule.Rules, q *query, filter rule.Node, own sampleRow) (map[string]string, error) {
	if filter == nil {
		return nil, nil
	}
	table := rules.Model.Table(q.table)
	args := map[string]string{}
	for _, compared := range comparisons(filter) {
		arg, ok := compared.other.(*rule.Arg)
		if !ok || args[arg.Name] != "" {
			continue
		}
		v, err := s.valueOf(ctx, compared.column.Field, own, table)
		if err != nil {
			return nil, err
		}
		text := textOf(v)
		switch {
		case v.IsNull():
			continue
		case compared.how == pieces:
			text = pieceOf(text)
		}
		args[arg.Name] = text
	}
	_, declared, _ := rules.Filter(table, q.filter)
	for _, arg := range declared {
		if _, ok := args[arg.Name]; !ok {
			args[arg.Name] = anyValue(arg.Type)
		}
	}
	return args, nil
}

// callerOf returns the id of a user whom the query is likely to come from: one whom a column that is compared with the
// caller names.
func (s *sampler) callerOf(ctx context.Context, rules *rule.Rules, table *model.Table, filter rule.Node, own sampleRow) (string, error) {
	nodes := []rule.Node{rules.Table(table).Read, filter}
	for _, node := range nodes {
		if node == nil {
			continue
		}
		for _, compared := range comparisons(node) {
			if !namesCaller(compared.other) {
				continue
			}
			v, err := s.valueOf(ctx, compared.column.Field, own, table)
			if err != nil || !v.IsNull() {
				return v.Text, err
			}
		}
	}
	users := rules.Model.Table("users")
	if users == nil {
		return "", nil
	}
	row, err := s.pick(ctx, users)
	if err != nil || row == nil {
		return "", err
	}
	return row[0].Text, nil
}

// namesCaller returns true if a node is the id of the caller.
func namesCaller(node rule.Node) bool {
	if slot, ok := node.(*rule.Slot); ok {
		node = slot.Node
	}
	auth, ok := node.(*rule.Auth)
	return ok && auth.Attr == rule.AuthID
}

// caller returns the caller of the call.
func (c *call) caller(now time.Time) caller.Caller {
	who := caller.Identity{ID: c.id, Email: "somebody@example.com", Roles: c.roles, Verified: true, Methods: []string{"password"}, Since: now}
	switch {
	case c.kind == caller.KindSystem.String():
		return caller.System("advise")
	case c.id == "":
		return caller.Caller{}
	case c.kind == caller.KindService.String():
		return caller.Service(who)
	default:
		return caller.User(who)
	}
}

// A watched database keeps the statements of its last Read.
type watched struct {
	store.DB
	last []store.Statement
	most int // rows of the statement with the most
}

// Read implements store.DB. A read that the gate cuts short comes again, and then counts from the start.
func (w *watched) Read(ctx context.Context, f func(store.Reader) error) error {
	return w.DB.Read(ctx, func(r store.Reader) error {
		w.last, w.most = w.last[:0], 0
		return f(&watchedReader{r, w})
	})
}

type watchedReader struct {
	store.Reader
	w *watched
}

// Query implements store.Reader.
func (r *watchedReader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	r.w.last = append(r.w.last, store.Statement{SQL: sql, Args: append([]value.Value(nil), args...)})
	rows := 0
	return r.Reader.Query(sql, args, func(cols value.Row) error {
		rows++
		r.w.most = max(r.w.most, rows)
		return row(cols)
	})
}

// run runs a call and returns its statements.
func (w *watched) run(ctx context.Context, rows *record.DB, table *model.Table, q *query, c *call, now time.Time) ([]store.Statement, error) {
	w.last, w.most = nil, 0
	var err error
	if q.operation == "get" {
		_, err = rows.Get(ctx, c.caller(now), table, c.target, record.Selection{Fields: q.fields, Expand: q.expand}, nil)
	} else {
		_, err = rows.List(ctx, c.caller(now), table, q.request(c.args, c.limit), nil)
	}
	return w.last, err
}
