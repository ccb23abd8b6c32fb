package rule

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A database works on one row without a look at the clock: a text function that has begun runs to its end, also after the
// client has its answer. So what the text functions of a request may do with one row is bounded before the statement runs.
// A row of the largest texts then takes about 50 ms on PostgreSQL, whoever chose the texts.
const (
	// maxTextRead is how many bytes they may read.
	maxTextRead = 16 << 20
	// maxTextSearch bounds what contains compares at its worst: the bytes that it looks for, times those that it looks through.
	maxTextSearch = maxTextPart << 20
	// maxTextPart is how many bytes contains may look for where a text has no max.
	maxTextPart = 512

	unboundedText = 1 << 20  // bytes of a text without max: the body of a request has no more
	requestText   = 64 << 10 // bytes of a text that comes with a request: its header has no more
)

// TextCost is what the text functions of a filter may do with one row. The zero value is that of a filter without any.
type TextCost struct {
	read, search int64
	parts        []textPart
}

// textPart is a text that contains looks for and that comes with the request.
type textPart struct {
	slot  *Slot
	in    int64 // bytes that it is looked for in
	times int64
}

// TextCostOf returns the cost of a filter whose slots are extracted.
func TextCostOf(filter Node) TextCost {
	var c TextCost
	c.add(filter)
	return c
}

// Exceeded says what is too much, given what the slots came to; "" where nothing is.
func (c *TextCost) Exceeded(slots []value.Value) string {
	search := c.search
	for _, p := range c.parts {
		search = plus(search, times(searched(int64(len(slots[p.slot.Index].Text)), p.in), p.times))
	}
	switch {
	case c.read > maxTextRead:
		return fmt.Sprintf("the text functions of the filter may read %d MiB of one row, and the limit is %d MiB: "+
			"use fewer of them (+, contains, startsWith, endsWith, lowerAscii, upperAscii, size), or fields with a smaller max",
			(c.read+1<<20-1)>>20, maxTextRead>>20)
	case search > maxTextSearch:
		return fmt.Sprintf("contains looks for too long a text: in fields without max, all that a filter looks for may have %d bytes together: "+
			"look for less, or in fields with a smaller max", maxTextPart)
	}
	return ""
}

// searched is the cost of looking for a part in a text: one that is longer than the text is not looked for.
func searched(part, in int64) int64 { return min(part, in) * in }

// mostCost is where sums end: it is above all limits, and the product of two is still a number.
const mostCost = 1 << 31

func plus(a, b int64) int64  { return min(a+b, mostCost) }
func times(a, b int64) int64 { return min(a, mostCost) * min(b, mostCost) }

// again adds the cost that has come since before so many times more.
func (c *TextCost) again(before TextCost, more int64) {
	c.read = plus(c.read, times(c.read-before.read, more))
	c.search = plus(c.search, times(c.search-before.search, more))
	for i := len(before.parts); i < len(c.parts); i++ {
		c.parts[i].times = plus(c.parts[i].times, times(c.parts[i].times, more))
	}
}

// add adds the cost of n and returns how many bytes n has at most, 0 where it is no text.
func (c *TextCost) add(node Node) int64 {
	var sizes [3]int64
	before := *c
	for i, child := range children(node) {
		size := c.add(child)
		if i < len(sizes) {
			sizes[i] = size
		}
		if in, ok := node.(*In); ok && i == 0 {
			c.again(before, evaluations(in)-1)
		}
	}
	switch n := node.(type) {
	case *Const:
		return int64(len(n.Value.Text))
	case *Slot, *Arg, *Auth:
		return requestText
	case *Column:
		return mostBytes(n.Field)
	case *If:
		return max(sizes[1], sizes[2])
	case *Call:
		if n.Func == EndsWith {
			c.again(before, 1) // PostgreSQL evaluates both operands twice
		}
		return c.call(n, sizes[0], sizes[1])
	}
	return 0
}

// evaluations is how often the engines evaluate the operand of an in: once for all constants, and for each other item.
func evaluations(in *In) int64 {
	n, constants := int64(0), int64(0)
	for _, item := range in.Items {
		if needsNoRow(item) && item.Kind() == in.X.Kind() {
			constants = 1
		} else {
			n++
		}
	}
	return max(n+constants, 1)
}

func (c *TextCost) call(n *Call, text, other int64) int64 {
	switch n.Func {
	case Concat:
		text = min(text+other, value.MaxConcat)
	case Contains:
		if slot, ok := n.Args[1].(*Slot); ok {
			c.parts = append(c.parts, textPart{slot, text, 1})
		} else if _, ok := n.Args[1].(*Const); ok || !needsNoRow(n.Args[1]) { // others are slots when the filter is asked
			c.search = plus(c.search, searched(other, text))
		}
	}
	c.read = plus(c.read, text)
	return text
}

// mostBytes is how many bytes a value of a field has at most, where it is text in expressions.
func mostBytes(field *model.Field) int64 {
	switch field.Type {
	case model.Text:
		if field.Max != nil {
			return min(*field.Max*4, unboundedText) // a code point has at most four bytes
		}
		return unboundedText
	case model.Enum:
		most := 0
		for _, member := range field.Values {
			most = max(most, len(member.Name))
		}
		return int64(most)
	case model.UUID, model.Date:
		return 36
	}
	return 0
}
