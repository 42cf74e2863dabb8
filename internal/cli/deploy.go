package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// deployFlags are the command line of deploy.
type deployFlags struct {
	region, config, code string
	dryRun, yes, json    bool
	values               map[string]*string // of the flags that are parameters of the template, by the flag's name
}

func deployCommand() *cobra.Command {
	f := deployFlags{values: map[string]*string{}}
	c := &cobra.Command{
		Use:   "deploy NAME",
		Short: "Put it on AWS, or change what is there",
		Long: `Put the function with its buckets, role, queues, log and alarms on AWS, as one CloudFormation stack named imgmill-NAME, and
have the source bucket tell it of pictures. Before anything is made it says whose account this is, what will be made or
changed, about what it costs, and asks.

Run again, it changes what differs: the recipe, the version, settings. A setting that is not given stays as it is, and so does the
recipe where none is named or in this folder. It can be interrupted and run again at any time. 'imgmill destroy NAME' takes everything away.`,
		Example: `  imgmill deploy photos
  imgmill deploy photos --memory 3008 --trigger queue --email me@example.com
  imgmill deploy photos --source-bucket my-uploads --config imgmill.yaml
  imgmill deploy photos --dry-run`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error { return again(f.run(c, args[0])) },
	}
	flags := c.Flags()
	flags.StringVar(&f.config, "config", "", "recipe (default imgmill.yaml if it is here, else the one that is deployed, else 800 pixels wide)")
	flags.StringVar(&f.code, "code", "", "zip made by imgmill package; the function is built otherwise")
	flags.StringVar(&f.region, "region", "", "AWS region (default: as the AWS command line finds it)")
	for _, t := range stack.Flags {
		f.values[t.Flag] = flags.String(t.Flag, "", t.Usage)
	}
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done and change nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&f.json, "json", false, "one line of JSON for each thing told, on standard output")
	return c
}

// given are the values of the flags that are parameters.
func (f *deployFlags) given(c *cobra.Command) (map[string]string, error) {
	known, err := stack.Parameters()
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, t := range stack.Flags {
		if !c.Flags().Changed(t.Flag) {
			continue
		}
		value := *f.values[t.Flag]
		if t.Flag == "arch" {
			if value, err = architecture(value); err != nil {
				return nil, err
			}
			if value == pack.AMD64 {
				value = "x86_64"
			}
		}
		if err := known[t.Parameter].Check(value); err != nil {
			return nil, wrongUse("--%s %w", t.Flag, err)
		}
		given[t.Parameter] = value
	}
	return given, nil
}

// code is what the function is to run: a zip, or what to build it from.
type code struct {
	recipe *recipe.Recipe
	text   []byte // of the recipe; nil is the default
	name   string // of its file
	zip    []byte // nil: not built yet
	arch   string // of zip
}

func (f *deployFlags) readCode() (*code, error) {
	c := &code{}
	var err error
	switch {
	case f.code != "" && f.config != "":
		return nil, wrongUse("--code and --config exclude each other: the zip holds its recipe")
	case f.code != "":
		if c.zip, err = os.ReadFile(f.code); err != nil {
			return nil, fmt.Errorf("read the function's zip: %w", err)
		}
		in, err := pack.Read(c.zip)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.code, err)
		}
		c.arch, c.text, c.name = in.Arch, in.Recipe, f.code+"/"+recipeName
		if c.text == nil {
			return nil, fmt.Errorf("%s holds no %s: make it by imgmill package", f.code, recipeName)
		}
	default:
		if c.text, c.name, err = readRecipe(f.config); err != nil {
			return nil, err
		}
	}
	if c.recipe = recipe.Default(formats.All()); c.text != nil {
		c.recipe, err = recipe.Parse(formats.All(), c.name, c.text)
	}
	return c, err
}

