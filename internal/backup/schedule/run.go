package schedule

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// claim takes the lease of a kind that is due. A drill is not due before there is a backup.
func (s *Service) claim(ctx context.Context, kind string) (taken Attempt, claimed bool, err error) {
	err = s.change(ctx, func(tx store.Tx, all plans, now time.Time) error {
		claimed = false
		p := all.of(kind, now, s.every(kind))
		first := all[KindBackup]
		if !p.due(now) || (kind == KindDrill && (first == nil || first.LastOK.IsZero())) {
			return nil
		}
		if p.Attempt != "" {
			gone := Attempt{ID: p.Attempt, State: string(lost), Ended: now, Error: "the node " + p.Node + " stopped in the middle"}
			if err := end(tx, gone); err != nil {
				return err
			}
			p.Failures++
		}
		taken = Attempt{ID: newID(now), Kind: kind, State: string(running), Node: s.cfg.Node, Begun: now}
		p.Attempt, p.Node, p.Until = taken.ID, s.cfg.Node, now.Add(s.lease)
		claimed = true
		if err := trim(tx, now); err != nil {
			return err
		}
		return begin(tx, taken)
	})
	return taken, claimed && err == nil, err
}

// errLost ends an attempt whose lease another node has taken.
var errLost = errors.New("another node has taken over, because this one did not renew its lease in time")

// work makes an attempt and stores how it ended.
func (s *Service) work(ctx context.Context, a Attempt) {
	bounded, cancel := context.WithTimeout(ctx, runTime)
	running, lose := context.WithCancelCause(bounded)
	begun := a // attempt changes a meanwhile
	renewed := background.Async("lease of a "+a.Kind, func() error { return s.renew(running, begun, lose) })
	err := background.Guard("a "+a.Kind, func() error { return s.attempt(running, &a) })
	if cause := context.Cause(running); err != nil && errors.Is(cause, errLost) {
		err = cause
	}
	lose(nil)
	<-renewed
	cancel()

	how := done
	switch {
	case err != nil && ctx.Err() != nil:
		how, a.Error = stopped, "the server stopped"
	case err != nil:
		how, a.Error = failed, err.Error()
	}
	a.State = string(how)
	s.log(a)
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer stop()
	err = s.change(last, func(tx store.Tx, all plans, now time.Time) error {
		a.Ended = now
		if p := all[a.Kind]; p != nil && p.Attempt == a.ID {
			p.end(how, a.Begun, now, s.every(a.Kind))
		}
		return end(tx, a)
	})
	if err != nil {
		s.cfg.Logger.Warn("the outcome of a "+a.Kind+" cannot be stored", "error", err)
	}
}

func (s *Service) log(a Attempt) {
	args := []any{"id", a.Backup, "bytes", a.Bytes, "seconds", s.cfg.Now().Sub(a.Begun).Seconds()}
	switch outcome(a.State) {
	case done:
		s.cfg.Logger.Info("a "+a.Kind+" is done", append(args, "found", a.Found)...)
	case stopped:
		s.cfg.Logger.Warn("a "+a.Kind+" is cut short, because the server stops: it is made again at the next start", args...)
	default:
		s.cfg.Logger.Error("a "+a.Kind+" failed", append(args, "error", a.Error)...)
	}
}

// renew keeps the lease of an attempt until ctx ends. It ends the attempt if another node has the lease.
func (s *Service) renew(ctx context.Context, a Attempt, lose context.CancelCauseFunc) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.lease / 4):
		}
		isOurs := true
		err := s.change(ctx, func(_ store.Tx, all plans, now time.Time) error {
			p := all[a.Kind]
			if isOurs = p != nil && p.Attempt == a.ID; isOurs {
				p.Until = now.Add(s.lease)
			}
			return nil
		})
		if err == nil && !isOurs {
			lose(errLost)
			return nil
		}
		if err == nil {
			err = s.refresh(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("the lease of a "+a.Kind+" cannot be renewed: trying again", "error", err)
		}
	}
}

func (s *Service) attempt(ctx context.Context, a *Attempt) error {
	if a.Kind == KindDrill {
		return s.drill(ctx, a)
	}
	taken, err := s.cfg.Work.Take(ctx)
	if err != nil {
		return err
	}
	a.Backup, a.Bytes = taken.ID, taken.Bytes
	if err := s.removeExpired(ctx, taken.ID); err != nil { // the backup itself is whole
		s.cfg.Logger.Warn("old backups cannot be removed: the next backup tries again", "error", err)
	}
	return nil
}

// removeExpired removes what is not to be kept. newest has just been verified.
func (s *Service) removeExpired(ctx context.Context, newest string) error {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	all, err := s.cfg.Work.List(ctx)
	if err != nil {
		return err
	}
	for _, old := range Expired(all, s.cfg.Backups.Keep, func(id string) bool { return id == newest }) {
		if err := s.cfg.Work.Remove(ctx, old.ID); err != nil {
			return err
		}
		s.cfg.Logger.Info("an old backup is removed", "id", old.ID, "taken", old.Taken)
	}
	return nil
}

// lookTime bounds a look at the target that a person waits for.
const lookTime = 10 * time.Second

// Backups returns the backups in the target, the newest first.
func (s *Service) Backups(ctx context.Context) ([]Backup, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all, err := s.cfg.Work.List(ctx)
	if err != nil {
		s.cfg.Logger.Warn("the backups in the target cannot be listed", "error", err)
		return nil, err
	}
	slices.SortFunc(all, func(a, b Backup) int { return b.Taken.Compare(a.Taken) })
	return all, nil
}

func (s *Service) drill(ctx context.Context, a *Attempt) error {
	listing, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	all, err := s.cfg.Work.List(listing)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errs.New(errs.NotFound, "the target holds no whole backup")
	}
	newest := all[0]
	for _, b := range all {
		if b.Taken.After(newest.Taken) {
			newest = b
		}
	}
	a.Backup, a.Bytes = newest.ID, newest.Bytes
	a.Found, err = s.cfg.Work.Drill(ctx, newest.ID)
	return err
}
