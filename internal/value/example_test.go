package value_test

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func ExampleParseJSON() {
	price := &model.Field{Name: "price", Type: model.Decimal, Precision: 6, Scale: 2}
	v, _ := value.ParseJSON(price, []byte(`"12.5"`), "/price")
	fmt.Println(v.Kind, string(value.AppendValue(nil, v)))

	_, faults := value.ParseJSON(price, []byte(`"12.505"`), "/price")
	fmt.Println(faults[0].Pointer, faults[0].Code, faults[0].Detail)
	// Output:
	// decimal "12.50"
	// /price scale must have at most 2 digits after the point, has 3
}

func ExampleMergeJSON() {
	fmt.Println(value.MergeJSON(`{"color":"red","size":{"w":1,"h":2}}`, `{"color":null,"size":{"h":3}}`))
	// Output: {"size":{"w":1,"h":3}}
}
