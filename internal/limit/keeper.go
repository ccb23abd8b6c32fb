package limit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// savePause is the time between two saves. A process that is killed forgets what its quotas counted since the last one.
const savePause = 30 * time.Second

// load returns the state in the file, and the secret of its hash. Without a file, or if it cannot be read, the secret is
// new.
func load(cfg Config) ([]byte, hashKey) {
	if cfg.File == "" {
		return nil, newHashKey()
	}
	state, err := os.ReadFile(cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, newHashKey()
	}
	secret := hashKey{}
	if err == nil {
		secret, err = secretOf(state)
	}
	if err != nil {
		cfg.Logger.Warn("the file of the limits cannot be read: quotas begin anew", "file", cfg.File, "error", err)
		return nil, newHashKey()
	}
	return state, secret
}

// Run saves the quotas every 30 seconds, and when ctx ends. A limiter whose rates have short windows saves nothing.
func (l *Limiter) Run(ctx context.Context) error {
	ticks := time.NewTicker(savePause)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			l.save()
			return ctx.Err()
		case <-ticks.C:
			l.save()
		}
	}
}

// keeps reports whether a rate has a window that is worth a file.
func (l *Limiter) keeps() bool {
	if l.cfg.File == "" {
		return false
	}
	for _, r := range l.rules {
		for _, rate := range r.rates {
			if rate.Window > worthKeeping {
				return true
			}
		}
	}
	return false
}

func (l *Limiter) save() {
	if !l.keeps() {
		return
	}
	unfinished := l.cfg.File + ".new"
	err := os.WriteFile(unfinished, l.encode(time.Now()), 0o600)
	if err == nil {
		err = os.Rename(unfinished, l.cfg.File)
	}
	if err != nil {
		l.cfg.Logger.Warn("the quotas cannot be saved: a restart would begin them anew", "file", l.cfg.File, "error", err)
	}
}
