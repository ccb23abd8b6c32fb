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
	fmt.Println(gate.TryEnter(3))
	fmt.Println(gate.TryEnter(0))
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

func ExampleBudget() {
	answers := admit.NewBudget(100, 10) // things below 10 bytes are free
	fmt.Println(answers.Take(80), answers.Take(40), answers.Take(9))
	answers.Release(80)
	fmt.Println(answers.Take(40))
	// Output:
	// true false true
	// true
}
