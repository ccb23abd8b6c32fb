package health

import (
	"context"
	"sync"
	"time"
)

// tablesEvery bounds how often the tables are compared.
const tablesEvery = 10 * time.Second

// Tables returns the condition that the database has the tables of the model. Somebody may migrate the database while
// this server runs. compare returns what is wrong, mostly as errs.Unavailable; its result holds for ten seconds.
func Tables(compare func(context.Context) error) Check {
	var mu sync.Mutex
	var at time.Time
	var last error
	return Check{
		Name: "tables",
		Func: func(ctx context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			if !at.IsZero() && time.Since(at) < tablesEvery {
				return last
			}
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
			defer cancel()
			at, last = time.Now(), compare(bounded)
			return last
		},
	}
}
