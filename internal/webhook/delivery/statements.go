package delivery

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Statements have the form of PostgreSQL. statementsOf makes the other one: SQLite has no casts, no locks of rows, and counts
// parameters by their number only with a question mark.
const (
	insertMessage = `INSERT INTO ashlar_messages (id, webhook, event, row_id, happened_at, body, created_at, updated_at, _rev)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)`
	selectMessage = `SELECT body FROM ashlar_messages WHERE id = $1::uuid`

	insertDelivery = `INSERT INTO ashlar_deliveries (id, message_id, webhook, endpoint, state, next_at, order_key, happened_at, attempts, once, created_at, updated_at, _rev)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $10, 0) ON CONFLICT (once) DO NOTHING`

	// olderMessages finds messages of a webhook with one value of order that have not been stored, and were written before one.
	olderMessages = `SELECT id, row_table, row_id, args, created_at, attempt FROM ashlar_jobs
WHERE queue = $1 AND state IN ('waiting', 'running', 'scheduled') AND key = '' AND name = $2 AND args IS NOT NULL
AND (created_at < $3 OR (created_at = $3 AND id < $4::uuid)) ORDER BY created_at, id LIMIT 200`

	isOrderBusy = `SELECT 1 FROM ashlar_deliveries WHERE endpoint = $1 AND order_key = $2 AND state IN ('waiting', 'held', 'sending') LIMIT 1`

	addEndpoint = `INSERT INTO ashlar_endpoints (id, state, shown, failures, trials, created_at, updated_at, _rev)
VALUES ($1, 'active', 'active', 0, 0, $2, $2, 0) ON CONFLICT (id) DO NOTHING`
	lockEndpoint = `SELECT state, shown, failures, since, trials, not_before, former_secret, former_until, replay_at FROM ashlar_endpoints WHERE id = $1 FOR UPDATE`
	saveBreaker  = `UPDATE ashlar_endpoints SET state = $2, failures = $3, since = $4, trials = $5, not_before = $6, updated_at = $7 WHERE id = $1`
	saveAttempt  = `UPDATE ashlar_endpoints SET last_at = $2, last_status = $3 WHERE id = $1`
	saveShown    = `UPDATE ashlar_endpoints SET shown = $2 WHERE id = $1`
	saveReplay   = `UPDATE ashlar_endpoints SET replay_at = $2 WHERE id = $1`
	saveFormer   = `UPDATE ashlar_endpoints SET former_secret = $2, former_until = $3 WHERE id = $1`

	countSending = `SELECT count(*) FROM ashlar_deliveries WHERE endpoint = $1 AND state = 'sending'`
	nextDelivery = `SELECT d.id, d.message_id, d.webhook, d.attempts, d.tries, d.order_key, d.next_at, m.event, m.body
FROM ashlar_deliveries AS d JOIN ashlar_messages AS m ON m.id = d.message_id
WHERE d.endpoint = $1 AND d.state = 'waiting' AND d.next_at <= $2 ORDER BY d.next_at, d.id LIMIT 1`
	beginSending = `UPDATE ashlar_deliveries SET state = 'sending', sender = $2, next_at = $3, updated_at = $4 WHERE id = $1::uuid AND state = 'waiting'`
	endSending   = `UPDATE ashlar_deliveries SET state = $3, attempts = $4, tries = $5, next_at = $6, sender = NULL, updated_at = $7
WHERE id = $1::uuid AND state = 'sending' AND sender = $2`
	backOfSender = `UPDATE ashlar_deliveries SET state = 'waiting', next_at = $2, sender = NULL, updated_at = $2 WHERE endpoint = $1 AND state = 'sending' AND sender = $3`
	releaseHeld  = `UPDATE ashlar_deliveries SET state = 'waiting', next_at = $3, updated_at = $3 WHERE id IN (
	SELECT id FROM ashlar_deliveries WHERE endpoint = $1 AND order_key = $2 AND state = 'held' ORDER BY happened_at, message_id LIMIT 1)`
	giveUpWaiting = `UPDATE ashlar_deliveries SET state = 'failed', next_at = $2, updated_at = $2 WHERE id IN (
	SELECT id FROM ashlar_deliveries WHERE endpoint = $1 AND state IN ('waiting', 'held') LIMIT 500)`

	stuckSending    = `SELECT id, endpoint FROM ashlar_deliveries WHERE state = 'sending' AND next_at <= $1 ORDER BY next_at LIMIT 500`
	freeStuck       = `UPDATE ashlar_deliveries SET state = 'waiting', next_at = $2, sender = NULL, updated_at = $2 WHERE id = $1::uuid AND state = 'sending' AND next_at <= $2`
	overdue         = `SELECT endpoint, min(next_at) FROM ashlar_deliveries WHERE state = 'waiting' AND next_at <= $1 AND endpoint > $2 GROUP BY endpoint ORDER BY endpoint LIMIT 500`
	sweepDeliveries = `DELETE FROM ashlar_deliveries WHERE id IN (SELECT id FROM ashlar_deliveries WHERE id < $1::uuid ORDER BY id LIMIT 500)`
	sweepMessages   = `DELETE FROM ashlar_messages WHERE id IN (SELECT m.id FROM ashlar_messages AS m WHERE m.id < $1::uuid
AND NOT EXISTS (SELECT 1 FROM ashlar_deliveries AS d WHERE d.message_id = m.id) ORDER BY m.id LIMIT 500)`

	listColumns = `SELECT d.id, d.message_id, d.webhook, d.endpoint, d.state, d.attempts, d.next_at, d.tries, d.created_at, m.event, m.row_id`
	fromLists   = ` FROM ashlar_deliveries AS d JOIN ashlar_messages AS m ON m.id = d.message_id WHERE `
	getDelivery = listColumns + `, m.body` + fromLists + `d.id = $1::uuid`

	replayOne  = `UPDATE ashlar_deliveries SET state = 'waiting', attempts = 0, next_at = $2, updated_at = $2 WHERE id = $1::uuid AND state IN ('delivered', 'failed')`
	replayPart = `UPDATE ashlar_deliveries SET state = 'waiting', attempts = 0, next_at = $3, updated_at = $3 WHERE id IN (
	SELECT id FROM ashlar_deliveries WHERE webhook = $1 AND endpoint = $2 AND `
	replayOrder = ` ORDER BY id LIMIT $5)`
	ofFailed    = `state = 'failed' AND id >= $4::uuid`
	ofEnded     = `state IN ('delivered', 'failed') AND id >= $4::uuid`

	countWaiting   = `SELECT endpoint, count(*) FROM ashlar_deliveries WHERE webhook = $1 AND endpoint IN (SELECT value FROM json_each($2)) AND state IN ('waiting', 'held', 'sending') GROUP BY endpoint`
	selectBreakers = `SELECT id, state, failures, since, not_before, last_at, last_status FROM ashlar_endpoints WHERE id IN (SELECT value FROM json_each($1))`
)

