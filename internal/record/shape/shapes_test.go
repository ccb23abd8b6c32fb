package shape

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const postsModel = `
ashlar: 1
name: shapes
tables:
  posts:
    key: int
    fields:
      n: {type: int}
      body: {type: text}
    access: {read: true}
`

// read gets a shape and keeps it, as a read does.
func read(t *testing.T, s *Shapes, filter string) *Shape {
	t.Helper()
	key := Key{Table: s.rules.Model.Table("posts"), Filter: filter, List: true}
	shape, err := s.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	s.Keep(key, shape)
	return shape
}

// A client that sends ever new filters does not push out a shape that is used, nor the model's own.
func TestExhaustion_ShapesInUseStay(t *testing.T) {
	rules := modeltest.Rules(t, postsModel)
	s := NewShapes(rules, rules.Model.Tables)
	used, unused, own := read(t, s, "n == 1"), read(t, s, "n == 2"), read(t, s, "")
	for i := range 3000 {
		read(t, s, fmt.Sprintf("n > %d", i))
		if read(t, s, "n == 1") != used {
			t.Fatalf("the shape in use was pushed out by %d others", i)
		}
	}
	if read(t, s, "n == 2") == unused {
		t.Error("a shape that nobody used is still there")
	}
	if read(t, s, "") != own {
		t.Error("the model's own shape was pushed out")
	}
	if n := s.recent.Len(); n > 1000 {
		t.Errorf("%d shapes are kept", n)
	}
}

// Shapes count by their size, and the size of a shape grows with its statements.
func TestExhaustion_ShapesAreBoundedByBytes(t *testing.T) {
	rules := modeltest.Rules(t, postsModel)
	s := NewShapes(rules, rules.Model.Tables)
	for i := range 1000 {
		read(t, s, fmt.Sprintf("body == '%s%d'", strings.Repeat("x", 4000), i))
	}
	if n, size := s.recent.Len(), s.recent.Size(); n < 50 || size > maxBytes {
		t.Errorf("%d shapes of %d bytes are kept, want at most %d bytes", n, size, maxBytes)
	}
}
