package admit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const forever = time.Hour

// enter calls Enter in a goroutine. It sends the client to got when Enter succeeds.
func enter(gate *Gate[string], level int, client string, got chan<- string) {
	go func() {
		if err := gate.Enter(context.Background(), level, client, forever); err == nil {
			got <- client
		}
	}()
	synctest.Wait()
}

func TestGateLeavesSlotsForCheaperLevels(t *testing.T) {
	for _, tt := range []struct {
		slots int
		want  [Levels]int // slots of each level, if no other level takes one
	}{
		{1, [Levels]int{1, 1, 1, 1}},
		{2, [Levels]int{2, 1, 1, 1}},
		{4, [Levels]int{4, 3, 2, 1}},
		{12, [Levels]int{12, 11, 6, 3}},
	} {
		for level, want := range tt.want {
			gate := NewGate[string](tt.slots, tt.slots)
			in := 0
			for range tt.slots {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				if gate.room(level) && errors.Is(gate.Enter(context.Background(), level, fmt.Sprint(in), forever), nil) {
					in++
				} else if err := gate.Enter(ctx, level, "a", forever); err == nil {
					t.Fatalf("%d slots: level %d got in though there was no room", tt.slots, level)
				}
			}
			if in != want {
				t.Errorf("%d slots: %d of level %d, want %d", tt.slots, in, level, want)
			}
		}
	}
	gate := NewGate[string](4, 4)
	for level := Levels - 1; level >= 0; level-- { // one of each: all four slots
		if !gate.room(level) {
			t.Fatalf("no room for level %d beside those above it", level)
		}
		gate.taken[level]++
	}
	if gate.room(0) {
		t.Error("five of four slots")
	}
}

// Quick work beyond its cap waits although slots are free. Slow work takes these slots.
func TestGateRunsFewQuickOnes(t *testing.T) {
	gate := NewGate[string](4, 2)
	for i, step := range []struct {
		level int
		want  bool
	}{{0, true}, {1, true}, {0, false}, {1, false}, {3, true}, {2, true}, {2, false}} {
		if got := gate.TryEnter(step.level, fmt.Sprint(i)); got != step.want {
			t.Errorf("level %d got in beside %v: %v, want %v", step.level, gate.taken, got, step.want)
		}
	}
	gate.Leave(2, "5", time.Millisecond)
	if !gate.Move(0, 2, "0") { // a quick read turned out slow
		t.Error("a quick read did not move up")
	}
	gate.Leave(3, "4", time.Millisecond)
	if !gate.TryEnter(0, "7") {
		t.Error("no quick read got in after one moved up")
	}
}

// A quick read that moves up makes room for a waiting one at once.
func TestGateGrantsWhatAMoveFrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](4, 1)
		got := make(chan string, 100)
		enter(gate, 0, "slow", got)
		<-got
		enter(gate, 0, "quick", got)
		if !gate.Move(0, 2, "slow") {
			t.Fatal("a quick read did not move up")
		}
		synctest.Wait()
		select {
		case <-got:
		default:
			t.Error("a quick read waits, though its level has room")
		}
		gate.Leave(2, "slow", time.Millisecond)
		gate.Leave(0, "quick", time.Millisecond)
	})
}

func TestGateGivesClientsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](1, 1)
		got := make(chan string, 100)
		enter(gate, 0, "holder", got)
		<-got
		for range 5 {
			enter(gate, 0, "many", got)
		}
		enter(gate, 0, "one", got)
		enter(gate, 0, "two", got)
		enter(gate, 0, "two", got)
		order := ""
		for range 8 {
			gate.Leave(0, "holder", time.Millisecond)
			synctest.Wait()
			order += <-got + " "
		}
		if want := "many one two many two many many many "; order != want {
			t.Errorf("the order is %s, want %s", order, want)
		}
		if gate.waiting != 0 || gate.lines[0].Len() != 0 || len(gate.lines[0].queues) != 0 {
			t.Errorf("somebody is still in the line: %+v", gate.lines[0])
		}
	})
}

func TestGateGivesLevelsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](2, 2)
		got := make(chan string, 100)
		enter(gate, 0, "holder", got)
		enter(gate, 0, "holder", got)
		<-got
		<-got
		for range 3 {
			enter(gate, 0, "cheap", got)
		}
		enter(gate, 3, "dear", got)
		gate.Leave(0, "holder", time.Millisecond)
		synctest.Wait()
		first := <-got
		gate.Leave(0, "holder", time.Millisecond)
		synctest.Wait()
		if second := <-got; first == second {
			t.Errorf("%s twice, though another level waited", first)
		}
		for range 2 {
			gate.Leave(0, "holder", time.Millisecond)
			<-got
		}
	})
}

func TestGateRefusesWhatIsHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](4, 4)
		try := func(client string, patience time.Duration) error {
			began := time.Now()
			err := gate.Enter(context.Background(), 3, client, patience)
			if took := time.Since(began); took > 3*patience {
				t.Errorf("%s waited for %v", client, took)
			}
			return err
		}
		if err := try("a", time.Second); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			gate.lines[3].Note(5 * time.Second)
		}
		var group sync.WaitGroup
		group.Go(func() { // the first in the line waits until its patience ends
			if err := try("b", time.Second); !errors.Is(err, ErrHopeless) {
				t.Errorf("the first in the line: %v", err)
			}
		})
		synctest.Wait()
		began := time.Now()
		if err := try("c", time.Second); !errors.Is(err, ErrHopeless) || time.Since(began) > 0 {
			t.Errorf("the second in the line: %v after %v, want a refusal at once", err, time.Since(began))
		}
		group.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if err := gate.Enter(ctx, 3, "d", time.Minute); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrHopeless) {
			t.Errorf("with a deadline: %v", err)
		}
		if gate.waiting != 0 {
			t.Errorf("%d still wait", gate.waiting)
		}
		gate.Leave(3, "holder", time.Millisecond)
		if err := try("e", time.Second); err != nil {
			t.Errorf("with a free slot: %v", err)
		}
	})
}

func TestGateMovesUpWhereThereIsRoom(t *testing.T) {
	gate := NewGate[string](4, 4)
	clients := []string{"a", "b", "c"}
	for _, client := range clients {
		if err := gate.Enter(context.Background(), 1, client, forever); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []bool{true, true, false} {
		if got := gate.Move(1, 2, clients[i]); got != want {
			t.Errorf("move %d from 1 to 2 = %v, want %v", i+1, got, want)
		}
	}
	if !gate.Move(2, 3, "a") || gate.Move(2, 3, "b") {
		t.Error("of level 3 there is one of four")
	}
	if gate.taken != [Levels]int{0, 1, 1, 1} {
		t.Errorf("taken: %v", gate.taken)
	}
	if gate.Wanted(1) {
		t.Error("wanted, though nobody waits")
	}
}

// No level ever has more than its slots, no caller is forgotten in a line and no slot is lost.
func TestGateUnderCrowds(t *testing.T) {
	gate := NewGate[string](5, 5)
	var group sync.WaitGroup
	for client := range 40 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 1))
			for range 200 {
				level := random.IntN(Levels)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(20))*time.Millisecond)
				err := gate.Enter(ctx, level, fmt.Sprint(client%7), time.Duration(random.IntN(20)+1)*time.Millisecond)
				cancel()
				if err != nil {
					continue
				}
				gate.mu.Lock()
				for above, sum := Levels-1, 0; above >= 0; above-- {
					if sum += gate.taken[above]; sum > gate.caps[above] {
						t.Errorf("%d of level %d and above, want %d at most", sum, above, gate.caps[above])
					}
				}
				for holder, slots := range gate.slow {
					if slots > gate.slowOwn {
						t.Errorf("client %s has %d slow slots, want %d at most", holder, slots, gate.slowOwn)
					}
				}
				gate.mu.Unlock()
				time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
				gate.Leave(level, fmt.Sprint(client%7), time.Millisecond)
			}
		})
	}
	group.Wait()
	if gate.taken != [Levels]int{} || len(gate.slow) != 0 || gate.waiting != 0 {
		t.Errorf("afterwards %v are taken, %d wait", gate.taken, gate.waiting)
	}
	for i := range gate.lines {
		if line := &gate.lines[i]; line.Len() != 0 || line.Ready() || len(line.queues) != 0 {
			t.Errorf("line %d: %d waiters, %d clients", i, line.Len(), len(line.queues))
		}
	}
}

// A client alone has all slow slots.
func TestGateGivesAClientAloneAllSlowSlots(t *testing.T) {
	gate := NewGate[string](4, 4)
	for i, want := range []bool{true, true, false} {
		if got := gate.TryEnter(2, "alone"); got != want {
			t.Errorf("slow read %d got in: %t, want %t", i+1, got, want)
		}
	}
}

