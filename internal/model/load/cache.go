package load

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxPublic = 365 * day // proxies take a year for "for ever" (RFC 9111 knows no bound)
	minStale  = time.Millisecond
	maxStale  = time.Hour
)

func cacheKeys() []string { return []string{"public", "stale"} }

// readCache reads how long answers with rows of a table may be reused. Package rule decides whether they are the same for
// everybody.
func (l *loader) readCache(table *model.Table, value *node) {
	if value.kind == null {
		return
	}
	if value.kind != object {
		if value.kind != invalid {
			l.fault(value.pos, "cache must be a group of keys such as {public: 60s}, not %s", value.kind)
		}
		return
	}
	for _, key := range l.known(value, "cache", cacheKeys()) {
		if key.name == "public" {
			table.Cache.Pos = key.pos
			l.setDuration(&table.Cache.Public, key, time.Second, maxPublic)
			continue
		}
		l.setShortDuration(&table.Cache.Stale, key, minStale, maxStale)
	}
}
