package pieces

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A text with its rest equals a slice with the same bytes, whatever is appended and cut.
func TestText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var text Text
	var want, rest []byte
	for i := range 300 {
		switch random.IntN(4) {
		case 0:
			size := random.IntN(len(want) + 1)
			want, rest = want[:size], text.Cut(size, rest)
		case 1:
			rest = text.Take(rest)
			if len(rest) >= Size {
				t.Fatalf("step %d: %d bytes are left", i, len(rest))
			}
		default:
			more := make([]byte, random.IntN(2*Size))
			for j := range more {
				more[j] = byte(i + j%251)
			}
			want, rest = append(want, more...), append(rest, more...)
		}
		if text.Len()+len(rest) != len(want) {
			t.Fatalf("step %d: %d and %d bytes, want %d", i, text.Len(), len(rest), len(want))
		}
		if i%10 == 0 && !bytes.Equal(text.Join(nil, rest), want) {
			t.Fatalf("step %d: another text", i)
		}
	}
	if got := text.Join([]byte("before"), rest); string(got[:6]) != "before" || !bytes.Equal(got[6:], want) {
		t.Error("Join does not append")
	}
	rest = text.Take(rest)
	var out bytes.Buffer
	size := text.Len()
	if n, err := text.WriteTo(&out); err != nil || n != int64(size) || text.Len() != 0 || !bytes.Equal(append(out.Bytes(), rest...), want) {
		t.Errorf("WriteTo writes %d of %d bytes, and leaves %d: %v", n, size, text.Len(), err)
	}
}

// A failed write leaves the pieces that are not written. After Free nothing is left.
func TestWriteFails(t *testing.T) {
	var text Text
	text.Take(make([]byte, 5*Size))
	failure := errors.New("gone")
	writes := 0
	n, err := text.WriteTo(writer(func(p []byte) (int, error) {
		if writes++; writes == 3 {
			return 10, failure
		}
		return len(p), nil
	}))
	if err != failure || n != 2*Size+10 || text.Len() != 3*Size {
		t.Errorf("%d bytes, %v, and %d left", n, err, text.Len())
	}
	if text.Free(); text.Len() != 0 {
		t.Errorf("after Free %d bytes are left", text.Len())
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// Nil is a text that takes nothing.
func TestNil(t *testing.T) {
	var text *Text
	rest := make([]byte, 2*Size)
	if got := text.Take(rest); len(got) != len(rest) || text.Len() != 0 {
		t.Error("nil takes bytes")
	}
	if got := text.Cut(5, rest); len(got) != 5 {
		t.Errorf("Cut leaves %d bytes", len(got))
	}
	if n, err := text.WriteTo(io.Discard); n != 0 || err != nil {
		t.Error(n, err)
	}
	if got := text.Join(nil, rest); len(got) != len(rest) {
		t.Errorf("Join returns %d bytes", len(got))
	}
	text.Free()
}

// Texts that are freed are the memory of later ones.
func TestMemoryIsUsedAgain(t *testing.T) {
	effort.SkipRaced(t) // a pool then drops some of what it gets
	rest := make([]byte, 100*Size)
	per := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			var text Text
			text.Take(rest)
			text.Free()
		}
	}).AllocedBytesPerOp()
	if per > 10*Size {
		t.Errorf("a text of %d bytes allocates %d", len(rest), per)
	}
}
