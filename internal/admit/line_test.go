package admit

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var start = time.Unix(1_000_000_000, 0)

func newTestLine() *Line[string, string] {
	return &Line[string, string]{Accounts: &Accounts[string]{}, Holds: true}
}

// takeAll takes everything out of a line at one moment, and returns the items.
func takeAll(line *Line[string, string], now time.Time) string {
	var items []string
	for {
		item, _, ok := line.Next(now)
		if !ok {
			return strings.Join(items, " ")
		}
		items = append(items, item)
	}
}

func TestLineOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		used map[string]time.Duration // by clients, before
		adds string                   // names of clients, in order
		want string
	}{
		{"one client queues in order", nil, "a1 a2 a3", "a1 a2 a3"},
		{"clients take turns", nil, "a1 a2 a3 b1 c1 c2", "a1 b1 c1 a2 c2 a3"},
		{"who used much lets others pass", map[string]time.Duration{"a": 20 * time.Millisecond}, "a1 a2 b1 b2", "b1 b2 a1 a2"},
		{"who used more lets those pass who used less", map[string]time.Duration{"a": 20 * time.Millisecond, "b": 10 * time.Millisecond}, "a1 b1 c1", "c1 b1 a1"},
		{"cheap work makes no debt", map[string]time.Duration{"a": time.Millisecond / 2}, "a1 b1", "a1 b1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line := newTestLine()
			for client, used := range tt.used {
				line.Accounts.Charge(client, Shape{}, used, start)
			}
			for _, item := range strings.Fields(tt.adds) {
				line.Add(item[:1], Shape{}, item, start)
			}
			if got := takeAll(line, start); got != tt.want {
				t.Errorf("the order is %s, want %s", got, tt.want)
			}
			if line.Len() != 0 || line.Ready() || len(line.queues) != 0 {
				t.Errorf("something is still in the line: %+v", line)
			}
		})
	}
}

// A newcomer comes before the flood of another client, however long the flood has waited.
func TestLineNewcomersPassAFlood(t *testing.T) {
	line := newTestLine()
	line.Note(8 * time.Millisecond) // a mean of 1 ms
	now := start
	for range 1000 {
		line.Add("flood", Shape{}, "f", now)
	}
	for turn := range 900 {
		now = now.Add(time.Millisecond)
		if turn%10 == 0 {
			line.Add("other", Shape{}, "o", now)
		}
		item, _, _ := line.Next(now)
		if turn%10 == 1 && item != "o" {
			t.Fatalf("turn %d goes to %s, want the newcomer at the second turn at the latest", turn, item)
		}
		if turn%10 == 0 && item == "o" {
			line.Add("other", Shape{}, "o", now) // so that the check above finds one
		}
	}
}

func TestLineHoldsCostlyWork(t *testing.T) {
	long := Shape{"orders", "delete"}
	line := newTestLine()
	line.Accounts.Came("dear", start)
	line.Accounts.Charge("dear", long, time.Second, start) // paid three seconds from now

	line.Add("dear", long, "alone", start)
	if got := takeAll(line, start); got != "alone" {
		t.Errorf("with nobody else: %q, want no hold", got)
	}

	line.Accounts.Came("other", start)
	line.Add("dear", long, "long", start)
	if item, retry, ok := line.Next(start); ok || retry <= 0 {
		t.Errorf("beside another client: %q, %v, %v, want a hold", item, retry, ok)
	}
	if line.Ready() || line.Len() != 1 {
		t.Errorf("ready %v, %d wait", line.Ready(), line.Len())
	}
	line.Add("other", Shape{}, "short", start)
	line.Add("dear", long, "second", start)
	if got := takeAll(line, start); got != "short" {
		t.Errorf("the others get %q, want their own turn", got)
	}
	line.Accounts.Came("other", start.Add(2900*time.Millisecond))
	if got := takeAll(line, start.Add(2950*time.Millisecond)); got != "" {
		t.Errorf("before the debt is paid: %q", got)
	}
	if got := takeAll(line, start.Add(3050*time.Millisecond)); got != "long second" {
		t.Errorf("after the debt is paid: %q", got)
	}

	line.Accounts.Charge("dear", long, time.Second, start.Add(4*time.Second))
	line.Accounts.Came("other", start.Add(4*time.Second))
	line.Add("dear", Shape{"orders", "create"}, "other shape", start.Add(4*time.Second))
	if got := takeAll(line, start.Add(4*time.Second)); got != "other shape" {
		t.Errorf("work that was never costly: %q", got)
	}
	line.Add("dear", long, "waits", start.Add(4*time.Second))
	line.Next(start.Add(4 * time.Second))
	if got := takeAll(line, start.Add(5100*time.Millisecond)); got != "waits" {
		t.Errorf("when the others come no longer: %q", got)
	}
}

