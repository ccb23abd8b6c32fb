package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const ledger = `
-- ashlar.yaml --
ashlar: 1
name: ledger
tables:
  entries:
    key: int
    fields:
      round: {type: int}
      n: {type: int}
    unique: [[round, n]]
    access: {read: true, create: true}
`

// A server killed under the writes of 64 clients has lost no acknowledged write, and starts again.
func TestKill(t *testing.T) {
	rounds := effort.Cases(12, 100)
	dir := writeApp(t, ledger)
	acknowledged := 0
	for round := range rounds {
		p := startProcess(t, dir, "--log-level", "error")
		written := writeUntilKilled(p, round)
		if code := p.wait(); code != -1 {
			t.Fatalf("round %d: the server ended by itself with %d:\n%s", round, code, strings.Join(p.lines(), "\n"))
		}
		acknowledged += len(written)

		again := startProcess(t, dir, "--log-level", "error")
		stored := storedIn(t, again.url, round)
		for n := range written {
			if !stored[n] {
				t.Errorf("round %d: entry %d was acknowledged and is lost", round, n)
			}
		}
		if _, err := again.stop(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d writes were acknowledged in %d rounds", acknowledged, rounds)
}

// writeUntilKilled returns the numbers of the acknowledged entries. The test kills the server at some moment after
// the first hundred.
func writeUntilKilled(p *process, round int) map[int]bool {
	const writers = 64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: writers}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	written := map[int]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := w; ; n += writers {
				res, err := client.Post(p.url+"/api/entries", "application/json", strings.NewReader(fmt.Sprintf(`{"round": %d, "n": %d}`, round, n)))
				if err != nil {
					return
				}
				res.Body.Close()
				if res.StatusCode == http.StatusCreated {
					mu.Lock()
					written[n] = true
					if len(written) == 100 {
						time.AfterFunc(rand.N(300*time.Millisecond), func() { _ = p.cmd.Process.Kill() })
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return written
}

// storedIn returns the numbers of a round's entries.
func storedIn(t *testing.T, base string, round int) map[int]bool {
	t.Helper()
	return storedBy(t, http.DefaultClient, base, round)
}

func storedBy(t *testing.T, client *http.Client, base string, round int) map[int]bool {
	t.Helper()
	stored := map[int]bool{}
	query := url.Values{"filter": {"round == arg.r"}, "arg.r": {fmt.Sprint(round)}, "fields": {"n"}, "limit": {"500"}}
	for {
		var page struct {
			Items []struct{ N int }
			Next  *string
		}
		if err := json.Unmarshal([]byte(getBody(t, client, base+"/api/entries?"+query.Encode())), &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			stored[item.N] = true
		}
		if page.Next == nil {
			return stored
		}
		query.Set("cursor", *page.Next)
	}
}
