package main

import (
	"context"
	"fmt"
	"io"
)

// verify compares the counts of the API with the data, and prints both.
func verify(ctx context.Context, api *client, counts []count, out io.Writer) error {
	wrong := 0
	fmt.Fprintf(out, "%-20s %9s %9s\n", "", "data", "API")
	for _, count := range counts {
		got, err := api.total(ctx, count.table, count.filter)
		if err != nil {
			return err
		}
		got *= count.times
		mark := ""
		if got != count.want {
			wrong++
			mark = "  differs"
		}
		fmt.Fprintf(out, "%-20s %9s %9s%s\n", count.what, thousands(count.want), thousands(got), mark)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d counts differ", wrong, len(counts))
	}
	return nil
}