// statements are the statements of an engine.
type statements struct{ dialect sqlgen.Dialect }

func statementsOf(dialect sqlgen.Dialect) *statements { return &statements{dialect} }

// of returns a statement for the engine.
func (s *statements) of(sql string) string {
	if s.dialect == sqlgen.Postgres {
		sql = strings.ReplaceAll(sql, "(SELECT value FROM json_each($1))", "(SELECT unnest($1::text[]))")
		return strings.ReplaceAll(sql, "(SELECT value FROM json_each($2))", "(SELECT unnest($2::text[]))")
	}
	return strings.NewReplacer("$", "?", "::uuid", "", "::text", "", " FOR UPDATE", "").Replace(sql)
}

// ofID returns the cast of a parameter that is the id of a table.
func ofID(t *model.Table) string {
	if t.Key == model.UUID {
		return "::uuid"
	}
	return ""
}

// endpointsAfter reads a page of the endpoints that are not disabled.
func (s *statements) endpointsAfter(t *model.Table, all, isFirst bool) string {
	sql := `SELECT id, url, events, state FROM ` + sqlgen.Quote(t.Name) + ` WHERE `
	if !all {
		sql += `(state IS NULL OR state <> 'disabled') AND `
	}
	if isFirst {
		return s.of(sql + `$1::text IS NOT NULL ORDER BY id LIMIT $2`)
	}
	return s.of(sql + `id > $1` + ofID(t) + ` ORDER BY id LIMIT $2`)
}

// endpointRow reads an endpoint.
func (s *statements) endpointRow(t *model.Table) string {
	return s.of(`SELECT url, secret, state FROM ` + sqlgen.Quote(t.Name) + ` WHERE id = $1` + ofID(t))
}

// ownerMail reads the address of the user to whom a field of an endpoint refers.
func (s *statements) ownerMail(t *model.Table, owner *model.Field) string {
	return s.of(`SELECT u.email FROM ` + sqlgen.Quote(t.Name) + ` AS e JOIN users AS u ON u.id = e.` + sqlgen.Quote(owner.Name) + ` WHERE e.id = $1` + ofID(t))
}
