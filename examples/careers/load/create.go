package main

import (
	"context"
	"sync"
)

// create creates a table's rows, one wave after the other. Each worker has one connection. The first failure stops all
// workers.
func create(ctx context.Context, api *client, table table, workers int, show *progress) error {
	done := show.start(ctx, table.name, table.size())
	defer done()
	for _, wave := range table.waves {
		if err := createWave(ctx, api, table.name, wave, workers, show); err != nil {
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
			for row := range queue {
				created, err := api.create(ctx, table, row)
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
	for _, row := range rows {
		select {
		case <-ctx.Done():
			return
		case queue <- row:
		}
	}
}
