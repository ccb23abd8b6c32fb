package admit_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
)

// Two slots serve four clients. Costly work (level 3) leaves one slot to cheap work (level 0).
func ExampleGate() {
	gate := admit.NewGate[string](2, 2)
	ctx := context.Background()

	fmt.Println(gate.Enter(ctx, 3, "reports", time.Second))
	fmt.Println(gate.TryEnter(3, "others"))
	fmt.Println(gate.TryEnter(0, "others"))
	gate.Leave(3, "reports", 40*time.Millisecond)
	// Output:
	// <nil>
	// false
	// true
}

// Turns lately lasted 20 ms each.
func ExampleEstimator() {
	var estimator admit.Estimator
	for range 100 {
		estimator.Note(20 * time.Millisecond)
	}
	fmt.Println(estimator.Wait(6, 2).Round(time.Millisecond))
	// Output: 60ms
}

// A client that wants many things delays another by one turn.
func ExampleLine() {
	var line admit.Line[string, int]
	now := time.Now()
	for i := range 3 {
		line.Add("flood", admit.Shape{}, i, now)
	}
	line.Add("other", admit.Shape{}, 100, now)
	for line.Len() > 0 {
		item, _, _ := line.Next(now)
		fmt.Println(item)
	}
	// Output:
	// 0
	// 100
	// 1
	// 2
}

// Of 8 units one client gets 6, and two are left for other clients.
func ExampleShares() {
	shares := admit.NewShares[string](8)
	for range 6 {
		_, _ = shares.Take("greedy", 1)
	}
	_, err := shares.Take("greedy", 1)
	fmt.Println(err)
	_, err = shares.Take("other", 1)
	fmt.Println(err)
	// Output:
	// the client has its share already
	// <nil>
}
