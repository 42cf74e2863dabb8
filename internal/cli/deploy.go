package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/pack"
	"github.com/imgmill/imgmill/internal/aws/stack"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// deployFlags are the flags of deploy.
type deployFlags struct {
	region, config, code, binary string
	tags, stack                  string
	dryRun, yes, json            bool
	// parameters holds the values of the flags that set parameters of the template, by the flag's
	// name.
	parameters map[string]*string
}

func deployCommand() *cobra.Command {
	f := deployFlags{parameters: map[string]*string{}}
	c := &cobra.Command{
		Use:   "deploy NAME",
		Short: "Create or update a deployment on AWS",
		Long: `Create a deployment on AWS, or update it: the function with its buckets, role, queues, log and alarms as one
CloudFormation stack named imgmill-NAME, and the notifications of the source bucket. Before it changes anything,
deploy shows the account, what it will create or change, and the estimated cost, and asks.

If the recipe has notify, the secrets come from the environment variables that it names. Those of a deployment stay as they
are if none of the variables is set.

Run it again to update a deployment: to a new recipe, version or setting. Settings that you do not give stay as
they are, and so does the recipe if you name none and there is none in the current folder. You can interrupt the
command and run it again at any time. 'imgmill destroy NAME' deletes everything.

If you keep your infrastructure yourself, --stack prints the same deployment for AWS SAM, Terraform or the AWS CDK, and
changes nothing: with the recipe and the flags that you give, and no look at AWS.`,
		Example: `  imgmill deploy photos
  imgmill deploy photos --memory 3008 --trigger queue --email me@example.com
  imgmill deploy photos --source-bucket my-uploads --config imgmill.yaml
  imgmill deploy photos --dry-run
  imgmill deploy photos --stack terraform >main.tf`,
		Args: oneName,
		RunE: func(c *cobra.Command, args []string) error {
			return explainRerun(f.run(c, args[0]))
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.config, "config", "",
		"recipe (default: imgmill.yaml in this folder, else the deployed one, else 800 pixels wide)")
	flags.StringVar(&f.code, "code", "", "zip from imgmill package (default: the function of this version)")
	flags.StringVar(&f.binary, "binary", "",
		"function binary that was built elsewhere (default: the function of this version)")
	flags.StringVar(&f.region, "region", "", regionUsage)
	for _, p := range deployment.Flags {
		f.parameters[p.Flag] = flags.String(p.Flag, "", p.Usage)
	}
	flags.StringVar(&f.tags, "tags", "",
		"tags of all parts, such as team=web,env=prod, in the place of those they have; \"\" for none")
	flags.StringVar(&f.stack, "stack", "", "print the deployment for another `TOOL`, sam, terraform or cdk, and change nothing")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would change, and change nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&f.json, "json", false,
		"also write each event as a line of JSON to standard output")
	return c
}

// given returns the values of the flags that set parameters.
func (f *deployFlags) given(c *cobra.Command) (map[string]string, error) {
	known, err := deployment.Parameters()
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for _, p := range deployment.Flags {
		if !c.Flags().Changed(p.Flag) {
			continue
		}
		value := *f.parameters[p.Flag]
		if p.Flag == "arch" {
			if value, err = architecture(value); err != nil {
				return nil, err
			}
			if value == pack.AMD64 {
				value = "x86_64"
			}
		}
		if err := known[p.Parameter].Check(value); err != nil {
			return nil, wrongUse("--%s %w", p.Flag, err)
		}
		given[p.Parameter] = value
	}
	return given, nil
}

// code is what the function will run: a zip, or what to build one from.
type code struct {
	recipe *recipe.Recipe
	// text is the recipe's text, or nil for the default recipe; name is its file.
	text []byte
	name string
	// zip and its architecture are empty if the zip is not built yet.
	zip  []byte
	arch string
	// binary is a function from elsewhere, read from binaryFile, or nil.
	binary     []byte
	binaryFile string
}

func (f *deployFlags) readCode() (*code, error) {
	c := &code{}
	var err error
	switch {
	case f.code != "" && f.config != "":
		return nil, wrongUse("--code and --config exclude each other: the zip contains its recipe")
	case f.code != "" && f.binary != "":
		return nil, wrongUse("--code and --binary exclude each other: the zip contains its binary")
	case f.code != "":
		if c.zip, err = os.ReadFile(f.code); err != nil {
			return nil, fmt.Errorf("read the function's zip: %w", err)
		}
		contents, err := pack.Read(c.zip)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.code, err)
		}
		c.arch, c.text, c.name = contents.Arch, contents.Recipe, f.code+"/"+recipeName
		if c.text == nil {
			return nil, fmt.Errorf("%s contains no %s: create the zip with imgmill package", f.code,
				recipeName)
		}
	default:
		if c.text, c.name, err = readRecipe(f.config); err != nil {
			return nil, err
		}
	}
	if f.binary != "" {
		if c.binary, err = readBinary(f.binary); err != nil {
			return nil, err
		}
		c.binaryFile = f.binary
	}
	if c.text == nil {
		c.recipe = recipe.Default(formats.All())
		c.recipe.Nameless = true
		return c, nil
	}
	c.recipe, err = recipe.ParseAnywhere(formats.All(), c.name, c.text)
	return c, err
}

