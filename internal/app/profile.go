package app

import "github.com/ashlar-dev/ashlar/internal/telemetry/profile"

// openProfile records CPU profiles while the app is served, if it is asked to.
func (a *App) openProfile() {
	if !a.cfg.Profile {
		return
	}
	a.labels = profile.NewLabeler()
	a.Profile = profile.New(profile.Config{Ended: a.profiled, Logger: a.cfg.Logger, Now: a.cfg.Now})
	a.services = append(a.services, service{"profile", a.Profile})
}
