package main

import (
	"context"
	"fmt"
	"io"
)

// verify compares what the API counts with what was read, and reports both.
func verify(ctx context.Context, api *client, counts []count, out io.Writer) error {
	wrong := 0
	fmt.Fprintf(out, "%-20s %9s %9s\n", "", "data", "API")
	for _, c := range counts {
		got, err := api.total(ctx, c.table, c.filter)
		if err != nil {
			return err
		}
		got *= c.times
		mark := ""
		if got != c.want {
			wrong++
			mark = "  differs"
		}
		fmt.Fprintf(out, "%-20s %9s %9s%s\n", c.what, thousands(c.want), thousands(got), mark)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d counts differ", wrong, len(counts))
	}
	return nil
}
