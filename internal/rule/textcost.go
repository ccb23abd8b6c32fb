package rule

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A database checks no deadline within one row: a text function runs to its end, even after the client got its
// answer. These limits therefore bound the work of a request's text functions on one row before the statement runs.
// At the limits, a row takes about 50 ms on PostgreSQL.
const (
	// maxTextRead bounds the bytes read.
	maxTextRead = 16 << 20
	// maxTextSearch bounds the worst case of contains: bytes of the part times bytes of the text.
	maxTextSearch = maxTextPart << 20
	// maxTextPart is the largest part for contains in a text without max.
	maxTextPart = 512

	unboundedText = 1 << 20  // bytes of a text without max: the body of a request has no more
	requestText   = 64 << 10 // bytes of a text in a request, from its header's limit
)

// TextCost is the largest cost of a filter's text functions for one row. The zero value costs nothing.
type TextCost struct {
	read, search int64
	parts        []textPart
}

// textPart is a part for contains that comes with the request.
type textPart struct {
	slot  *Slot
	in    int64 // bytes of the searched text
	times int64
}

// TextCostOf returns the cost of a filter with extracted slots.
func TextCostOf(filter Node) TextCost {
	var c TextCost
	c.add(filter)
	return c
}

// Exceeded describes the exceeded limit for the values of the slots, "" if there is none.
func (c *TextCost) Exceeded(slots []value.Value) string {
	search := c.search
	for _, p := range c.parts {
		search = addCapped(search, multiplyCapped(searchCost(int64(len(slots[p.slot.Index].Text)), p.in), p.times))
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

// searchCost returns the cost of looking for a part in a text. A part longer than the text counts only with the text's length.
func searchCost(part, in int64) int64 { return min(part, in) * in }

// maxCost caps sums. It is above all limits, and the product of two costs does not overflow.
const maxCost = 1 << 31

func addCapped(a, b int64) int64      { return min(a+b, maxCost) }
func multiplyCapped(a, b int64) int64 { return min(a, maxCost) * min(b, maxCost) }

// repeat adds the cost since before, more times.
func (c *TextCost) repeat(before TextCost, more int64) {
	c.read = addCapped(c.read, multiplyCapped(c.read-before.read, more))
	c.search = addCapped(c.search, multiplyCapped(c.search-before.search, more))
	for i := len(before.parts); i < len(c.parts); i++ {
		c.parts[i].times = addCapped(c.parts[i].times, multiplyCapped(c.parts[i].times, more))
	}
}

// add adds the cost of a node and returns its largest length in bytes, 0 for anything but a text.
func (c *TextCost) add(node Node) int64 {
	var sizes [3]int64
	before := *c
	for i, child := range children(node) {
		size := c.add(child)
		if i < len(sizes) {
			sizes[i] = size
		}
		if in, ok := node.(*In); ok && i == 0 {
			c.repeat(before, evaluations(in)-1)
		}
	}
	switch n := node.(type) {
	case *Const:
		return int64(len(n.Value.Text))
	case *Slot, *Arg, *Auth:
		return requestText
	case *Column:
		return maxBytes(n.Field)
	case *If:
		return max(sizes[1], sizes[2])
	case *Call:
		if n.Func == EndsWith {
			c.repeat(before, 1) // PostgreSQL evaluates both operands twice
		}
		return c.call(n, sizes[0], sizes[1])
	}
	return 0
}

// evaluations counts how often the engines evaluate the left operand of in: once for all constants, and once for each
// other item.
func evaluations(in *In) int64 {
	n, constants := int64(0), int64(0)
	for _, item := range in.Items {
		if rowIndependent(item) && item.Kind() == in.X.Kind() {
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
		} else if _, ok := n.Args[1].(*Const); ok || !rowIndependent(n.Args[1]) { // others are slots when the filter is asked
			c.search = addCapped(c.search, searchCost(other, text))
		}
	}
	c.read = addCapped(c.read, text)
	return text
}

// maxBytes returns the largest length of a field's value in bytes, if it is text in expressions.
func maxBytes(field *model.Field) int64 {
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
