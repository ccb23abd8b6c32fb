package shape

import (
	"errors"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Arguments converts the arguments of a request to their types in the filter.
func (s *Shape) Arguments(given map[string]string) (map[string]value.Value, error) {
	if len(given) == 0 && len(s.args) == 0 {
		return nil, nil
	}
	out := make(map[string]value.Value, len(s.args))
	for _, arg := range s.args {
		text, ok := given[arg.Name]
		if !ok {
			return nil, errs.New(errs.Malformed, "the filter uses arg.%s, which the request does not give", arg.Name)
		}
		v, err := value.ParseArg(arg.Type, arg.Scale, text)
		if err != nil {
			return nil, errs.Wrapf(err, errs.Malformed, "arg.%s: %s", arg.Name, publicMessage(err))
		}
		out[arg.Name] = v
	}
	for name := range given {
		if _, ok := out[name]; !ok {
			return nil, errs.New(errs.Malformed, "the filter does not use arg.%s", errs.Clip(name, 60))
		}
	}
	return out, nil
}

func publicMessage(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Message
	}
	return fmt.Sprintf("cannot be read: %v", err)
}

// CheckTextCost refuses a filter that would compare too much text. values are the values of all slots.
func (s *Shape) CheckTextCost(values []value.Value) error {
	if what := s.textCost.Exceeded(values); what != "" {
		return errs.New(errs.Malformed, "filter: %s", what)
	}
	return nil
}
