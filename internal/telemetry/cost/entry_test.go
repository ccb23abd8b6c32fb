package cost

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSheetIsBounded(t *testing.T) {
	var body []byte
	const all = 10_000
	for i := range all {
		e := entry{kind: kindKey, name: fmt.Sprint("key-", i)}
		e.numbers[numberUnits], e.numbers[numberOut] = 1, 1000
		if i%200 == 0 {
			e.numbers[numberCPU] = 1_000_000
		}
		body = merge(body, sheet{e}.encode())
	}
	got := decode(body)
	units, dear := int64(0), 0
	for i := range got {
		units += got[i].numbers[numberUnits]
		if got[i].name != Others && got[i].numbers[numberCPU] > 0 {
			dear++
		}
	}
	if len(got) != kindKey.most()+1 || units != all || dear != all/200 {
		t.Errorf("%d entries with %d units, %d of them with CPU time", len(got), units, dear)
	}
}

// A body is what this package wrote. A damaged one must not stop a report.
func FuzzDecode(f *testing.F) {
	e := routeEntry("GET /api/{table}", "posts", "list")
	e.numbers[numberCPU], e.numbers[numberIndexes] = 1, 1<<60
	f.Add(sheet{{kind: kindProcess}, e}.tidy().encode())
	f.Add([]byte{version, 1, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		s := decode(body).tidy()
		if again := decode(s.encode()).tidy(); len(again) > len(s) {
			t.Errorf("%d entries became %d", len(s), len(again))
		}
		for i := range s {
			for _, n := range s[i].numbers {
				if n < 0 {
					return // numbers of a damaged body may overflow
				}
			}
		}
		if again := decode(s.encode()).tidy(); len(s) < 100 && !clipped(s) {
			if diff := cmp.Diff(s, again, cmp.AllowUnexported(entry{})); diff != "" {
				t.Errorf("decode(encode(s)) differs (-want +got):\n%s", diff)
			}
		}
	})
}

// clipped reports whether a name of the sheet is written shorter than it is, or is no text.
func clipped(s sheet) bool {
	for i := range s {
		if len(s[i].name) > maxName {
			return true
		}
	}
	return false
}
