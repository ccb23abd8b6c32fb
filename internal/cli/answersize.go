package cli

import (
	"errors"
	"fmt"
)

// answerSize is the value of --answer-cache, in bytes. Zero means off.
type answerSize int64

// The bounds of an answer cache. Each answer may take a small part of it.
const (
	minAnswers = 1_000_000
	maxAnswers = 64_000_000_000
)

func (s *answerSize) String() string {
	if *s == 0 {
		return "off"
	}
	return fmt.Sprintf("%dMB", *s/1_000_000)
}

func (*answerSize) Type() string { return "size" }

// Set implements pflag.Value.
func (s *answerSize) Set(text string) error {
	if text == "off" {
		*s = 0
		return nil
	}
	size, err := parseSize(text)
	if err != nil || size < minAnswers || size > maxAnswers {
		return errors.New("write off, or a size from 1MB to 64GB with its unit, such as 256MB")
	}
	*s = answerSize(size)
	return nil
}
