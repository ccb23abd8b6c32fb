package load

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// isObject says whether n is a group of keys, and a fault where it is not.
func (l *loader) isObject(n *node, what string) bool {
	if n.kind != object && n.kind != refused {
		l.fault(n.pos, "%s is a group of keys, not %s", what, n.kind)
	}
	return n.kind == object
}

// known returns the members of an object whose keys are in keys, and says a fault for each other.
func (l *loader) known(n *node, what string, keys []string) []member {
	var known []member
	for _, m := range n.members {
		if slices.Contains(keys, m.name) {
			known = append(known, m)
			continue
		}
		l.fault(m.pos, "%s has no key %s%s", what, quoteShort(m.name),
			cmp.Or(foreignKey(m.name, keys), suggest.DidYouMean(m.name, keys), "; it has "+sentence(keys)))
		n.holes = true
	}
	return known
}

// foreignKey says which of the keys means what a key of another language does, "" where none is known.
func foreignKey(name string, keys []string) string {
	if key, value, ok := strings.Cut(name, ":"); ok && slices.Contains(keys, key) {
		return "; put a blank after the colon: " + key + ": " + value
	}
	ours := ""
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name)) {
	case "required", "notnull", "mandatory":
		if slices.Contains(keys, "optional") {
			return "; a field is required where it has no `optional: true`"
		}
	case "nullable", "null", "allownull":
		ours = "optional"
	case "maxlength", "length", "size", "maximum":
		ours = "max"
	case "minlength", "minimum":
		ours = "min"
	case "references", "foreignkey", "belongsto", "relation":
		ours = "ref"
	case "regex", "regexp", "match":
		ours = "pattern"
	case "description", "comment":
		ours = "doc"
	case "ondelete":
		ours = "on_delete"
	case "readonly":
		ours = "immutable"
	case "enum", "options", "choices":
		ours = "values"
	case "columns":
		ours = "fields"
	case "constraints", "validations":
		ours = "checks"
	case "rules", "permissions", "policies":
		ours = "access"
	}
	if slices.Contains(keys, ours) {
		return "; did you mean " + ours + "?"
	}
	return ""
}

// require says a fault for each key that is missing. at is the place of the object's name.
func (l *loader) require(n *node, at model.Pos, what string, keys ...string) bool {
	ok := true
	for _, key := range keys {
		if n.get(key) == nil {
			ok = false
			if !n.holes {
				l.fault(at, "%s needs the key %s", what, key)
			}
		}
	}
	return ok
}

func (l *loader) readList(n *node, what string) []*node {
	if n.kind != list && n.kind != refused {
		l.fault(n.pos, "%s is a list, as [a, b], not %s", what, n.kind)
	}
	return n.items
}

func (l *loader) readText(n *node, what string) (string, bool) {
	switch n.kind {
	case text:
		if strings.ContainsRune(n.text, 0) {
			l.fault(n.pos, "%s cannot hold U+0000", what)
			return "", false
		}
		return n.text, true
	case boolean, integer, float:
		l.fault(n.pos, "%s is text, but %s is read as %s: write it in quotes", what, n.text, n.kind)
	case null:
		l.fault(n.pos, "%s is missing here", what)
	case list, object:
		l.fault(n.pos, "%s is text, not %s", what, n.kind)
	}
	return "", false
}

func (l *loader) readBool(n *node, what string) bool {
	switch {
	case n.kind == refused:
	case n.kind != boolean:
		advice := ""
		switch strings.ToLower(n.text) {
		case "yes", "on":
			advice = ": write true"
		case "no", "off":
			advice = ": write false"
		}
		l.fault(n.pos, "%s is true or false%s", what, advice)
	default:
		return strings.EqualFold(n.text, "true")
	}
	return false
}

var (
	plainInt    = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// readInt reads a whole number from least to most.
func (l *loader) readInt(n *node, what string, least, most int64) (int64, bool) {
	if n.kind == refused {
		return 0, false
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	if n.kind != integer || !plainInt.MatchString(n.text) || err != nil || i < least || i > most {
		l.fault(n.pos, "%s is a whole number from %d to %d", what, least, most)
		return 0, false
	}
	return i, true
}

func (l *loader) readFloat(n *node, what string) (float64, bool) {
	if n.kind == refused {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if n.kind != integer && n.kind != float || !plainNumber.MatchString(n.text) || err != nil || math.IsInf(f, 0) {
		l.fault(n.pos, "%s is a number", what)
		return 0, false
	}
	return f + 0, true // + 0 makes 0 of -0
}

var plainDecimal = regexp.MustCompile(`^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?$`)

// readDecimal reads a number as written, times 10^scale.
func (l *loader) readDecimal(n *node, what string, precision, scale int) (int64, bool) {
	if n.kind == refused {
		return 0, false
	}
	m := plainDecimal.FindStringSubmatch(n.text)
	if n.kind != integer && n.kind != float || m == nil {
		l.fault(n.pos, "%s is a number, as 9.50", what)
		return 0, false
	}
	fraction := strings.TrimRight(m[3], "0")
	if len(fraction) > scale || len(strings.TrimLeft(m[2], "0")) > precision-scale {
		l.fault(n.pos, "%s is no decimal of precision %d and scale %d", what, precision, scale)
		return 0, false
	}
	i, err := strconv.ParseInt(m[1]+m[2]+fraction+strings.Repeat("0", scale-len(fraction)), 10, 64)
	return i, err == nil
}

// readChoice reads one word of several.
func (l *loader) readChoice(n *node, what string, words []string) (int, bool) {
	word, ok := l.readText(n, what)
	if !ok {
		return 0, false
	}
	i := slices.Index(words, word)
	if i < 0 {
		l.fault(n.pos, "%s cannot be %s%s", what, quoteShort(word),
			cmp.Or(suggest.DidYouMean(word, words), "; it is one of "+sentence(words)))
	}
	return i, i >= 0
}

// readExpr reads an expression. It returns nil where there is none.
func (l *loader) readExpr(n *node, what string) *model.Expr {
	switch n.kind {
	case refused:
		return nil
	case null:
		l.fault(n.pos, "%s is missing here: write true, false or an expression", what)
		return nil
	case list, object:
		l.fault(n.pos, "%s is an expression, not %s: put quotes around it where it begins with [ or {", what, n.kind)
		return nil
	}
	if strings.TrimSpace(n.text) == "" || strings.ContainsRune(n.text, 0) {
		l.fault(n.pos, "%s is empty: write true, false or an expression", what)
		return nil
	}
	return l.expr(n)
}

func (l *loader) expr(n *node) *model.Expr {
	e := &model.Expr{Text: n.text, Pos: n.pos, Spans: trace(n, l.m.Lines[n.pos.File])}
	if n.kind == boolean {
		e.Text = strings.ToLower(n.text)
	}
	e.Pos = e.At(0)
	return e
}
