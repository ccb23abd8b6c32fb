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
	gate.Leave(3, 40*time.Millisecond)
	// Output:
	// <nil>
	// false
	// true
}

// Reads lately took 20 ms each, and one connection serves them.
func ExampleEstimator() {
	var estimator admit.Estimator
	for range 100 {
		estimator.Held(20 * time.Millisecond)
	}
	for range 4 {
		fmt.Println(estimator.Enter(1, 50*time.Millisecond))
	}
	// Output:
	// true
	// true
	// false
	// false
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
