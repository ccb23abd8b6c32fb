package cache_test

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/cache"
)

func ExampleCache() {
	texts := cache.New(1<<20, func(text string) int { return len(text) })

	texts.Put([]byte("greeting"), "hello")
	fmt.Println(texts.Get([]byte("greeting")))
	fmt.Println(texts.Put([]byte("book"), strings.Repeat("x", 1<<19))) // too large a part of the cache
	// Output:
	// hello true
	// false
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
