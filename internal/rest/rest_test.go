package rest_test

import (
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/rest"
)

func TestRestsEnd(t *testing.T) {
	var all sync.WaitGroup
	for range 2 * background.Processors() {
		all.Go(func() {
			pause := rest.New()
			defer pause.Close()
			for range 2000 {
				pause.Take()
			}
		})
	}
	all.Wait()
}
