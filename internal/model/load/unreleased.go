package load

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// jobsAreReleased lets models have queues, jobs, webhooks and watch. Nothing runs jobs yet, and a server must not accept
// work that it never does. Only Unfinished accepts these keys until then.
const jobsAreReleased = false

// watchKey is a key of a table.
const watchKey = "watch"

// unreleasedKeys are keys of the main file and of tables.
func unreleasedKeys() []string { return []string{"queues", "jobs", "webhooks", watchKey} }

// Unfinished is Files for tests of what no release has yet: it accepts queues, jobs, webhooks and watch.
func Unfinished(files map[string][]byte) (*model.Model, model.Faults) {
	l := newLoader()
	l.unfinished = true
	return l.loadAll(files)
}

// released returns the keys that a group may have. It removes the other ones from the group, and reports the first of a
// model.
func (l *loader) released(group *node, keys []string) []string {
	if jobsAreReleased || l.unfinished {
		return keys
	}
	isUnreleased := func(key member) bool {
		return slices.Contains(unreleasedKeys(), key.name) && slices.Contains(keys, key.name)
	}
	if i := slices.IndexFunc(group.members, isUnreleased); i >= 0 && !l.refused {
		l.refused = true
		l.fault(group.members[i].pos, "jobs are not part of this release yet: remove queues, jobs, webhooks and watch")
	}
	group.members = slices.DeleteFunc(slices.Clone(group.members), isUnreleased)
	return withoutUnreleased(keys)
}

func withoutUnreleased(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(unreleasedKeys(), key) })
}