// While others come, a client with its share of the slow slots waits, though there is room. Another client passes it, and a
// slot that the first gives back is its own again.
func TestGateSharesSlowSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](4, 4)
		got := make(chan string, 100)
		enter(gate, 0, "other", got)
		<-got
		gate.Leave(0, "other", time.Millisecond)
		for range 3 {
			enter(gate, 2, "heavy", got)
		}
		if <-got; len(got) != 0 || gate.Stats().Waiting != 2 {
			t.Fatalf("of three slow reads of a client %d got in", 1+len(got))
		}
		if gate.Wanted(2) {
			t.Error("wanted, though who waits has its share")
		}
		enter(gate, 2, "other", got)
		if client := <-got; client != "other" {
			t.Fatalf("%s got in, want the other client", client)
		}
		gate.Leave(2, "other", time.Millisecond)
		synctest.Wait()
		if len(got) != 0 {
			t.Error("the slot of another client went to the client with its share")
		}
		for range 2 {
			gate.Leave(2, "heavy", time.Millisecond)
			synctest.Wait()
			if client := <-got; client != "heavy" {
				t.Errorf("%s got in, want the client that waits", client)
			}
		}
		gate.Leave(2, "heavy", time.Millisecond)
		if len(gate.slow) != 0 {
			t.Errorf("afterwards: %v", gate.slow)
		}
	})
}

// When the line is full, one of the client with most waiters leaves for a client with fewer.
func TestFullGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](1, 1)
		gate.MaxWaiting = 5
		got := make(chan string, 100)
		enter(gate, 0, "holder", got)
		<-got
		refused := make(chan error, 10)
		for range 5 {
			go func() { refused <- gate.Enter(context.Background(), 0, "many", forever) }()
			synctest.Wait()
		}
		if err := gate.Enter(context.Background(), 0, "many", forever); !errors.Is(err, ErrHopeless) {
			t.Errorf("one more of the client with most: %v", err)
		}
		enter(gate, 0, "few", got)
		if err := <-refused; !errors.Is(err, ErrHopeless) || gate.Stats().Waiting != 5 {
			t.Errorf("one of the client with most gets %v, %d wait", err, gate.Stats().Waiting)
		}
		for range 5 {
			gate.Leave(0, "holder", 0)
			synctest.Wait()
		}
		if len(got) != 1 || len(refused) != 4 {
			t.Errorf("afterwards %d of the other client and %d of the first got in", len(got), len(refused))
		}
		gate.Leave(0, "holder", 0)
	})
}

// Work that was costly gets few slots, until it is cheap again.
func TestGateLevelOfCostlyWork(t *testing.T) {
	gate := NewGate[string](4, 4)
	long := Shape{"orders", "delete"}
	leave := func(held time.Duration) {
		gate.TryEnter(0, "a")
		gate.LeaveAfter(0, "a", long, held)
	}
	for _, tt := range []struct {
		held time.Duration
		want int
	}{{time.Millisecond, 0}, {time.Second, Levels - 1}, {40 * time.Millisecond, 0}} {
		leave(tt.held)
		if got := gate.Level("a", long); got != tt.want {
			t.Errorf("after %v the level is %d, want %d", tt.held, got, tt.want)
		}
		if gate.Level("b", long) != 0 || gate.Level("a", Shape{"orders", "create"}) != 0 {
			t.Errorf("after %v the level of others changed", tt.held)
		}
	}
}

// Stats say what a client may expect that comes now: it waits for one turn of each other client.
func TestGateStatsTellOfTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate[string](2, 2)
		got := make(chan string, 10)
		for _, client := range []string{"holder", "holder"} {
			enter(gate, 0, client, got)
		}
		gate.lines[0].Note(80 * time.Millisecond) // the mean is now 10 ms
		if stats := gate.Stats(); stats.Total != 2 || stats.Taken != 2 || stats.Waiting != 0 || stats.Wait != 0 {
			t.Errorf("nobody waits: %+v", stats)
		}
		for _, client := range []string{"a", "a", "a", "b"} {
			enter(gate, 0, client, got)
		}
		if stats := gate.Stats(); stats.Waiting != 4 || stats.Wait != 10*time.Millisecond {
			t.Errorf("four of two clients wait for two slots of 10 ms: %+v", stats)
		}
		for range 6 {
			gate.Leave(0, "holder", 0)
			synctest.Wait()
		}
	})
}
