package app

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// readBase reads the path of the public address, below which clients see the app.
func (a *App) readBase() (err error) {
	if a.base, err = model.PublicPath(a.publicURL()); err != nil {
		return fmt.Errorf("the public address %q: %w", a.publicURL(), err)
	}
	return nil
}

// checkBase refuses a path of the public address that requests could not be told from the routes by.
func (a *App) checkBase() error { return web.CheckBase(a.base, a.routes) }
