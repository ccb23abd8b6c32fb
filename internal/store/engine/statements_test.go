package engine

import (
	"slices"
	"strings"
	"testing"
)

func TestStatementsDropTheOneUsedLongestAgo(t *testing.T) {
	c := NewStatements[int](3)
	put := func(sql string, n int, want ...int) {
		t.Helper()
		if kept, dropped := c.Put(sql, n); !kept || !slices.Equal(dropped, want) {
			t.Errorf("Put(%q) = %t, %v, want %v dropped", sql, kept, dropped, want)
		}
	}
	put("a", 1)
	put("b", 2)
	put("c", 3)
	if got, ok := c.Get("a"); got != 1 || !ok {
		t.Errorf("Get(a) = %d, %t", got, ok)
	}
	put("d", 4, 2)
	put("e", 5, 3)
	if _, ok := c.Get("b"); ok {
		t.Error("a statement that was dropped is there")
	}
	if kept, dropped := c.Put("a", 6); kept || dropped != nil {
		t.Errorf("Put of a text that is kept = %t, %v", kept, dropped)
	}
	dropped := c.Clear()
	if slices.Sort(dropped); !slices.Equal(dropped, []int{1, 4, 5}) || c.Len() != 0 {
		t.Errorf("Clear() = %v, and %d are left", dropped, c.Len())
	}
	put("f", 7)
}

func TestStatementsBoundTheirText(t *testing.T) {
	c := NewStatements[int](1000)
	if kept, _ := c.Put(strings.Repeat("x", LongestPrepared+1), 0); kept {
		t.Error("a statement that is too long is kept")
	}
	dropped := 0
	for i := range 100 {
		text := strings.Repeat("x", LongestPrepared-1-i)
		_, gone := c.Put(text, i)
		dropped += len(gone)
	}
	if c.bytes > maxStatementBytes || c.Len() != 100-dropped || dropped == 0 {
		t.Errorf("%d statements of %d bytes are kept, %d were dropped", c.Len(), c.bytes, dropped)
	}
}
