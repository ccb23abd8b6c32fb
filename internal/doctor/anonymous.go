package doctor

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Exposure is what callers without a token may do with a table or view.
type Exposure struct {
	Table      string   `json:"table"`
	View       bool     `json:"view,omitempty"`
	Operations []string `json:"operations"` // read, create, update, delete
	Some       bool     `json:"some,omitempty"`
	Fields     []string `json:"fields,omitempty"`      // shown in rows that can be read
	SomeFields []string `json:"some_fields,omitempty"` // shown in some of these rows
	Personal   []string `json:"personal,omitempty"`    // fields of both lists that look like data of persons
	SomeWrites bool     `json:"some_writes,omitempty"`
}

func (x *Exposure) writes() []string {
	return slices.DeleteFunc(slices.Clone(x.Operations), func(op string) bool { return op == "read" })
}

// Anonymous returns what is open to callers without a token, from the rules alone: the tables and views in the order of the
// model. Others are left out. A rule about rows or the time opens some rows.
func Anonymous(rules *rule.Rules) []Exposure {
	folder := anonymous(rules)
	found := []Exposure{}
	for _, table := range rules.Model.All() {
		one := exposed(rules, folder, table)
		if len(one.Operations) > 0 {
			found = append(found, one)
		}
	}
	return found
}

// anonymous folds rules for a caller without a token. The parts about the time stay: they may become true.
func anonymous(rules *rule.Rules) rule.Folder {
	slots := rules.Slots.List
	states, values := make([]rule.State, len(slots)), make([]value.Value, len(slots))
	rules.Slots.Bind(&rule.Env{}, states, values)
	for i, slot := range slots {
		if rule.UsesNow(slot.Node) {
			states[i] = rule.IsValue
		}
	}
	return rule.Folder{States: states}
}

func exposed(rules *rule.Rules, folder rule.Folder, table *model.Table) Exposure {
	own := rules.Table(table)
	one := Exposure{Table: table.Name, View: table.View != nil}
	read := folder.Fold(own.Read)
	one.allow("read", &one.Some, read)
	if !one.View {
		one.allow("create", &one.SomeWrites, folder.Fold(own.Create))
		one.allow("update", &one.SomeWrites, read, folder.Fold(own.UpdateFrom), folder.Fold(own.UpdateTo))
		one.allow("delete", &one.SomeWrites, read, folder.Fold(own.Delete))
	}
	if !rule.NeverTrue(read) {
		one.addFields(rules, folder, table)
	}
	return one
}

// allow adds an operation if all its rules may be true. some is set if they are not true for every row.
func (x *Exposure) allow(name string, some *bool, nodes ...rule.Node) {
	every := true
	for _, node := range nodes {
		if rule.NeverTrue(node) {
			return
		}
		every = every && rule.AlwaysTrue(node)
	}
	x.Operations = append(x.Operations, name)
	*some = *some || !every
}

func (x *Exposure) addFields(rules *rule.Rules, folder rule.Folder, table *model.Table) {
	for _, field := range table.Fields {
		if field.System {
			continue // ids and times tell nothing by themselves
		}
		name, read := field.Name, rules.Field(field).Read
		if field.Ref != nil {
			name = field.RefName
		}
		switch shown := foldField(folder, read); {
		case shown == nil, rule.AlwaysTrue(shown):
			x.Fields = append(x.Fields, name)
		case rule.NeverTrue(shown):
			continue
		default:
			x.SomeFields = append(x.SomeFields, name)
		}
		if looksPersonal(field) {
			x.Personal = append(x.Personal, name)
		}
	}
}

func foldField(folder rule.Folder, read rule.Node) rule.Node {
	if read == nil {
		return nil
	}
	return folder.Fold(read)
}

// personalWords are words in names of fields whose values are mostly about one person.
var personalWords = [...]string{"email", "mail", "phone", "mobile", "birth", "birthday", "birthdate", "dob", "ssn", "passport", "iban", "address", "surname", "lastname", "firstname", "fullname", "creditcard", "cardnumber", "street", "postcode", "zip",
	"gender", "religion", "diagnosis", "password", "secret", "token", "ip", "latitude", "longitude"}

// looksPersonal reports whether the name of a field tells of data of persons. Two words count together too, as in last_name.
func looksPersonal(field *model.Field) bool {
	if field.Type == model.Bool || field.Type == model.Enum {
		return false
	}
	words := strings.Split(strings.ToLower(field.Name), "_")
	isPersonal := func(word string) bool { return slices.Contains(personalWords[:], word) }
	isNameOfUser := field.Table.Name == "users" && slices.Contains(words, "name")
	return slices.ContainsFunc(words, isPersonal) || isPersonal(strings.Join(words, "")) || isNameOfUser
}
