package load

import (
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	leastBackup = time.Hour // a backup reads the whole database
	mostBackup  = 31 * day
	mostDrill   = 92 * day
	maxKeep     = 1000 // backups of a kind: a list of them must stay short
)

func backupKeys() []string {
	return []string{"to", "every", "keep", "drill", "lock_with", "drill_key"}
}
func keepKeys() []string { return []string{"days", "weeks", "months"} }

// momentKey is a key that a later release will read.
const momentKey = "any_moment_of"

// readBackups reads the key backups.
func (l *loader) readBackups(declared member) {
	value := declared.value
	if value.kind == null || !l.isObject(value, "backups") {
		return
	}
	l.hideBackupSecrets(value)
	backups := model.DefaultBackups()
	backups.Pos = declared.pos
	known := append(backupKeys(), momentKey)
	for _, key := range l.known(value, "backups", known) {
		switch key.name {
		case "to":
			backups.To = l.readChecked(key, model.CheckBackupTarget)
		case "every":
			l.setDuration(&backups.Every, key, leastBackup, mostBackup)
		case "keep":
			l.readKeep(&backups.Keep, key.value)
		case "drill":
			l.readDrill(&backups.Drill, key)
		case "lock_with":
			backups.LockWith = l.readChecked(key, model.CheckRecipient)
		case "drill_key":
			backups.DrillKey = l.readSecret(key)
		case momentKey:
			l.fault(key.pos, "this release restores to the moment of a backup only: remove any_moment_of, and take backups more often with every")
		}
	}
	if key := value.get("drill_key"); key != nil && value.get("lock_with") == nil && !value.incomplete {
		l.fault(key.pos, "drill_key unlocks backups that lock_with has locked: add lock_with, or remove drill_key")
	}
	if l.require(value, declared.pos, "backups", "to") {
		l.model.Backups = backups
	}
}

// hideBackupSecrets covers secrets in the lines of the model, so that no fault shows them.
func (l *loader) hideBackupSecrets(value *node) {
	for _, key := range value.members {
		isSecret := key.name == "drill_key" || strings.HasPrefix(strings.ToUpper(key.value.text), "AGE-SECRET-KEY-")
		if isSecret || (key.name == "to" && model.HasCredentials(key.value.text)) {
			l.hide(key.value)
		}
	}
}

// readChecked reads a setting, and checks a text that is in the model file itself.
func (l *loader) readChecked(key member, check func(string) error) model.Setting {
	setting := l.readSetting(key)
	if setting.Value != "" {
		if err := check(string(setting.Value)); err != nil {
			l.fault(key.value.pos, "%s is wrong: %v", key.name, err)
		}
	}
	return setting
}

// readKeep reads how many backups stay. A count that is not given is 0.
func (l *loader) readKeep(keep *model.Keep, value *node) {
	if !l.isObject(value, "keep") {
		return
	}
	*keep = model.Keep{}
	faults := len(l.faults)
	for _, key := range l.known(value, "keep", keepKeys()) {
		n, err := strconv.Atoi(key.value.text)
		if key.value.kind == invalid {
			continue
		}
		if key.value.kind != integer || err != nil || n < 0 || n > maxKeep {
			l.fault(key.value.pos, "%s must be a whole number from 0 to %d, such as 7", key.name, maxKeep)
			continue
		}
		switch key.name {
		case "days":
			keep.Days = n
		case "weeks":
			keep.Weeks = n
		case "months":
			keep.Months = n
		}
	}
	if *keep == (model.Keep{}) && len(l.faults) == faults && !value.incomplete {
		l.fault(value.pos, "keep keeps nothing: give days, weeks or months, such as {days: 7, weeks: 4, months: 6}")
	}
}

// readDrill reads the time between drills, or false.
func (l *loader) readDrill(drill *time.Duration, key member) {
	if key.value.kind == boolean {
		if !l.readBool(key.value, "drill") {
			*drill = 0
		}
		return
	}
	l.setDuration(drill, key, leastBackup, mostDrill)
}
