package rule

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// rowIndependent reports whether a node is the same for every row.
func rowIndependent(node Node) bool {
	free := true
	walk(node, func(sub Node) {
		switch sub.(type) {
		case *Column, *Quantified:
			free = false
		}
	})
	return free
}

// walk calls f for n and every node below it.
func walk(node Node, f func(Node)) {
	f(node)
	for _, child := range children(node) {
		walk(child, f)
	}
}

func children(node Node) []Node {
	switch n := node.(type) {
	case *Not:
		return []Node{n.X}
	case *And:
		return n.Xs
	case *Or:
		return n.Xs
	case *If:
		return []Node{n.Cond, n.Then, n.Else}
	case *Compare:
		return []Node{n.L, n.R}
	case *In:
		return append([]Node{n.X}, n.Items...)
	case *InList:
		return []Node{n.X, n.List}
	case *Arith:
		return []Node{n.L, n.R}
	case *Neg:
		return []Node{n.X}
	case *Call:
		return n.Args
	case *Has:
		return []Node{n.X}
	case *Rounded:
		return []Node{n.X}
	case *Quantified:
		if n.Body != nil {
			return []Node{n.Body}
		}
	}
	return nil
}

// Related returns the tables of the other rows that an expression reads, each once.
func Related(node Node) []*model.Table {
	var tables []*model.Table
	add := func(relations ...*model.Relation) {
		for _, relation := range relations {
			if !slices.Contains(tables, relation.To) {
				tables = append(tables, relation.To)
			}
		}
	}
	walk(node, func(sub Node) {
		switch n := sub.(type) {
		case *Column:
			add(n.Path.Steps...)
		case *Quantified:
			add(n.From.Steps...)
			add(n.Relation)
		}
	})
	return tables
}

// Relates reports whether the expression reads rows other than its own.
func Relates(node Node) bool {
	relates := false
	walk(node, func(sub Node) {
		switch n := sub.(type) {
		case *Column:
			relates = relates || len(n.Path.Steps) > 0
		case *Quantified:
			relates = true
		}
	})
	return relates
}

// IdentifiesCaller reports whether a node is the id, the address, the session or the key of the caller: no two callers
// share it.
func IdentifiesCaller(node Node) bool {
	a, ok := node.(*Auth)
	return ok && slices.Contains([]Attr{AuthID, AuthEmail, AuthSession, AuthKey}, a.Attr)
}

// RootedIn reports whether an expression reads only a row and rows related to it.
func RootedIn(node Node, row *Row) bool {
	inside := map[*Row]bool{row: true}
	rooted := true
	walk(node, func(sub Node) { // a macro comes before its body
		switch n := sub.(type) {
		case *Column:
			rooted = rooted && inside[n.Path.Root]
		case *Quantified:
			rooted = rooted && inside[n.From.Root]
			inside[n.Item] = true
		}
	})
	return rooted
}

// UsesOld reports whether the expression names the old row.
func UsesOld(node Node) bool {
	uses := false
	walk(node, func(sub Node) {
		switch n := sub.(type) {
		case *Column:
			uses = uses || n.Path.Root.Role == Old
		case *Quantified:
			uses = uses || n.From.Root.Role == Old
		}
	})
	return uses
}

// Names reports whether the expression names one of the fields of its row, or follows one of them to another row.
func Names(node Node, fields []*model.Field) bool {
	names := false
	walk(node, func(sub Node) {
		switch n := sub.(type) {
		case *Column:
			names = names || (n.Path.Root.Role == Self && slices.Contains(fields, n.first()))
		case *Quantified:
			names = names || (n.From.Root.Role == Self && len(n.From.Steps) > 0 && slices.Contains(fields, n.From.Steps[0].Field))
		}
	})
	return names
}

// first returns the first field of the column's path.
func (n *Column) first() *model.Field {
	if len(n.Path.Steps) > 0 {
		return n.Path.Steps[0].Field
	}
	return n.Field
}

// Follows reports whether the expression follows one of these references of its row.
func Follows(node Node, references []*model.Field) bool {
	follows := false
	walk(node, func(sub Node) {
		var path Path
		switch n := sub.(type) {
		case *Column:
			path = n.Path
		case *Quantified:
			path = n.From
		}
		follows = follows || (len(path.Steps) > 0 && path.Root.Role == Self && slices.Contains(references, path.Steps[0].Field))
	})
	return follows
}

// Counts reports whether the expression counts rows of a related table, or asks for exactly one of them.
func Counts(node Node, table *model.Table) bool {
	counts := false
	walk(node, func(sub Node) {
		if m, ok := sub.(*Quantified); ok && m.Relation.To == table {
			counts = counts || m.Quantifier == Count || m.Quantifier == ExistsOne
		}
	})
	return counts
}

// asksCaller reports whether an expression depends on the caller.
func asksCaller(node Node) bool {
	asks := false
	walk(node, func(sub Node) {
		_, auth := sub.(*Auth)
		asks = asks || auth
	})
	return asks
}

// NamesCaller reports whether the expression depends on the caller.
func NamesCaller(node Node) bool { return asksCaller(node) }

// UsesNow reports whether the expression depends on the time.
func UsesNow(node Node) bool {
	uses := false
	walk(node, func(sub Node) {
		_, now := sub.(*Now)
		uses = uses || now
	})
	return uses
}

// Columns returns the columns in an expression, including its macros.
func Columns(node Node) []*Column {
	var columns []*Column
	walk(node, func(sub Node) {
		if column, ok := sub.(*Column); ok {
			columns = append(columns, column)
		}
	})
	return columns
}

// OwnFields returns the fields of its row that an expression names. ok is false if it needs more: another row, the
// old row, or a request.
func OwnFields(node Node) (fields []*model.Field, ok bool) {
	ok = true
	walk(node, func(sub Node) {
		switch n := sub.(type) {
		case *Column:
			fields = append(fields, n.Field)
			ok = ok && len(n.Path.Steps) == 0 && n.Path.Root.Role == Self
		case *Quantified, *Slot, *Auth, *Now, *Arg, *Param:
			ok = false
		}
	})
	return fields, ok
}

// Items calls each for every quantifier in an expression.
func Items(node Node, each func(*Quantified)) {
	walk(node, func(sub Node) {
		if quant, ok := sub.(*Quantified); ok {
			each(quant)
		}
	})
}
