package rule

import "github.com/ashlar-dev/ashlar/internal/schema"

// needsNoRow says whether a node is the same for every row.
func needsNoRow(n Node) bool {
	free := true
	walk(n, func(n Node) {
		switch n.(type) {
		case *Column, *Many:
			free = false
		}
	})
	return free
}

// walk calls f for n and every node below it.
func walk(n Node, f func(Node)) {
	f(n)
	for _, child := range children(n) {
		walk(child, f)
	}
}

func children(n Node) []Node {
	switch n := n.(type) {
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
func Relates(n Node) bool {
	relates := false
	walk(n, func(n Node) {
		switch n := n.(type) {
		case *Column:
			relates = relates || len(n.Path.Steps) > 0
		case *Many:
			relates = true
		}
	})
	return relates
}

// UsesOld says whether the expression names the row as it was.
func UsesOld(n Node) bool {
	uses := false
	walk(n, func(n Node) {
		switch n := n.(type) {
		case *Column:
			uses = uses || n.Path.Root.Role == Old
		case *Many:
			uses = uses || n.From.Root.Role == Old
		}
	})
	return uses
}

// UsesNow says whether the expression depends on the time.
func UsesNow(n Node) bool {
	uses := false
	walk(n, func(n Node) {
		_, now := n.(*Now)
		uses = uses || now
	})
	return uses
}

// OwnFields returns the fields of its row that an expression names. ok is false where it needs more than that row: another
// one, the row as it was, or a request.
func OwnFields(n Node) (fields []*schema.Field, ok bool) {
	ok = true
	walk(n, func(n Node) {
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
