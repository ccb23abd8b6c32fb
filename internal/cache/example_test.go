package cache_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/cache"
)

// Get finds a result until its statement's table changes.
func ExampleCache() {
	totals := cache.New[int](1 << 20)
	key := []byte("SELECT count(*) FROM tasks")

	totals.Put(key, []int64{7}, 42) // tasks is in generation 7
	fmt.Println(totals.Get(key, []int64{7}))
	fmt.Println(totals.Get(key, []int64{8})) // a task was written
	// Output:
	// 42 true
	// 0 false
}

func ExampleRecent() {
	names := cache.NewRecent[int, string](4, nil)
	for i, name := range []string{"Ada", "Grace", "Edsger"} {
		names.Put(i, name)
	}
	fmt.Println(names.Get(0)) // it moves from the old half to the young one
	names.Put(3, "Barbara")
	fmt.Println(names.Get(0))
	fmt.Println(names.Get(1))
	// Output:
	// Ada true
	// Ada true
	//  false
}
