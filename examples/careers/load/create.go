package main

import (
	"context"
	"sync"
)

// create makes a table's rows, one wave after the other, with workers that each keep one connection. The first failure
// stops all of them.
func create(ctx context.Context, api *client, t table, workers int, show *progress) error {
	done := show.start(ctx, t.name, t.size())
	defer done()
	for _, wave := range t.waves {
		if err := createWave(ctx, api, t.name, wave, workers, show); err != nil {
			return err
		}
	}
	return nil
}

func createWave(ctx context.Context, api *client, table string, rows []row, workers int, show *progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan row)
	var wg sync.WaitGroup
	for range min(workers, len(rows)) {
		wg.Go(func() {
			for r := range queue {
				created, err := api.create(ctx, table, r)
				if err != nil {
					cancel(err)
					return
				}
				show.add(created)
			}
		})
	}
	feed(ctx, queue, rows)
	wg.Wait()
	return context.Cause(ctx)
}

func feed(ctx context.Context, queue chan<- row, rows []row) {
	defer close(queue)
	for _, r := range rows {
		select {
		case <-ctx.Done():
			return
		case queue <- r:
		}
	}
}