// stay takes the recipe of a deployment that stands where none is named and none is here: the default is for new ones.
func (c *code) stay(ctx context.Context, cloud *stack.Cloud, names stack.Names, t *teller) error {
	if c.text != nil {
		return nil
	}
	d, err := cloud.Find(ctx, names)
	if errors.Is(err, stack.ErrNotDeployed) || err == nil && (d.Broken() || d.Tags[stack.TagName] != d.Name) {
		return nil // of what is not ours, the plan says so
	}
	if err != nil {
		return err
	}
	deployed, err := cloud.Code(ctx, d)
	if err != nil {
		return fmt.Errorf("there is no %s here, and the recipe of %s cannot be read, so that --config has to name one: %w", recipeName, names.Name, err)
	}
	c.text, c.name = deployed.Text, "the recipe of "+names.Name
	if c.recipe, err = recipe.Parse(formats.All(), c.name, c.text); err != nil {
		return err
	}
	t.say("There is no %s here: the recipe of %s stays as it is.", recipeName, names.Name)
	return nil
}

// build makes the zip unless it was given.
func (c *code) build(ctx context.Context, arch string) ([]byte, error) {
	if c.zip == nil {
		return pack.Build(ctx, pack.Options{Arch: arch, Recipe: c.text, RecipeName: c.name})
	}
	if c.arch != arch {
		return nil, fmt.Errorf("the zip is for %s and the function has %s: add --arch %s, or package it anew", c.arch, arch, c.arch)
	}
	return c.zip, nil
}

func (f *deployFlags) run(c *cobra.Command, name string) error {
	ctx := c.Context()
	names, err := stack.NamesFor(name)
	if err != nil {
		return usageError{err}
	}
	given, err := f.given(c)
	if err != nil {
		return err
	}
	code, err := f.readCode()
	if err != nil {
		return err
	}
	if err := mayAsk(c, f.yes || f.dryRun); err != nil {
		return err
	}
	cloud, err := stack.Open(ctx, f.region)
	if err != nil {
		return err
	}
	t := newTeller(c, f.json)
	who, err := t.whose(ctx, cloud)
	if err != nil {
		return err
	}
	if !f.dryRun {
		if _, err := cloud.Rest(ctx, names, t.event); err != nil && !errors.Is(err, stack.ErrNotDeployed) {
			return err
		}
	}
	if err := code.stay(ctx, cloud, names, t); err != nil {
		return err
	}
	plan, err := cloud.Plan(ctx, stack.Settings{Names: names, Account: who.Account, Recipe: code.recipe, Given: given})
	if err != nil {
		return err
	}
	zip, err := code.build(ctx, plan.Arch())
	if err != nil {
		return err
	}
	plan.Carry(zip)
	t.plan(plan)
	switch {
	case len(plan.Changes) == 0:
		t.say("Nothing to change: %s is as it should be.", name)
		return nil
	case f.dryRun:
		t.say("Nothing was changed.")
		return nil
	}
	if ok, err := t.agreed(ctx, f.yes); !ok {
		return err
	}
	d, changed, err := cloud.Make(ctx, plan, t.event)
	t.end()
	if err != nil {
		return err
	}
	t.up(d, changed)
	return nil
}

// again says how to go on after a change was interrupted or failed.
func again(err error) error {
	var failed *stack.StackError
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; AWS ends by itself what it has begun. Run the same command again: it goes on from there")
	case errors.As(err, &failed):
		return fmt.Errorf("%w%s\nPut that right and run the same command again; imgmill destroy takes away what is there", err, hint(failed.Cause.Reason))
	}
	return err
}

// hints are for reasons that do not say what to do.
var hints = []struct{ reason, hint string }{
	{"UnreservedConcurrentExecution", "The account's limit is too small to reserve instances: leave --concurrency out."},
	{"is not authorized to perform", "Whose credentials these are lacks a permission: use an administrator's, or have that action added."},
	{"You must wait 60 seconds after deleting a queue", "Wait a minute."},
	{"already exists", "Something of that name is there and not of this deployment: delete it, or choose another NAME."},
}

func hint(reason string) string {
	for _, h := range hints {
		if strings.Contains(reason, h.reason) {
			return "\n" + h.hint
		}
	}
	return ""
}
