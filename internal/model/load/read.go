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

// Each reader of this file takes a node and its name for messages. It reports a node that it cannot read, unless the
// node is invalid: that fault was reported before.

// isObject reports whether a node is a group of keys.
func (l *loader) isObject(value *node, what string) bool {
	if value.kind != object && value.kind != invalid {
		l.fault(value.pos, "%s must be a group of keys, not %s", what, value.kind)
	}
	return value.kind == object
}

// known returns the members of an object with a key in keys. It reports all other members.
func (l *loader) known(group *node, what string, keys []string) []member {
	var known []member
	for _, key := range group.members {
		if slices.Contains(keys, key.name) {
			known = append(known, key)
			continue
		}
		advice := cmp.Or(foreignKey(key.name, keys), suggest.DidYouMean(key.name, keys), "; it has "+sentence(keys))
		l.fault(key.pos, "%s has no key %s%s", what, quote(key.name), advice)
		group.incomplete = true
	}
	return known
}

// require reports whether an object has all keys. It reports each missing key at the position of the object's name.
func (l *loader) require(group *node, at model.Pos, what string, keys ...string) bool {
	complete := true
	for _, key := range keys {
		if group.get(key) != nil {
			continue
		}
		complete = false
		if !group.incomplete {
			l.fault(at, "%s needs the key %s", what, key)
		}
	}
	return complete
}

func (l *loader) readList(value *node, what string) []*node {
	if value.kind != list && value.kind != invalid {
		l.fault(value.pos, "%s must be a list such as [a, b], not %s", what, value.kind)
	}
	return value.items
}

func (l *loader) readText(value *node, what string) (string, bool) {
	switch value.kind {
	case text:
		if strings.ContainsRune(value.text, 0) {
			l.fault(value.pos, "%s cannot contain U+0000", what)
			return "", false
		}
		return value.text, true
	case boolean, integer, float:
		l.fault(value.pos, "%s must be text, but YAML reads %s as %s: put it in quotes", what, value.text, value.kind)
	case null:
		l.fault(value.pos, "%s has no value", what)
	case list, object:
		l.fault(value.pos, "%s must be text, not %s", what, value.kind)
	}
	return "", false
}

func (l *loader) readBool(value *node, what string) bool {
	switch value.kind {
	case invalid:
		return false
	case boolean:
		return strings.EqualFold(value.text, "true")
	}
	advice := ""
	switch strings.ToLower(value.text) {
	case "yes", "on":
		advice = ": write true"
	case "no", "off":
		advice = ": write false"
	}
	l.fault(value.pos, "%s must be true or false%s", what, advice)
	return false
}

var (
	plainInt     = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	plainNumber  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	plainDecimal = regexp.MustCompile(`^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?$`)
)

// isNumber reports whether a node is a number that JSON and YAML read alike.
func isNumber(value *node) bool {
	return (value.kind == integer || value.kind == float) && plainNumber.MatchString(value.text)
}

// readInt reads a whole number from least to most.
func (l *loader) readInt(value *node, what string, least, most int64) (int64, bool) {
	if value.kind == invalid {
		return 0, false
	}
	i, err := strconv.ParseInt(value.text, 10, 64)
	if value.kind != integer || !plainInt.MatchString(value.text) || err != nil || i < least || i > most {
		l.fault(value.pos, "%s must be a whole number from %d to %d", what, least, most)
		return 0, false
	}
	return i, true
}

func (l *loader) readFloat(value *node, what string) (float64, bool) {
	if value.kind == invalid {
		return 0, false
	}
	number, err := strconv.ParseFloat(value.text, 64)
	if !isNumber(value) || err != nil || math.IsInf(number, 0) {
		l.fault(value.pos, "%s must be a number", what)
		return 0, false
	}
	return number + 0, true // adding 0 turns -0 into 0
}

// readDecimal returns a number, in the digits of the file, times 10^scale.
func (l *loader) readDecimal(value *node, what string, precision, scale int) (int64, bool) {
	if value.kind == invalid {
		return 0, false
	}
	parts := plainDecimal.FindStringSubmatch(value.text)
	if parts == nil || !isNumber(value) {
		l.fault(value.pos, "%s must be a number such as 9.50", what)
		return 0, false
	}
	sign, whole, fraction := parts[1], parts[2], strings.TrimRight(parts[3], "0")
	if len(fraction) > scale || len(strings.TrimLeft(whole, "0")) > precision-scale {
		l.fault(value.pos, "%s must be a decimal of precision %d and scale %d", what, precision, scale)
		return 0, false
	}
	i, err := strconv.ParseInt(sign+whole+fraction+strings.Repeat("0", scale-len(fraction)), 10, 64)
	return i, err == nil
}

// readChoice reads one of several words and returns its index.
func (l *loader) readChoice(value *node, what string, words []string) (int, bool) {
	word, ok := l.readText(value, what)
	if !ok {
		return 0, false
	}
	i := slices.Index(words, word)
	if i < 0 {
		l.fault(value.pos, "%s cannot be %s%s", what, quote(word),
			cmp.Or(suggest.DidYouMean(word, words), "; it is one of "+sentence(words)))
	}
	return i, i >= 0
}

// readExpr reads an expression. It returns nil for any other node.
func (l *loader) readExpr(value *node, what string) *model.Expr {
	switch value.kind {
	case invalid:
		return nil
	case null:
		l.fault(value.pos, "%s has no value: write true, false or an expression", what)
		return nil
	case list, object:
		l.fault(value.pos, "%s must be an expression, not %s: put quotes around one that begins with [ or {", what, value.kind)
		return nil
	}
	if strings.TrimSpace(value.text) == "" || strings.ContainsRune(value.text, 0) {
		l.fault(value.pos, "%s is empty: write true, false or an expression", what)
		return nil
	}
	return l.expr(value)
}

func (l *loader) expr(value *node) *model.Expr {
	expr := &model.Expr{Text: value.text, Pos: value.pos, Spans: trace(value, l.model.Lines[value.pos.File])}
	if value.kind == boolean {
		expr.Text = strings.ToLower(value.text)
	}
	expr.Pos = expr.At(0)
	return expr
}
