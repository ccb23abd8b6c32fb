// Command pocketbase runs PocketBase for the benchmark. Commands of its own make the collections, sign tokens, set
// passwords and switch the log of requests off.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/spf13/cobra"
)

func main() {
	app := pocketbase.New()
	app.RootCmd.AddCommand(
		&cobra.Command{Use: "collections", Short: "Make the collections of the benchmark", RunE: func(*cobra.Command, []string) error { return collections(app) }},
		&cobra.Command{Use: "tokens", Short: "Print a token for each id on standard input", RunE: func(*cobra.Command, []string) error { return tokens(app) }},
		&cobra.Command{Use: "logs-off", Short: "Keep no request log", RunE: func(*cobra.Command, []string) error { return logsOff(app) }},
		&cobra.Command{Use: "passwords", Short: "Set the passwords on standard input: lines of an id, a space and a password", RunE: func(*cobra.Command, []string) error { return passwords(app) }},
	)
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

// collections makes the tables of the other servers, with the same indexes and rules.
func collections(app core.App) error {
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return err
	}
	open := types.Pointer("")
	users.ListRule, users.ViewRule = open, open
	if err := app.Save(users); err != nil {
		return err
	}
	own := types.Pointer("author_id = @request.auth.id")
	if err := articles(app, "posts", users, open, own); err != nil {
		return err
	}
	return articles(app, "notes", users, own, own)
}

func articles(app core.App, name string, users *core.Collection, read, write *string) error {
	c := core.NewBaseCollection(name)
	c.Fields.Add(
		&core.TextField{Name: "title", Required: true, Max: 200},
		&core.TextField{Name: "body", Required: true, Max: 100_000},
		&core.SelectField{Name: "status", Required: true, MaxSelect: 1, Values: []string{"draft", "open", "closed", "archived"}},
		&core.NumberField{Name: "views", OnlyInt: true},
		&core.NumberField{Name: "score"},
		&core.BoolField{Name: "featured"},
		&core.RelationField{Name: "author_id", Required: true, MaxSelect: 1, CollectionId: users.Id},
		&core.AutodateField{Name: "created_at", OnCreate: true},
		&core.AutodateField{Name: "updated_at", OnCreate: true, OnUpdate: true},
	)
	c.ListRule, c.ViewRule = read, read
	c.CreateRule, c.UpdateRule, c.DeleteRule = write, write, write
	c.AddIndex("i_"+name+"_author", false, "author_id, created_at", "")
	c.AddIndex("i_"+name+"_status", false, "status, created_at", "")
	return app.Save(c)
}

func tokens(app core.App) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		user, err := app.FindRecordById("users", in.Text())
		if err != nil {
			return err
		}
		token, err := user.NewAuthToken()
		if err != nil {
			return err
		}
		fmt.Println(token)
	}
	return in.Err()
}

// passwords sets passwords as PocketBase itself does, with its default cost.
func passwords(app core.App) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		id, password, _ := strings.Cut(in.Text(), " ")
		user, err := app.FindRecordById("users", id)
		if err != nil {
			return err
		}
		user.SetPassword(password)
		if err := app.Save(user); err != nil {
			return err
		}
	}
	return in.Err()
}

func logsOff(app core.App) error {
	settings := app.Settings()
	settings.Logs.MaxDays = 0
	return app.Save(settings)
}
