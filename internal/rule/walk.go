package rule

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// needsNoRow says whether a node is the same for every row.
func needsNoRow(node Node) bool {
	free := true
	walk(node, func(n Node) {
		switch n.(type) {
		case *Column, *Many:
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
	case *Converted:
		return []Node{n.X}
	case *Many:
		if n.Body != nil {
			return []Node{n.Body}
		}
	}
	return nil
}

// Relates says whether the expression looks at other rows than its own.
func Relates(node Node) bool {
	relates := false
	walk(node, func(n Node) {
		switch n := n.(type) {
		case *Column:
			relates = relates || len(n.Path.Steps) > 0
		case *Many:
			relates = true
		}
	})
	return relates
}

// IsWho says whether an expression that needs no row is what tells one caller from another: the id or the address.
func IsWho(node Node) bool {
	a, ok := node.(*Auth)
	return ok && (a.Attr == AuthID || a.Attr == AuthEmail)
}

// RootedIn says whether an expression looks at nothing but a row and what relates to it.
func RootedIn(node Node, row *Row) bool {
	inside := map[*Row]bool{row: true}
	rooted := true
	walk(node, func(n Node) { // a macro comes before what it asks of its items
		switch n := n.(type) {
		case *Column:
			rooted = rooted && inside[n.Path.Root]
		case *Many:
			rooted = rooted && inside[n.From.Root]
			inside[n.Item] = true
		}
	})
	return rooted
}

// UsesOld says whether the expression names the row as it was.
func UsesOld(node Node) bool {
	uses := false
	walk(node, func(n Node) {
		switch n := n.(type) {
		case *Column:
			uses = uses || n.Path.Root.Role == Old
		case *Many:
			uses = uses || n.From.Root.Role == Old
		}
	})
	return uses
}

// Names says whether the expression names one of the fields of its row, or steps through one that is a reference.
func Names(node Node, fields []*model.Field) bool {
	names := false
	walk(node, func(n Node) {
		switch n := n.(type) {
		case *Column:
			names = names || n.Path.Root.Role == Self && slices.Contains(fields, n.first())
		case *Many:
			names = names || n.From.Root.Role == Self && len(n.From.Steps) > 0 && slices.Contains(fields, n.From.Steps[0].Field)
		}
	})
	return names
}

// first is the field of the row that the path begins with.
func (n *Column) first() *model.Field {
	if len(n.Path.Steps) > 0 {
		return n.Path.Steps[0].Field
	}
	return n.Field
}

// Follows says whether the expression steps through one of these references of its row.
func Follows(node Node, references []*model.Field) bool {
	follows := false
	walk(node, func(n Node) {
		var path Path
		switch n := n.(type) {
		case *Column:
			path = n.Path
		case *Many:
			path = n.From
		}
		follows = follows || len(path.Steps) > 0 && path.Root.Role == Self && slices.Contains(references, path.Steps[0].Field)
	})
	return follows
}

// Counts says whether the expression counts rows of a table that a relation leads to, or asks for exactly one of them.
func Counts(node Node, table *model.Table) bool {
	counts := false
	walk(node, func(n Node) {
		if m, ok := n.(*Many); ok && m.Relation.To == table {
			counts = counts || m.Ask == Count || m.Ask == ExistsOne
		}
	})
	return counts
}

// UsesNow says whether the expression depends on the time.
func UsesNow(node Node) bool {
	uses := false
	walk(node, func(n Node) {
		_, now := n.(*Now)
		uses = uses || now
	})
	return uses
}

// Columns returns the columns that an expression names, in macros as well.
func Columns(node Node) []*Column {
	var columns []*Column
	walk(node, func(n Node) {
		if column, ok := n.(*Column); ok {
			columns = append(columns, column)
		}
	})
	return columns
}

// OwnFields returns the fields of its row that an expression names. ok is false where it needs more than that row: another
// one, the row as it was, or a request.
func OwnFields(node Node) (fields []*model.Field, ok bool) {
	ok = true
	walk(node, func(n Node) {
		switch n := n.(type) {
		case *Column:
			fields = append(fields, n.Field)
			ok = ok && len(n.Path.Steps) == 0 && n.Path.Root.Role == Self
		case *Many, *Slot, *Auth, *Now, *Arg, *Param:
			ok = false
		}
	})
	return fields, ok
}
