package load

import (
	"cmp"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const (
	maxQueues  = 50
	maxWorkers = 1000 // each is a goroutine, and often a connection
)

func queueKeys() []string { return []string{"workers", "rate", "each"} }
func eachKeys() []string  { return []string{"by", "at_once", "rate"} }

// readQueues reads the key queues. The queue default is there without being given.
func (l *loader) readQueues(value *node) {
	if value.kind == null || !l.isObject(value, "queues") {
		return
	}
	if len(value.members) > maxQueues {
		l.fault(value.members[maxQueues].pos, "there are %d queues, but at most %d are allowed", len(value.members), maxQueues)
		return
	}
	for _, declared := range value.members {
		if !l.checkName(declared.pos, "queue", declared.name) {
			continue
		}
		queue := l.readQueue(declared)
		if usual := l.model.Queue(queue.Name); usual != nil {
			*usual = *queue
			continue
		}
		l.model.Queues = append(l.model.Queues, queue)
	}
}

func (l *loader) readQueue(declared member) *model.Queue {
	queue := model.UsualQueue(declared.name)
	queue.Pos = declared.pos
	if kind := declared.value.kind; kind != object {
		if kind != invalid {
			l.fault(declared.value.pos, "the queue %s must be a group of keys such as {workers: 8}, not %s", queue.Name, kind)
		}
		return queue
	}
	for _, key := range l.known(declared.value, "the queue "+queue.Name, queueKeys()) {
		switch key.name {
		case "workers":
			if key.value.kind == integer && key.value.text == "0" {
				l.fault(key.value.pos, "a queue without workers never does its jobs: write a number from 1 to %d, or pause the queue in the console", maxWorkers)
				continue
			}
			l.setInt(&queue.Workers, key, 1, maxWorkers)
		case "rate":
			queue.Rate = l.readOneRate(key.value)
		case "each":
			if queue.Name == model.WebhookQueue {
				l.fault(key.pos, "the endpoints of webhooks take turns already: remove each")
				continue
			}
			queue.Each = l.readEach(key)
		}
	}
	return queue
}

// readOneRate reads a rate, or returns nil.
func (l *loader) readOneRate(value *node) *model.Rate {
	rate, ok := l.readRate(value)
	if !ok {
		return nil
	}
	return &rate
}

func (l *loader) readEach(each member) *model.QueueEach {
	if kind := each.value.kind; kind != object {
		if kind != invalid {
			l.fault(each.value.pos, "each must be a group of keys such as {by: tenant_id, at_once: 1}, not %s", kind)
		}
		return nil
	}
	result := &model.QueueEach{}
	for _, key := range l.known(each.value, "each", eachKeys()) {
		switch key.name {
		case "by":
			result.By, _ = l.readText(key.value, "by")
			result.Pos = key.value.pos
		case "at_once":
			l.setInt(&result.AtOnce, key, 1, maxWorkers)
		case "rate":
			result.Rate = l.readOneRate(key.value)
		}
	}
	if !l.require(each.value, each.pos, "each", "by") || result.By == "" {
		return nil
	}
	return result
}

// readQueueName reads the name of a queue of the model. It returns "" after a fault.
func (l *loader) readQueueName(value *node) string {
	name, ok := l.readText(value, "queue")
	if !ok {
		return ""
	}
	if l.model.Queue(name) == nil {
		names := make([]string, len(l.model.Queues))
		for i, queue := range l.model.Queues {
			names[i] = queue.Name
		}
		l.fault(value.pos, "there is no queue %s%s", quote(name), cmp.Or(suggest.DidYouMean(name, names), ": add it to queues, such as "+snakeCase(name)+": {workers: 2}"))
		return ""
	}
	return name
}

// checkWorkers adds the queue of leased jobs, and reports queues that have jobs of both kinds. A worker that leases jobs of one
// kind would have to look through all jobs of the other.
func (l *loader) checkWorkers() {
	leased := map[string]*jobDecl{}
	for _, decl := range l.jobDecls {
		if decl.job.Pull {
			leased[decl.job.Queue] = decl
		}
	}
	if leased[model.PullQueue] != nil && l.model.Queue(model.PullQueue) == nil {
		l.model.Queues = append(l.model.Queues, model.UsualQueue(model.PullQueue))
	}
	for _, queue := range l.model.Queues {
		queue.Leased = leased[queue.Name] != nil
	}
	for _, decl := range l.jobDecls {
		if other := leased[decl.job.Queue]; other != nil && !decl.job.Pull {
			l.fault(decl.queuePos(), "the queue %s cannot have both %s, which workers lease, and %s, which the server does: give one of them another queue",
				decl.job.Queue, other.job.Name, decl.job.Name)
		}
	}
}

// checkEach reports a field that jobs of its queue do not have.
func (l *loader) checkEach() {
	for _, queue := range l.model.Queues {
		if queue.Each == nil {
			continue
		}
		var lacking []*jobDecl
		members := 0
		for _, decl := range l.jobDecls {
			if decl.job.Queue != queue.Name || decl.unreadable {
				continue
			}
			members++
			if decl.keyProblem(queue.Each.By) != "" {
				lacking = append(lacking, decl)
			}
		}
		if members > 0 && len(lacking) == members {
			l.fault(queue.Each.Pos, "the queue %s takes turns by %s, but no job in it has such a field or argument: %s",
				queue.Name, quote(queue.Each.By), lacking[0].keyProblem(queue.Each.By))
			continue
		}
		for _, decl := range lacking {
			l.fault(decl.queuePos(), "the queue %s takes turns by %s, so the job %s cannot be in it: %s",
				queue.Name, queue.Each.By, decl.job.Name, decl.keyProblem(queue.Each.By))
		}
	}
}

// keyProblem returns why rows of tables cannot be told apart by a field, or "".
func keyProblem(tables []*model.Table, name string) string {
	if len(tables) == 0 {
		return "there is no row and no argument"
	}
	for _, table := range tables {
		field := table.Field(name)
		switch {
		case field == nil && table.Field(name+"_id") != nil && table.Field(name+"_id").RefName == name:
			return name + " is a reference: write " + name + "_id"
		case field == nil:
			return table.Name + " has no " + quote(name) + suggest.DidYouMean(name, readableNames(table))
		case field.Secret:
			return name + " is secret"
		case field.Type == model.JSON || field.Type == model.Float:
			return name + " is " + describe(field) + ", whose values are not compared"
		}
	}
	return ""
}

func readableNames(table *model.Table) []string {
	var names []string
	for _, field := range table.Fields {
		if !field.Secret {
			names = append(names, field.Name)
		}
	}
	return slices.Clip(names)
}
