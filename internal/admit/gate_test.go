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

// enter calls Enter in a goroutine, which says when it got its slot.
func enter(g *Gate[string], level int, client string, got chan<- string) {
	go func() {
		if err := g.Enter(context.Background(), level, client, forever); err == nil {
			got <- client
		}
	}()
	synctest.Wait()
}

func TestGateLeavesSlotsForCheaperLevels(t *testing.T) {
	for _, tt := range []struct {
		slots int
		want  [Levels]int // how many of each level alone get in
	}{
		{1, [Levels]int{1, 1, 1, 1}},
		{2, [Levels]int{2, 1, 1, 1}},
		{4, [Levels]int{4, 3, 2, 1}},
		{12, [Levels]int{12, 11, 6, 3}},
	} {
		for level, want := range tt.want {
			g := NewGate[string](tt.slots, tt.slots)
			in := 0
			for range tt.slots {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				if g.room(level) && errors.Is(g.Enter(context.Background(), level, "a", forever), nil) {
					in++
				} else if err := g.Enter(ctx, level, "a", forever); err == nil {
					t.Fatalf("%d slots: level %d got in though there was no room", tt.slots, level)
				}
			}
			if in != want {
				t.Errorf("%d slots: %d of level %d, want %d", tt.slots, in, level, want)
			}
		}
	}
	g := NewGate[string](4, 4)
	for level := Levels - 1; level >= 0; level-- { // one of each: all four slots
		if !g.room(level) {
			t.Fatalf("no room for level %d beside those above it", level)
		}
		g.taken[level]++
	}
	if g.room(0) {
		t.Error("five of four slots")
	}
}

// TestGateRunsFewQuickOnes: more quick work than is worth running at once waits, though slots are free. Slow work takes
// those.
func TestGateRunsFewQuickOnes(t *testing.T) {
	g := NewGate[string](4, 2)
	for _, step := range []struct {
		level int
		want  bool
	}{{0, true}, {1, true}, {0, false}, {1, false}, {3, true}, {2, true}, {2, false}} {
		if got := g.TryEnter(step.level); got != step.want {
			t.Errorf("level %d got in beside %v: %v, want %v", step.level, g.taken, got, step.want)
		}
	}
	g.Leave(2, time.Millisecond)
	if !g.Move(0, 2) { // a quick read that turns out slow
		t.Error("a quick read did not move up")
	}
	g.Leave(3, time.Millisecond)
	if !g.TryEnter(0) {
		t.Error("no quick read got in after one moved up")
	}
}

func TestGateGivesClientsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate[string](1, 1)
		got := make(chan string, 100)
		enter(g, 0, "holder", got)
		<-got
		for range 5 {
			enter(g, 0, "many", got)
		}
		enter(g, 0, "one", got)
		enter(g, 0, "two", got)
		enter(g, 0, "two", got)
		order := ""
		for range 8 {
			g.Leave(0, time.Millisecond)
			synctest.Wait()
			order += <-got + " "
		}
		if want := "many one two many two many many many "; order != want {
			t.Errorf("the order is %s, want %s", order, want)
		}
		if g.waiting != 0 || len(g.lines[0].of) != 0 || g.lines[0].turn != nil {
			t.Errorf("somebody is still in the line: %+v", g.lines[0])
		}
	})
}

func TestGateGivesLevelsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate[string](2, 2)
		got := make(chan string, 100)
		enter(g, 0, "holder", got)
		enter(g, 0, "holder", got)
		<-got
		<-got
		for range 3 {
			enter(g, 0, "cheap", got)
		}
		enter(g, 3, "dear", got)
		g.Leave(0, time.Millisecond)
		synctest.Wait()
		first := <-got
		g.Leave(0, time.Millisecond)
		synctest.Wait()
		if second := <-got; first == second {
			t.Errorf("%s twice, though another level waited", first)
		}
		for range 2 {
			g.Leave(0, time.Millisecond)
			<-got
		}
	})
}

func TestGateRefusesWhatIsHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate[string](4, 4)
		try := func(client string, patience time.Duration) error {
			began := time.Now()
			err := g.Enter(context.Background(), 3, client, patience)
			if took := time.Since(began); took > 3*patience {
				t.Errorf("%s waited for %v", client, took)
			}
			return err
		}
		if err := try("a", time.Second); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			g.lines[3].held += (5*time.Second - g.lines[3].held) / 8 // that long slots were held
		}
		var group sync.WaitGroup
		group.Go(func() { // the first waits, as long as it may
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
		if err := g.Enter(ctx, 3, "d", time.Minute); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrHopeless) {
			t.Errorf("with a deadline: %v", err)
		}
		if g.waiting != 0 {
			t.Errorf("%d still wait", g.waiting)
		}
		g.Leave(3, time.Millisecond)
		if err := try("e", time.Second); err != nil {
			t.Errorf("with a free slot: %v", err)
		}
	})
}

func TestGateMovesUpWhereThereIsRoom(t *testing.T) {
	g := NewGate[string](4, 4)
	for range 3 {
		if err := g.Enter(context.Background(), 1, "a", forever); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []bool{true, true, false} {
		if got := g.Move(1, 2); got != want {
			t.Errorf("move %d from 1 to 2 = %v, want %v", i+1, got, want)
		}
	}
	if !g.Move(2, 3) || g.Move(2, 3) {
		t.Error("of level 3 there is one of four")
	}
	if g.taken != [Levels]int{0, 1, 1, 1} {
		t.Errorf("taken: %v", g.taken)
	}
	if g.Wanted(1) {
		t.Error("wanted, though nobody waits")
	}
}

// Whatever comes and goes, no level has more than its slots, nobody is forgotten in a line and no slot is lost.
func TestGateUnderCrowds(t *testing.T) {
	g := NewGate[string](5, 5)
	var group sync.WaitGroup
	for client := range 40 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(uint64(client), 1))
			for range 200 {
				level := r.IntN(Levels)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(20))*time.Millisecond)
				err := g.Enter(ctx, level, fmt.Sprint(client%7), time.Duration(r.IntN(20)+1)*time.Millisecond)
				cancel()
				if err != nil {
					continue
				}
				g.mu.Lock()
				for l, sum := Levels-1, 0; l >= 0; l-- {
					if sum += g.taken[l]; sum > g.caps[l] {
						t.Errorf("%d of level %d and above, want %d at most", sum, l, g.caps[l])
					}
				}
				g.mu.Unlock()
				time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
				g.Leave(level, time.Millisecond)
			}
		})
	}
	group.Wait()
	if g.taken != [Levels]int{} || g.waiting != 0 {
		t.Errorf("afterwards %v are taken, %d wait", g.taken, g.waiting)
	}
	for i := range g.lines {
		if l := &g.lines[i]; l.count != 0 || l.turn != nil || len(l.of) != 0 {
			t.Errorf("line %d: %d waiters, %d clients", i, l.count, len(l.of))
		}
	}
}
