package main

import (
	"fmt"
	"strings"
	"testing"
)

// words makes a text of n words in sentences of the given length.
func words(n, sentence int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "word"
		if i%sentence == 0 {
			all[i] = "Word"
		}
		if (i+1)%sentence == 0 || i == n-1 {
			all[i] += "."
		}
		if i%10 == 9 {
			all[i] += "\n"
		}
	}
	return strings.TrimSpace(strings.ReplaceAll(strings.Join(all, " "), "\n ", "\n"))
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("word ", 20) + "word." // 105 columns
	link := "[a](https://example.com/" + strings.Repeat("x", 100) + ")"
	tests := []struct {
		name, in string
		want     []string // of each finding, the line and the first words
	}{
		{"plain text", "# Title\n\nOne line.\n", nil},
		{"a line of 100 columns", strings.Repeat("x", 100), nil},
		{"a line of 101 columns", "Short.\n" + strings.Repeat("x", 101), []string{"2: line of 101 columns"}},
		{"columns are characters", strings.Repeat("é", 100), nil},
		{"a heading", "## " + long, nil},
		{"a table", "| a | b |\n|---|---|\n| " + long + " | b |", nil},
		{"a sentence in a table", "| " + strings.ReplaceAll(words(36, 36), "\n", " ") + " | b |", []string{"1: sentence of 36 words"}},
		{"one link", link + "\n" + link + ".\n- " + link, nil},
		{"an address", "<https://example.com/" + strings.Repeat("x", 100) + ">", nil},
		{"a link within text", "See " + link, []string{"1: line of 129 columns"}},
		{"a code block", "```sh\n" + long + "\n```\n" + long, []string{"4: line of 105 columns"}},
		{"an indented code block", "Text:\n\n    " + long + "\n", nil},
		{"an indented line of a list", "- One.\n\n    " + long, []string{"3: line of 109 columns"}},
		{"a code block in a list", "- One:\n\n  ```\n  " + long + "\n  ```\n", nil},
		{"a comment", "<!-- " + long + "\n" + long + " -->\n" + long, []string{"3: line of 105 columns"}},
		{"a paragraph of 100 words", words(100, 10), nil},
		{"a paragraph of 101 words", "Short.\n\n" + words(101, 10), []string{"3: paragraph of 101 words"}},
		{"items of a list are paragraphs", "- " + words(60, 10) + "\n- " + words(60, 10), nil},
		{"a sentence of 35 words", words(35, 35), nil},
		{"a sentence of 36 words", words(36, 36), []string{"1: sentence of 36 words"}},
		{"the line of a sentence", "Short.\nShort too. " + words(36, 36), []string{"2: sentence of 36 words"}},
		{"a code span is one word", "Run `" + words(30, 30) + "`\n" + words(33, 33), nil},
		{"a link counts its text", "A [b\nc](d e f) " + words(30, 40), nil},
		{"a full stop within a sentence", words(18, 99)[:88] + "\ne.g. " + words(17, 99), []string{"1: sentence of 36 words"}},
		{"a code span begins a sentence", words(20, 20) + "\n`x`\n" + words(20, 20), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Check(tt.in)
			if len(got) != len(tt.want) {
				t.Fatalf("Check(%q) = %v, want %q", tt.in, got, tt.want)
			}
			for i, finding := range got {
				if text := fmt.Sprintf("%d: %s", finding.Line, finding.Message); !strings.HasPrefix(text, tt.want[i]) {
					t.Errorf("Check(%q) = %q, want %q", tt.in, text, tt.want[i])
				}
			}
		})
	}
}

func TestExempt(t *testing.T) {
	tests := []struct {
		name, text string
		want       bool
	}{
		{"docs/CHANGELOG.md", "", true},
		{"bench/SCALE.md", "# Scale\n\nWritten by `make bench-scale`. 8 connections.\n", true},
		{"docs/model.md", "# The model\n", false},
	}
	for _, tt := range tests {
		if got := exempt(tt.name, []byte(tt.text)); got != tt.want {
			t.Errorf("exempt(%q, %q) = %v, want %v", tt.name, tt.text, got, tt.want)
		}
	}
}
