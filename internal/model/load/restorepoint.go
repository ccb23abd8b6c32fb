package load

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	restorePointKey   = "restore_point"
	leastRestorePoint = time.Minute
	mostRestorePoint  = 400 * day
)

// A restorePoint is an objective for the age of the newest restorable moment, and where the file says so.
type restorePoint struct {
	slo string
	age time.Duration
	pos model.Pos
}

// readRestorePoint reads how old the newest restorable moment may be.
func (l *loader) readRestorePoint(slo *model.SLO, key member) {
	l.setDuration(&slo.RestorePoint, key, leastRestorePoint, mostRestorePoint)
	if slo.RestorePoint > 0 {
		l.restorePoints = append(l.restorePoints, restorePoint{slo.Name, slo.RestorePoint, key.value.pos})
	}
}

// aloneWith reports the keys about requests beside restore_point.
func (l *loader) aloneWith(slo *node, what string) {
	for _, key := range slo.members {
		switch key.name {
		case "routes", "tables", "available", "fast":
			l.fault(key.pos, "%s has restore_point, so it is about backups and not about requests: move %s to an objective of its own", what, key.name)
		}
	}
}

// checkRestorePoints compares the objectives with the time between two backups. It needs the finished key backups.
func (l *loader) checkRestorePoints() {
	for _, point := range l.restorePoints {
		switch {
		case l.backups == nil:
			l.fault(point.pos, "the objective %s needs backups, but the model takes none: add backups, such as backups: {to: $BACKUP_URL, every: 1h}", point.slo)
		case l.model.Backups != nil && point.age <= l.model.Backups.Every:
			l.fault(point.pos, "restore_point is %s, but a backup is taken every %s: the newest one grows that old before the next one is done, so write more than %s, or a shorter every under backups",
				formatDuration(point.age), formatDuration(l.model.Backups.Every), formatDuration(l.model.Backups.Every))
		}
	}
}
