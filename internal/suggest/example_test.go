package suggest_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/suggest"
)

func ExampleDidYouMean() {
	fields := []string{"title", "author", "rank"}
	fmt.Println("there is no field titel" + suggest.DidYouMean("titel", fields))
	fmt.Println("there is no field colour" + suggest.DidYouMean("colour", fields))
	// Output:
	// there is no field titel; did you mean title?
	// there is no field colour
}
