package rule

import (
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/parser"
)

func parse(text string, scope Scope) (*compiler, ast.Expr) {
	if scope.Limits == (Limits{}) {
		scope.Limits = ModelLimits
	}
	c := &compiler{Scope: scope, seen: map[string]*Arg{}, firstUse: map[string]ast.Expr{}}
	if len(text) > c.Limits.Bytes {
		c.problems = append(c.problems, Problem{c.Limits.Bytes, fmt.Sprintf("the expression is longer than %d bytes", c.Limits.Bytes)})
		return c, nil
	}
	c.text = []rune(text)
	if strings.TrimSpace(text) == "" {
		c.problems = append(c.problems, Problem{0, "the expression is empty"})
		return c, nil
	}
	p, err := parser.NewParser(
		parser.EnablePrattParser(true), // 9 µs an expression instead of 100
		parser.EnableVariadicOperatorASTs(true),
		parser.MaxRecursionDepth(c.Limits.Levels),
		parser.ErrorRecoveryLimit(4),
		// No macros: has(), exists() and the others arrive as calls, and package rule compiles them.
	)
	if err != nil {
		panic(err) // the options are constants
	}
	tree, errs := p.Parse(common.NewTextSource(text))
	for _, e := range errs.GetErrors() {
		at := c.offset(e.Location)
		if n := len(c.problems); n > 0 && at <= c.problems[n-1].Offset+len("<> ") {
			continue // the parser stumbles over the same place again
		}
		c.problems = append(c.problems, Problem{at, c.readable(at, e.Message)})
	}
	if len(c.problems) > 0 {
		return c, nil
	}
	c.info = tree.SourceInfo()
	return c, tree.Expr()
}

// readable puts the parser's words into ours.
func (c *compiler) readable(at int, message string) string {
	rest := strings.ToLower(string(c.text[at:]))
	switch {
	case strings.Contains(message, "recursion limit"):
		return fmt.Sprintf("the expression is nested more than %d levels deep", c.Limits.Levels)
	case strings.Contains(message, "mismatched input '<EOF>'"):
		return "the expression ends where a value is expected"
	case strings.Contains(message, "mismatched input <EOF>"):
		return "the expression ends before a parenthesis is closed"
	case strings.HasPrefix(rest, "="):
		return "compare with =="
	case strings.HasPrefix(rest, "and "), strings.HasPrefix(rest, "or "):
		return "write && for and, || for or"
	case strings.HasPrefix(rest, "like "), strings.HasPrefix(rest, "ilike "):
		return "write t.contains('…'), t.startsWith('…') or t.endsWith('…') for like"
	case strings.HasPrefix(rest, "is "):
		return "write == null for is null, and != null for is not null"
	case strings.HasPrefix(rest, "not in "):
		return "write !(x in […]) for not in"
	case strings.HasPrefix(rest, "between "):
		return "write x >= a && x <= b for between"
	case strings.HasPrefix(rest, ">") && at > 0 && c.text[at-1] == '<':
		return "write != for <>"
	case at > 3 && strings.TrimRight(string(c.text[:at]), " ") == "not":
		return "write ! for not"
	}
	return strings.TrimPrefix(message, "Syntax error: ")
}

// offset turns the parser's line (from 1) and column (from 0) into an offset.
func (c *compiler) offset(at common.Location) int {
	line, offset := 1, 0
	for offset < len(c.text) && line < at.Line() {
		if c.text[offset] == '\n' {
			line++
		}
		offset++
	}
	return min(offset+max(at.Column(), 0), len(c.text))
}

// offsetOf returns the position of an expression for messages: the name after the dot of a selection, or the name of
// a called function. The parser gives the dot and the parenthesis instead.
func (c *compiler) offsetOf(expr ast.Expr) int {
	r, ok := c.info.GetOffsetRange(expr.ID())
	at := int(r.Start)
	if !ok || at >= len(c.text) {
		return 0
	}
	switch c.text[at] {
	case '.':
		return at + 1
	case '(':
		for at > 0 && isWord(c.text[at-1]) {
			at--
		}
	}
	return at
}

// nameStart returns the offset where a name begins: for a selection, its outermost operand.
func (c *compiler) nameStart(expr ast.Expr) int {
	for expr.Kind() == ast.SelectKind {
		expr = expr.AsSelect().Operand()
	}
	return c.offsetOf(expr)
}

// nameEnd returns the offset where a name ends.
func (c *compiler) nameEnd(expr ast.Expr) int {
	end := c.offsetOf(expr)
	for end < len(c.text) && isWord(c.text[end]) {
		end++
	}
	return end
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
