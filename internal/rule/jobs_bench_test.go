package rule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model/load"
)

// BenchmarkManyJobs loads and compiles a model with as many jobs as one may have.
func BenchmarkManyJobs(b *testing.B) {
	text := strings.Builder{}
	text.WriteString(jobShop + "jobs:\n")
	for i := range 500 {
		fmt.Fprintf(&text, "  j%d: {on: orders.update, when: state == 'paid' && old.state != 'paid' && count > %d, post: {url: $U, send: [id, customer.name]}, as: system}\n", i, i)
	}
	files := map[string][]byte{"ashlar.yaml": []byte(text.String())}
	for b.Loop() {
		m, faults := load.Files(files)
		if len(faults) > 0 {
			b.Fatal(faults)
		}
		if _, faults := CompileModel(m); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