func TestLineCrowd(t *testing.T) {
	line := newTestLine()
	for range 5 {
		line.Add("many", Shape{}, "m", start)
	}
	line.Add("few", Shape{}, "f", start)
	last := line.Add("many", Shape{}, "last", start)
	if got := line.Crowd("new"); got != last {
		t.Errorf("for a new client %+v leaves, want the last of the largest queue", got)
	}
	if got := line.Crowd("many"); got != nil {
		t.Errorf("for the client with most, %q leaves, want nobody", got.Item)
	}
	if !line.Remove(last) || line.Remove(last) {
		t.Error("an entry leaves once")
	}
}

func TestLineBefore(t *testing.T) {
	line := newTestLine()
	for range 5 {
		line.Add("many", Shape{}, "m", start)
	}
	line.Accounts.Charge("debtor", Shape{}, time.Second, start)
	for client, want := range map[string]int{"new": 1, "many": 5, "debtor": 5} {
		if got := line.Before(client, start); got != want {
			t.Errorf("before %s come %d turns, want %d", client, got, want)
		}
	}
}

// Whatever comes, leaves or is charged: nothing is lost, nothing comes twice, and no client waits for ever.
func TestLineLosesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	line := newTestLine()
	shapes := []Shape{{}, {"a", "b"}, {"c", "d"}}
	now := start
	var entries []*Entry[string, string]
	in, out := 0, 0
	for range 20_000 {
		now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
		client := string(rune('a' + random.IntN(6)))
		switch random.IntN(6) {
		case 0, 1:
			line.Accounts.Came(client, now)
			entries = append(entries, line.Add(client, shapes[random.IntN(3)], client, now))
			in++
		case 2, 3:
			if _, _, ok := line.Next(now); ok {
				out++
			}
		case 4:
			line.Accounts.Charge(client, shapes[random.IntN(3)], time.Duration(random.IntN(80))*time.Millisecond, now)
		case 5:
			if len(entries) > 0 && line.Remove(entries[random.IntN(len(entries))]) {
				out++
			}
		}
		if line.Len() != in-out {
			t.Fatalf("%d wait, want %d", line.Len(), in-out)
		}
	}
	for line.Len() > 0 {
		now = now.Add(time.Second)
		if _, _, ok := line.Next(now); ok {
			out++
		}
		if now.Sub(start) > 24*time.Hour {
			t.Fatalf("%d wait for ever", line.Len())
		}
	}
	if in != out || len(line.queues) != 0 || len(line.held) != 0 {
		t.Errorf("%d came, %d left; %d queues, %d held", in, out, len(line.queues), len(line.held))
	}
}

// A debt has an end, however much a client used, and the number of debts is bounded.
func TestDebtsAreBounded(t *testing.T) {
	var accounts Accounts[int]
	for range 1000 {
		accounts.Charge(0, Shape{}, time.Minute, start)
	}
	if until := accounts.paid(0).Sub(start); until > maxDebt {
		t.Errorf("a debt of %v", until)
	}
	for client := range 3 * maxAccounts {
		accounts.Charge(client, Shape{}, time.Second, start)
		for i := range 2 * maxCostly {
			accounts.Charge(client, Shape{Table: string(rune('a' + i))}, time.Second, start)
		}
		if n := len(accounts.debts[client].costly); n > maxCostly {
			t.Fatalf("%d costly shapes", n)
		}
	}
	if len(accounts.debts) > maxAccounts {
		t.Errorf("%d debts", len(accounts.debts))
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct{ wait, want time.Duration }{
		{0, time.Second}, {time.Second, time.Second}, {1100 * time.Millisecond, 2 * time.Second}, {time.Hour, maxRetryAfter},
	} {
		if got := RetryAfter(&Refusal{tt.wait}); got != tt.want {
			t.Errorf("RetryAfter(a wait of %v) = %v, want %v", tt.wait, got, tt.want)
		}
	}
	if got := RetryAfter(nil); got != time.Second {
		t.Errorf("RetryAfter(nil) = %v", got)
	}
}