// keepRecipe takes the recipe from the existing deployment if none was named and the current folder
// has none. Only a new deployment gets the default recipe.
func (c *code) keepRecipe(ctx context.Context, cloud *client.Cloud, names deployment.Names,
	o *deployOutput) error {
	if c.text != nil {
		return nil
	}
	d, err := deployment.Find(ctx, cloud, names)
	if errors.Is(err, deployment.ErrNotDeployed) || err == nil &&
		(d.Broken() || d.Tags[deployment.TagName] != d.Name) {
		return nil // the plan refuses a stack that is not ours
	}
	if err != nil {
		return err
	}
	deployed, err := deployment.ReadCode(ctx, cloud, d)
	if err != nil {
		return fmt.Errorf("there is no %s here, and the recipe of %s cannot be read, so name one with --config: %w",
			recipeName, names.Name, err)
	}
	c.text, c.name = deployed.Text, "the recipe of "+names.Name
	if c.recipe, err = recipe.ParseAnywhere(formats.All(), c.name, c.text); err != nil {
		return err
	}
	o.printf("There is no %s here, so %s keeps its recipe.", recipeName, names.Name)
	return nil
}

// build returns the zip, which it builds unless one was given.
func (c *code) build(ctx context.Context, arch string) ([]byte, error) {
	if c.zip == nil {
		zip, err := pack.Build(ctx, pack.Options{Arch: arch, Recipe: c.text, RecipeName: c.name,
			Binary: c.binary})
		if errors.Is(err, pack.ErrBinary) && c.binary != nil {
			err = fmt.Errorf("%s: %w", c.binaryFile, err)
		}
		return zip, err
	}
	if c.arch != arch {
		return nil, fmt.Errorf("the zip is for %s, but the function is for %s: add --arch %s, or create another zip",
			c.arch, arch, c.arch)
	}
	return c.zip, nil
}

func (f *deployFlags) run(c *cobra.Command, name string) error {
	ctx := c.Context()
	names, err := deployment.NamesFor(name)
	if err != nil {
		return usageError{err}
	}
	if c.Flags().Changed("stack") {
		return f.printStack(c, names)
	}
	given, err := f.given(c)
	if err != nil {
		return err
	}
	var tags map[string]string // nil keeps those that there are
	if c.Flags().Changed("tags") {
		if tags, err = deployment.ParseTags(f.tags); err != nil {
			return wrongUse("--tags %w", err)
		}
	}
	code, err := f.readCode()
	if err != nil {
		return err
	}
	o := newDeployOutput(c, f.json)
	cloud, who, err := o.begin(c, f.region, names, f.yes, f.dryRun)
	if err != nil {
		return err
	}
	if err := code.keepRecipe(ctx, cloud, names, o); err != nil {
		return err
	}
	plan, err := stack.NewPlan(ctx, cloud, stack.Settings{Names: names, Account: who.Account,
		Recipe: code.recipe, Given: given, Tags: tags, Getenv: os.Getenv})
	if err != nil {
		return err
	}
	zip, err := code.build(ctx, plan.Arch())
	if err != nil {
		return err
	}
	plan.SetZip(zip)
	o.plan(plan)
	switch {
	case len(plan.Changes) == 0:
		o.printf("Nothing to change: %s is up to date.", name)
		return nil
	case f.dryRun:
		o.printf("Nothing was changed.")
		return nil
	}
	if ok, err := o.confirm(ctx, f.yes); !ok {
		return err
	}
	counting, cancel := context.WithCancel(ctx)
	defer cancel()
	count := countOutdated(counting, cloud, plan)
	d, changed, err := stack.Apply(ctx, cloud, plan, o.event)
	o.end()
	if err != nil {
		return err
	}
	o.deployed(d, changed, <-count)
	return nil
}

// explainRerun adds to the error of an interrupted or failed operation how to go on.
func explainRerun(err error) error {
	var failed *stack.Error
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; AWS finishes what it has begun. Run the same command again to continue")
	case errors.As(err, &failed):
		return fmt.Errorf("%w%s\nFix the cause and run the same command again, or delete the deployment with imgmill destroy",
			err, hint(failed.Cause.Reason))
	}
	return err
}

// hints explain reasons of AWS that do not say what to do.
var hints = []struct{ reason, hint string }{
	{"UnreservedConcurrentExecution",
		"The account's limit is too low to reserve that many instances: add --concurrency 0."},
	{"is not authorized to perform",
		"Your credentials lack a permission: use an administrator's, or have the policy under \"Who deploys\" in docs/aws.md added."},
	{"You must wait 60 seconds after deleting a queue", "Wait a minute."},
	{"already exists",
		"Something of that name already exists and does not belong to this deployment: delete it, or choose another NAME."},
}

func hint(reason string) string {
	for _, h := range hints {
		if strings.Contains(reason, h.reason) {
			return "\n" + h.hint
		}
	}
	return ""
}
