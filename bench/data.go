package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// The rows of the benchmark. Each follows from its number, so that every server has the same.

const userCount = 1000

// callers is the number of users that send requests with a token.
const callers = 100

var statuses = [...]string{"draft", "open", "closed", "archived"}

// epoch is the creation time of the first row. Rows are a second apart, so that their order is the same everywhere.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func created(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

type user struct{ id, email, name string }

func userOf(n int) user {
	return user{uuidOf('a', n), fmt.Sprintf("user%d@example.com", n), "User Number " + fmt.Sprint(n)}
}

// article is a row of posts or notes.
type article struct {
	id, title, body, status string
	views                   int64
	score                   float64
	featured                bool
	author                  int
}

// articleOf is row n of a table, "posts" or "notes".
func articleOf(table string, n int) article {
	random := rand.New(rand.NewPCG(uint64(n), uint64(len(table))<<8|uint64(table[0])))
	return article{
		id:     uuidOf(table[0], n),
		title:  fmt.Sprintf("Article %d: %s", n, words(random, 30)),
		body:   words(random, 270+random.IntN(60)),
		status: statuses[random.IntN(len(statuses))],
		views:  random.Int64N(100_000), score: float64(random.IntN(10_000)) / 100, featured: random.IntN(10) == 0,
		author: random.IntN(userCount),
	}
}

// uuidOf returns a version 7 UUID with the creation time of row n.
func uuidOf(kind byte, n int) string {
	ms := created(n).UnixMilli()
	return fmt.Sprintf("%08x-%04x-7%03x-8%03x-%02x%010x", ms>>16, ms&0xffff, n&0xfff, n>>12&0xfff, kind, n)
}

var vocabulary = strings.Fields(`stone course mortar ashlar square dress lay bond face joint quoin arch vault level plumb line
	"quoted" façade wall tower bridge quarry block chisel mallet granite sandstone limestone basalt marble slate`)

// words is text of about size bytes: quotes and a letter beyond ASCII among it.
func words(random *rand.Rand, size int) string {
	var text strings.Builder
	for text.Len() < size {
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(vocabulary[random.IntN(len(vocabulary))])
	}
	return text.String()
}

// shortOf returns the id of a row in PocketBase. Its ids have 15 characters: with another pattern it would look for
// each new id in all rows, ignoring case.
func shortOf(id string) string {
	var kind, n int
	if _, err := fmt.Sscanf(id[24:], "%02x%010x", &kind, &n); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%c%014d", kind, n)
}

// longOf is the inverse of shortOf. It returns an id of any other form unchanged.
func longOf(id string) string {
	if len(id) != 15 {
		return id
	}
	n, err := strconv.Atoi(id[1:])
	if err != nil {
		return id
	}
	return uuidOf(id[0], n)
}
